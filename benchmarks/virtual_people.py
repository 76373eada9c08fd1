"""Do virtual people help to recognise real ones? The range of each person is taken off embeddings.

The covariance within people (Hatch, Kajarekar and Stolcke, Interspeech 2006) is estimated from sets
of virtual people, and from as many real ones as a rival. It whitens the embeddings of portraits of
actors, who are in none of these sets. Without any gain, training on such people is no use here.

Example: python benchmarks/virtual_people.py taiwan lfw_gray/images virtual virtual-pooled
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from mien.align import align
from mien.datasets import LABELS
from mien.datasets.people import people_in, person
from mien.detect import detect_with_retries
from mien.media import find_images, read_image
from mien.metrics import Clusters, threshold_at_fmr
from mien.zoo import DETECTOR, EMBEDDER, load

FAR, RIDGE = 0.01, 1.0  # RIDGE: of the mean variance, added to each; not tuned


def embedded(images):
    """(N, D) embeddings of the largest faces, and whose they are (N,)."""
    detector, embedder = load(DETECTOR), load(EMBEDDER)
    chips, people = [], []
    for path, name in images:
        image = read_image(path)
        faces = detect_with_retries(detector, image, "never").faces
        if faces:
            face = max(faces, key=lambda one: float(np.prod(one.box[2:] - one.box[:2])))
            chips.append(align(image, [face], embedder.crop)[0])
            people.append(name)
    return embedder(np.stack(chips)), np.array(people)


def whitener(vectors, people):
    """(D, D) that takes the covariance within people off."""
    inner = np.concatenate([vectors[people == n] - vectors[people == n].mean(0)
                            for n in np.unique(people)])  # fmt: skip
    covariance = inner.T @ inner / len(inner)
    covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, axes = np.linalg.eigh(covariance)
    return axes * values**-0.5 @ axes.T


def accepted(vectors, people):
    """(N,) share of the mated comparisons of each image that is accepted at FAR."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    same = people[:, None] == people[None]
    threshold = threshold_at_fmr(cosine[~same], FAR)
    np.fill_diagonal(same, False)
    return np.array([(row[own] > threshold).mean() for row, own in zip(cosine, same, strict=True)])


def as_many(images, people, each):
    """The first people who have enough images."""
    by = defaultdict(list)
    for path, name in images:
        by[name].append((path, name))
    enough = [own[:each] for own in by.values() if len(own) >= each]
    return [one for own in enough[:people] for one in own]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("actors", type=Path, help="taiwan_expressions, unpacked")
    parser.add_argument("real", type=Path, help="images named Name_0001.jpg, as a rival")
    parser.add_argument("virtual", type=Path, nargs="+", help="sets of mien synth identities")
    given = parser.parse_args()
    test, who = embedded([(one.path, one.person) for one in LABELS["taiwan"](given.actors)])
    sets = {path.name: [(one.path, one.person) for one in people_in(path)]
            for path in given.virtual}  # fmt: skip
    first = next(iter(sets.values()))
    count = len({name for _, name in first})
    every = [(path, person(path.name)) for path in find_images([given.real])]
    sets["real people"] = as_many(every, count, len(first) // count)
    plain = accepted(test, who)
    groups = Clusters(who)
    one = groups.mean(plain)
    print(f"as it is: TAR {one.value:.3f} ({one.low:.3f} to {one.high:.3f}) at FAR {FAR:g}, "
          f"{len(test)} portraits of {one.people} actors")  # fmt: skip
    for name, images in sets.items():
        vectors, people = embedded(images)
        found = accepted(test @ whitener(vectors, people), who)
        change = groups.mean(found - plain)
        print(f"{name}: {len(vectors)} images of {len(set(people))} people: TAR "
              f"{found.mean():.3f}, change {change.value:+.3f} ({change.low:+.3f} to "
              f"{change.high:+.3f})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

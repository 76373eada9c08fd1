"""Measure grouping of photos by person, compared with DBSCAN and dlib's Chinese whispers.

All three group the same vectors. The peers have a distance to set: it is searched over a grid on
folds 0-2 of Labeled Faces in the Wild, and the best by B-cubed F is used on folds 3-4, with other
people. Ours has no distance: of 20 groups one at most shall mix two people. Three situations: all
images; only people with four images or more; all images among strangers (faces of UTKFace,
half of them for the tuning, the other half for the test), where B-cubed counts the images of
LFW. In the second and third the peers appear twice: with the setting of the first situation, as a
user would have it, and tuned for that situation. Last, time and memory of ours on many vectors:
those of LFW and UTKFace, and noisy copies of them.

Example: python benchmarks/cluster.py --vectors lfw.npz --strangers utkface/ --sizes 20000 100000
"""

import argparse
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from peers import lfw

from mien.albums.clustering import cluster_people
from mien.datasets.people import Picture, people_of_pairs
from mien.decision import Calibration
from mien.evaluate.verification.vectors import Sample, embed_pictures
from mien.media import find_images
from mien.metrics import b_cubed, b_cubed_each, bootstrap_weights
from mien.photo import open_pipeline
from mien.types import Floats

COSINES = np.arange(0.90, 0.9751, 0.0025)  # of the peers' grids, as distances sqrt(2 - 2 c)
LEAST = (1, 2, 3)  # DBSCAN's min_samples
NOISE = 0.02  # standard deviation of each number of a noisy copy
Grouping = Callable[[Floats], np.ndarray]


def dbscan(cosine: float, least: int) -> Grouping:
    """scikit-learn's DBSCAN; each of its noise points is a separate group."""
    from sklearn.cluster import DBSCAN

    def run(vectors: Floats) -> np.ndarray:
        groups = DBSCAN(eps=np.sqrt(2 - 2 * cosine), min_samples=least).fit_predict(vectors)
        alone = groups < 0
        groups[alone] = groups.max() + 1 + np.arange(alone.sum())
        return groups

    return run


def whispers(cosine: float) -> Grouping:
    """Dlib's Chinese whispers."""
    import dlib

    def run(vectors: Floats) -> np.ndarray:
        rows = [dlib.vector(row) for row in vectors.astype(float)]
        return np.array(dlib.chinese_whispers_clustering(rows, np.sqrt(2 - 2 * cosine)))

    return run


def peers() -> dict[str, dict[str, Grouping]]:
    """Each peer with each of its settings."""
    return {
        "DBSCAN": {f"cosine {c:.4f}, {m}": dbscan(c, m) for c in COSINES for m in LEAST},
        "Chinese whispers": {f"cosine {c:.4f}": whispers(c) for c in COSINES},
    }


Situation = tuple[Sample, Floats]  # images that count, and strangers


def compare(
    title: str,
    calibration: Calibration,
    tuning: Situation,
    test: Situation,
    usual: dict[str, str] | None = None,
) -> dict[str, str]:
    """Print B-cubed of ours and of each peer, and our lead.

    Args:
        title: of the situation.
        calibration: of ours.
        tuning: data for the selection of the peers' best setting.
        test: data for the comparison.
        usual: a setting of each peer that is tested too.

    Returns:
        The best setting of each peer.
    """
    sample, others = test
    print(f"\n{title}: {len(sample.people)} pictures of {len(set(sample.people))} people", end="")
    print(f", {len(others)} strangers; 95 % intervals by person")
    ours = grouped(lambda vectors: cluster_people(vectors, calibration).labels, sample, others)
    line("mien", ours, sample)
    best = {}
    for name, settings in peers().items():
        scores = {key: f_of(grouped(run, *tuning), tuning[0]) for key, run in settings.items()}
        best[name] = max(scores, key=lambda key: scores[key])
        tried = {"tuned like this": best[name], **({"usual": usual[name]} if usual else {})}
        for why, setting in tried.items():
            theirs = grouped(settings[setting], sample, others)
            low, high = lead(ours, theirs, sample)
            line(name, theirs, sample, f"{setting}, {why}; mien's F is {low:+.4f} to {high:+.4f}")
    return best


def grouped(run: Grouping, sample: Sample, others: Floats) -> np.ndarray:
    """Groups of the sample's images, followed by those of strangers."""
    return run(np.concatenate([sample.vectors, others]))


def labels(groups: np.ndarray, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Person of each image, each stranger a separate one; and which images count."""
    who = np.unique(sample.people, return_inverse=True)[1]
    strangers = who.max() + 1 + np.arange(len(groups) - len(who))
    return np.concatenate([who, strangers]), np.arange(len(groups)) < len(who)


def f_of(groups: np.ndarray, sample: Sample) -> float:
    """B-cubed F of the sample's images."""
    people, counted = labels(groups, sample)
    return b_cubed(groups, people, counted=counted, resamples=1).f


def line(name: str, groups: np.ndarray, sample: Sample, note: str = "nothing to set") -> None:
    """Print precision, recall and F with intervals."""
    people, counted = labels(groups, sample)
    score = b_cubed(groups, people, counted=counted)
    print(f"{name:17}", end="")
    for letter, value, low, high in zip(
        "PRF", (score.precision, score.recall, score.f), score.low, score.high, strict=True
    ):
        print(f"{letter} {value:.4f} ({low:.4f}-{high:.4f})  ", end="")
    print(note)


def lead(
    ours: np.ndarray, theirs: np.ndarray, sample: Sample, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of our F minus theirs, over resamples of the people, the same for both."""
    who = np.unique(sample.people, return_inverse=True)[1]
    drawn = bootstrap_weights(int(who.max()) + 1, 1000, seed=0)[:, who]  # (R, N)
    means = []
    for groups in (ours, theirs):
        people, counted = labels(groups, sample)
        parts = b_cubed_each(groups, people)
        precision, recall = (drawn @ part[counted] / drawn.sum(1) for part in parts)
        means.append(2 / (1 / precision + 1 / recall))
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    return float(low), float(high)


def photographed(sample: Sample, least: int) -> Sample:
    """The people with at least `least` images."""
    pictures = Counter(sample.people)
    keep = [row for row, name in enumerate(sample.people) if pictures[name] >= least]
    return Sample(sample.vectors[keep], tuple(sample.people[row] for row in keep))


def measure(vectors: Floats, calibration: Calibration, size: int) -> None:
    """Print time and memory of ours; noisy copies fill up missing vectors."""
    random, rows = np.random.default_rng(0), [vectors]
    while sum(map(len, rows)) < size:
        noisy = vectors + random.normal(0, NOISE, vectors.shape).astype(np.float32)
        rows.append(noisy / np.linalg.norm(noisy, axis=1, keepdims=True))
    crowd = np.concatenate(rows)[:size].astype(np.float32)
    del rows
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    groups = cluster_people(crowd, calibration).labels
    spent = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{size:,} vectors: {spent:.1f} s, {groups.max() + 1:,} groups; ", end="")
    print(
        f"peak of the process {before / 1024:.0f} MB before, {after / 1024:.0f} MB after;", end=""
    )
    print(f" a matrix of all pairs would be {size * size * 4 / 2**20:,.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lfw", type=Path, help="folder lfw_gray; default: from MIEN_DATA")
    parser.add_argument("--vectors", type=Path, help="keeps the vectors of LFW between runs")
    parser.add_argument("--strangers", type=Path, help="folder of faces of other people")
    parser.add_argument("--stranger-vectors", type=Path, help="keeps theirs")
    parser.add_argument("--sizes", type=int, nargs="*", default=[])
    args = parser.parse_args()
    folder, pipeline = lfw(args.lfw), open_pipeline()
    pictures = people_of_pairs(folder / "pairs.csv", folder / "images")
    found, _ = embed_pictures(pictures, pipeline, vectors=args.vectors)
    tuning, test = (
        Sample(
            np.stack([v for p, v in found.items() if p.fold in folds]),
            tuple(p.person for p in found if p.fold in folds),
        )
        for folds in ({0, 1, 2}, {3, 4})
    )
    calibration = pipeline.calibrated()
    nobody = np.empty((0, tuning.vectors.shape[1]), np.float32)
    usual = compare("Folds 3-4", calibration, (tuning, nobody), (test, nobody))
    rich = [(photographed(each, 4), nobody) for each in (tuning, test)]
    compare("Four pictures and more", calibration, rich[0], rich[1], usual)
    strangers = nobody
    if args.strangers:
        more = [Picture(path, path.name, 0) for path in find_images([args.strangers])]
        strangers = np.stack(
            list(embed_pictures(more, pipeline, vectors=args.stranger_vectors)[0].values())
        )
        half, other = strangers[::2], strangers[1::2]
        compare("Among strangers", calibration, (tuning, half), (test, other), usual)
    for size in args.sizes:
        measure(np.concatenate([tuning.vectors, test.vectors, strangers]), calibration, size)


if __name__ == "__main__":
    main()

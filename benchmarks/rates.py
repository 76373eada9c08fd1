"""Measure whether the rates that are asked for hold: for whom, at which gallery size.

The shipped calibration knows only folds 0-3 of Labeled Faces in the Wild. Its cohort is made of
half of UTKFace; how cautious it is in crowded neighbourhoods was chosen on twelve of the 25
Taiwanese actors. The figures are of the others: fold 4, the other half of UTKFace (adults by group,
children of 3 to 6, masks painted on), the other actors. Intervals are over people.

Example: python benchmarks/rates.py --data data/ --vectors vectors/
"""

import argparse
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from peers import DATA

from mien.datasets.people import Picture, people_of_pairs
from mien.decision import Calibration, find_calibration
from mien.decision.decide import FMR, NEAREST, best_probability
from mien.evaluate.verification.vectors import embed_pictures
from mien.media import find_images
from mien.metrics import calibration_error
from mien.photo import open_pipeline
from mien.types import Doubles, Floats

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from cohort_dlib import embedded, kept, labels

GROUPS = ("White", "Black", "Asian", "Indian")  # labels of UTKFace
FAR = (1e-3, 1e-4, 1e-5)  # false match rates of comparisons across two sources
RESAMPLES, MATED, SPLITS = 500, 200, 10
# UTKFace has no names. These photographs show people of fold 4, whose names LFW gives: each
# of the first alarms of a search was looked at. They are no strangers, so they leave the gallery.
NO_STRANGERS = {
    "29_1_0_20170104023227077.jpg.chip.jpg",  # Nicole Kidman
    "34_1_0_20170104022106301.jpg.chip.jpg",  # Nicole Kidman
    "34_1_3_20170104220713478.jpg.chip.jpg",  # Kalpana Chawla
    "47_0_0_20170111181750437.jpg.chip.jpg",  # Vin Diesel
    "48_0_0_20170111201211982.jpg.chip.jpg",  # Nathan Lane
    "49_0_0_20170111181750448.jpg.chip.jpg",  # Rob Lowe
    "50_0_0_20170111171747294.jpg.chip.jpg",  # Nicolas Cage
    "64_0_0_20170111171747624.jpg.chip.jpg",  # Jeff Bridges
}


@dataclass(frozen=True, slots=True)
class Some:
    """Faces of some people."""

    name: str
    vectors: Floats  # (N, D)
    people: np.ndarray  # (N,)


def between(one: Some, calibration: Calibration) -> tuple[Doubles, np.ndarray, np.ndarray]:
    """Scores of all pairs, and the numbers of their two people."""
    norms = calibration.norms(one.vectors)
    scores = calibration.scores(one.vectors @ one.vectors.T, norms[:, None], norms[None])
    _, who = np.unique(one.people, return_inverse=True)
    a, b = np.triu_indices(len(who), 1)
    return scores[a, b], who[a], who[b]


def report(one: Some, calibration: Calibration) -> float:
    """Print both rates of one set at the threshold of the default rate; return its FMR."""
    scores, first, second = between(one, calibration)
    above, same = scores > calibration.at_fmr(FMR).score, first == second
    count, random = int(max(first.max(), second.max())) + 1, np.random.default_rng(0)
    rates, misses = [], []
    for draw in random.multinomial(count, np.full(count, 1 / count), RESAMPLES):
        weights = draw[first] * np.where(same, 1, draw[second])
        if weights[~same].sum():
            rates.append(np.average(above[~same], weights=weights[~same]))
        if same.any() and weights[same].sum():
            misses.append(np.average(~above[same], weights=weights[same]))
    low, high = np.percentile(rates, [2.5, 97.5])
    rate = float(above[~same].mean())
    line = f"{one.name:28} {count:5,} people  FMR {rate:.5f} ({low:.5f} to {high:.5f})"
    if misses:
        low, high = np.percentile(misses, [2.5, 97.5])
        line += f"  FNMR {np.mean(~above[same]):.3f} ({low:.3f} to {high:.3f})"
    print(line, flush=True)
    return rate


def unpacked(pack: Path, folder: Path) -> Path:
    """Unpack once; return the folder of its content."""
    target = folder / pack.stem
    if not target.exists():
        with zipfile.ZipFile(pack) as archive:
            archive.extractall(target)
    return target


def search(fold: Some, others: Floats, size: int, calibration: Calibration) -> None:
    """Print FPIR and the calibration error of searches in galleries of `size` people.

    A gallery holds people of the fold, half of whom are searched for, and others.
    """
    alarms, stated, right, weights = [], [], [], []
    for seed in range(SPLITS):
        random = np.random.default_rng(seed)
        names = random.permutation(np.unique(fold.people))
        inside = names[: min(MATED, size // 2)]
        first = {n: np.flatnonzero(fold.people == n) for n in names}
        enrolled = fold.vectors[[first[n][0] for n in inside]]
        more = others[random.permutation(len(others))[: size - len(inside)]]
        gallery = np.concatenate([enrolled, more])
        probes = [(row, k) for k, n in enumerate(inside) for row in first[n][1:]]
        strangers = np.concatenate([first[n] for n in names[len(inside) :]])
        rows = np.array([row for row, _ in probes] + strangers.tolist())
        norms = calibration.norms(fold.vectors[rows])[:, None]
        cosines = fold.vectors[rows] @ gallery.T
        scores = calibration.scores(cosines, norms, calibration.norms(gallery))
        bar = calibration.at_fpir(0.01, len(gallery)).score
        alarms.append(float(np.mean(scores[len(probes) :].max(1) > bar)))
        best = -np.sort(-scores, 1)[:, :NEAREST]
        stated.append(best_probability(best, calibration, people=len(gallery)))
        found = scores.argmax(1)[: len(probes)] == [k for _, k in probes]
        right.append(np.concatenate([found, np.zeros(len(strangers), bool)]))
        halves = (
            np.full(len(probes), 0.5 / len(probes)),
            np.full(len(strangers), 0.5 / len(strangers)),
        )
        weights.append(np.concatenate(halves))
    error = calibration_error(*(np.concatenate(part) for part in (stated, right, weights)))
    told = "extrapolated" if calibration.at_fpir(0.01, size).extrapolated else "measured"
    print(
        f"{len(gallery):6,} people ({told:12}) FPIR 0.01 asked, {np.mean(alarms):.4f} measured "
        f"({min(alarms):.4f} to {max(alarms):.4f} over {SPLITS} splits); "
        f"probability of the best candidate: calibration error {error:.3f}",
        flush=True,
    )


def across(fold: Some, others: Floats, name: str, calibration: Calibration) -> None:
    """Print the FMR of the fold against strangers of another source, without strict ends."""
    norms = calibration.norms(fold.vectors)[:, None], calibration.norms(others)[None]
    scores = calibration.scores(fold.vectors @ others.T, *norms)
    measured = (f"{np.mean(scores > -np.log10(rate)):.1e} of {rate:g}" for rate in FAR)
    print(
        f"Fold 4 against {len(others):,} faces of {name}: {', '.join(measured)} asked", flush=True
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the packs")
    parser.add_argument("--vectors", type=Path, required=True, help="folder that keeps embeddings")
    asked = parser.parse_args()
    asked.vectors.mkdir(exist_ok=True)
    pipeline = open_pipeline()
    assert pipeline.embedder is not None
    calibration = find_calibration(pipeline.embedder.contract, pipeline.detector.name)

    def some(name: str, pictures: list[Picture], kept_as: str) -> Some:
        found, failures = embed_pictures(pictures, pipeline, vectors=asked.vectors / kept_as)
        print(f"{name}: {len(pictures):,} pictures, {len(failures)} without a face", flush=True)
        people = np.array([picture.person for picture in found])
        return Some(name, np.stack(list(found.values())), people)

    root = unpacked(asked.data / "lfw_gray.zip", asked.vectors) / "lfw_gray"
    pictures = people_of_pairs(root / "pairs.csv", root / "images")
    lfw = some("LFW, all folds", pictures, "lfw.npz")
    folds = {picture.person: picture.fold for picture in pictures}
    paths = find_images([unpacked(asked.data / "taiwan_expressions.zip", asked.vectors) / "taiwan"])
    numbers = sorted({path.name[:2] for path in paths})
    held = [Picture(p, p.name[:2], 0) for p in paths if p.name[:2] not in numbers[::2]]
    actors = some("Taiwanese actors", held, "actors.npz")
    root = unpacked(asked.data / "utkface_part1.zip", asked.vectors) / "utkface"
    table = embedded(sorted(find_images([root])), asked.vectors / "utkface.npz")
    names = table["files"].tolist()
    age, sex, group = np.array([labels(name) for name in names]).T
    other = np.array([not kept(Path(name)) for name in names])

    def utk(name: str, keep: np.ndarray, kind: str = "plain") -> Some:
        rows = keep & other & ~np.isnan(table[kind][:, 0])
        return Some(name, table[kind][rows], np.flatnonzero(rows))

    test = np.array([folds[person] == 4 for person in lfw.people])
    fold = Some("LFW, fold 4", lfw.vectors[test], lfw.people[test])
    print(f"\nFMR {FMR:g} asked, {calibration.name}")
    report(fold, calibration)
    report(actors, calibration)
    adult, rates = age >= 18, []
    for number, label in enumerate(GROUPS):
        for code, word in enumerate(("men", "women")):
            each = utk(f"UTKFace, {label} {word}", adult & (group == number) & (sex == code))
            rates.append(report(each, calibration))
    print(f"worst over best group of adults: {max(rates) / min(rates):.1f}")
    report(utk("UTKFace, children of 3 to 6", (age >= 3) & (age <= 6)), calibration)
    for kind in ("masked", "masked-grey", "dark-glasses", "dark"):
        report(utk(f"UTKFace, adults, {kind}", adult, kind), calibration)
    print()
    once = np.unique(lfw.people[~test], return_index=True)[1]
    near = lfw.vectors[~test][once]
    unnamed = table["plain"][age >= 0]
    strangers = np.array([name not in NO_STRANGERS for name in names])[age >= 0]
    seen = ~np.isnan(unnamed[:, 0])
    wide = np.concatenate([near, unnamed[seen & strangers]])
    across(fold, near, "folds 0-3", calibration)
    across(fold, unnamed[seen & strangers], "UTKFace", calibration)
    for size, others in ((100, near), (1000, near), (10_000, wide)):
        search(fold, others, min(size, len(others) + MATED), calibration)
    print("With the photographs that show people of the fold counted as strangers:")
    wide = np.concatenate([near, unnamed[seen]])
    search(fold, wide, len(wide) + MATED, calibration)


if __name__ == "__main__":
    main()

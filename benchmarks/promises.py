"""Measure how often the rates that a calibration promises hold on people who are not in it.

The people of Labeled Faces in the Wild are divided at random, again and again: four fifths
calibrate, the others are the test. A promise of an FMR holds if the 95 % interval of the rate on
the test (over people) has the asked rate or lies below it; that of an FPIR likewise, in a gallery
of people of the calibration. People return in many divisions, so these are not independent.

Example: python benchmarks/promises.py --vectors vectors/ --splits 40
"""

import argparse
from pathlib import Path

import numpy as np
from peers import DATA
from rates import unpacked

from mien.datasets.people import people_of_pairs
from mien.evaluate.verification.calibrate import calibrate
from mien.evaluate.verification.vectors import Sample, embed_pictures
from mien.metrics import wilson
from mien.photo import open_pipeline

RATES = (1e-2, 1e-3)  # false match rates that are asked for
FPIR, SIZES = 0.01, (100, 1000)  # asked, and people enrolled
RESAMPLES = 200  # of people


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the packs")
    parser.add_argument("--vectors", type=Path, required=True, help="folder that keeps embeddings")
    parser.add_argument("--splits", type=int, default=40)
    asked = parser.parse_args()
    pipeline = open_pipeline()
    assert pipeline.embedder is not None
    root = unpacked(asked.data / "lfw_gray.zip", asked.vectors) / "lfw_gray"
    pictures = people_of_pairs(root / "pairs.csv", root / "images")
    found, _ = embed_pictures(pictures, pipeline, vectors=asked.vectors / "lfw.npz")
    vectors = np.stack(list(found.values()))
    people = np.array([picture.person for picture in found])
    names = np.unique(people)
    held: dict[str, list[bool]] = {}
    for seed in range(asked.splits):
        random = np.random.default_rng(seed)
        out = random.permutation(names)[: len(names) // 5]
        test = np.isin(people, out)
        one, other = (Sample(vectors[rows], tuple(people[rows].tolist())) for rows in (~test, test))
        calibration = calibrate(
            one, name="split", contract=pipeline.embedder.contract,
            detector=pipeline.detector.name, data="a split", command="", check=other,
            check_data="the others", resamples=RESAMPLES, seed=seed,
        )  # fmt: skip
        assert calibration.check is not None
        for rate in calibration.check.rates:
            if rate.fmr in RATES:
                held.setdefault(f"FMR {rate.fmr:g}", []).append(rate.low <= rate.fmr)
        probes = vectors[test][np.unique(people[test], return_index=True)[1]]
        norms = calibration.norms(probes)[:, None]
        known = vectors[~test][np.unique(people[~test], return_index=True)[1]]
        for size in SIZES:
            gallery = known[random.permutation(len(known))[:size]]
            scores = calibration.scores(probes @ gallery.T, norms, calibration.norms(gallery))
            alarms = int((scores.max(1) > calibration.at_fpir(FPIR, size).score).sum())
            low, _ = wilson(alarms, len(probes))
            held.setdefault(f"FPIR {FPIR:g} of {size:,}", []).append(low <= FPIR)
        print(f"{seed + 1} of {asked.splits}", end="\r", flush=True)
    for name, each in sorted(held.items()):
        low, high = wilson(sum(each), len(each))
        print(f"{name:18} kept in {sum(each)} of {len(each)} divisions ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()

"""Measure whether a search has the requested error rate: strangers against galleries.

The shipped calibration sets the threshold for the size of the gallery. The people of one fold of
Labeled Faces in the Wild, which the calibration did not use, are divided at random into a gallery
and strangers, many times. The result is the share of strangers' images that are given a name.

Example: python benchmarks/fpir.py --vectors lfw.npz
"""

import argparse
from pathlib import Path

import numpy as np
from peers import lfw

from mien.datasets.people import people_of_pairs
from mien.decision import Calibration, find_calibration
from mien.errors import TooFewTrialsError
from mien.evaluate.verification.vectors import embed_pictures
from mien.photo import open_pipeline
from mien.types import Doubles, Floats

ASKED = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def named(
    vectors: Floats, who: np.ndarray, gallery: np.ndarray, calibration: Calibration
) -> dict[float, float]:
    """Share of strangers' images that get a name, by requested rate."""
    inside = np.isin(who, gallery)
    best: Doubles = (vectors[~inside] @ vectors[inside].T).max(1)
    shares = {}
    for asked in ASKED:
        try:
            point = calibration.at_fpir(asked, int(inside.sum()))
        except TooFewTrialsError:
            continue  # the calibration refuses, as it should; the table then lacks the row
        shares[asked] = float(np.mean(best > point.threshold))
    return shares


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lfw", type=Path, help="folder lfw_gray; default: from MIEN_DATA")
    parser.add_argument("--vectors", type=Path, help="cache of the vectors, as in mien calibrate")
    parser.add_argument("--fold", type=int, default=4, help="fold that the calibration did not use")
    parser.add_argument("--people", type=int, default=200, help="in the gallery")
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder, pipeline = lfw(args.lfw), open_pipeline()
    assert pipeline.embedder is not None
    calibration = find_calibration(pipeline.embedder.contract, pipeline.detector.name)
    pictures = people_of_pairs(folder / "pairs.csv", folder / "images")
    held = [picture for picture in pictures if picture.fold == args.fold]
    found, failures = embed_pictures(held, pipeline, vectors=args.vectors)
    vectors = np.stack(list(found.values()))
    who = np.array([picture.person for picture in found])
    random, names = np.random.default_rng(args.seed), np.unique(who)
    splits = [
        named(vectors, who, random.permutation(names)[: args.people], calibration)
        for _ in range(args.splits)
    ]
    print(f"{len(found)} pictures of {names.size} people, {len(failures)} without a face;")
    print(f"{args.people} people in the gallery, {args.splits} random splits, {calibration.name}")
    print(f"{'FPIR asked':>10} {'measured':>9} {'2.5 %':>7} {'97.5 %':>7}   (over the splits)")
    for asked in ASKED:
        shares = [split[asked] for split in splits if asked in split]
        if shares:
            low, high = np.quantile(shares, [0.025, 0.975])
            print(f"{asked:10g} {np.mean(shares):9.4f} {low:7.4f} {high:7.4f}")


if __name__ == "__main__":
    main()

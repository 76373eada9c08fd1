"""Compare our default route from image to embedding with that of face_recognition.

The peer is dlib's HOG detector, five points, its chip and its network, as in face_recognition; the
first face it returns is used. That package doubles each image once before face detection,
which takes four times as long there; here that is left out, in its favour, unless requested. Ours
is the main face of mien.Pipeline. Both start from the same decoded pixels, alternating, on one
thread each.

Accuracy is that of the pairs of Labeled Faces in the Wild at hand (tight grey crops, folds 0-4):
the threshold of a fold is set on the other folds, and a pair with an image in which no face is
found counts as an error.

Example: python benchmarks/route.py
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import dlib
import numpy as np
from peers import lfw, peer_files, spread
from scipy.stats import binomtest

from mien.media import read_image
from mien.metrics import FoldAccuracy, fold_accuracy, wilson
from mien.photo import Pipeline
from mien.types import Floats, Pixels
from mien.zoo import DETECTOR, EMBEDDER, load

Route = Callable[[Pixels], Floats | None]  # from an image to its vector, or None without a face


def our_route() -> Route:
    """The default: MTCNN, alignment, network with mirror image."""
    pipeline = Pipeline(
        detector=load(DETECTOR, threads=1), embedder=load(EMBEDDER, threads=1), quality=False
    )

    def run(image: Pixels) -> Floats | None:
        face = pipeline.main_face(image)
        return None if face is None else face.embedding

    return run


def peer_route(upsample: int) -> Route:
    """The calls of face_recognition.face_encodings.

    Args:
        upsample: number of doublings of the image before detection.
    """
    predictor, network = peer_files()
    detect = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(predictor))
    embed = dlib.face_recognition_model_v1(str(network))

    def run(image: Pixels) -> Floats | None:
        found = detect(image, upsample)
        if not found:
            return None
        chip = dlib.get_face_chip(image, points(image, found[0]))
        return np.array(embed.compute_face_descriptor(chip))

    return run


def measure_time(routes: dict[str, Route], images: list[Pixels], repeats: int) -> None:
    """Time each image alternately and print milliseconds and ratios."""
    times = {name: np.empty((repeats, len(images))) for name in routes}
    for repeat in range(repeats):
        for number, image in enumerate(images):
            for name in list(routes)[:: 1 if number % 2 else -1]:  # alternate which one is first
                start = time.perf_counter()
                routes[name](image)
                times[name][repeat, number] = time.perf_counter() - start
    print(f"\n{len(images)} pictures, {repeats} repeats by turns, one thread")
    print(f"{'route':18} {'ms a picture':>22} {'peer time / this':>22}")
    whole = {name: table.mean(1) * 1e3 for name, table in times.items()}  # (repeats,) ms
    for name, each in whole.items():
        print(f"{name:18} {spread(each):>22} {spread(whole['face_recognition'] / each):>22}")


def measure_accuracy(routes: dict[str, Route], folder: Path) -> None:
    """Accuracy of both by the fold rule, with intervals, and their differences."""
    with (folder / "pairs.csv").open(encoding="utf-8", newline="") as lines:
        pairs = list(csv.DictReader(lines))
    names = sorted({row[side] for row in pairs for side in ("file_a", "file_b")})
    same, fold = (np.array([int(row[key]) for row in pairs]) for key in ("same", "fold"))
    vectors: dict[str, dict[str, Floats | None]] = {route: {} for route in routes}
    ours, peer = routes
    padded = f"{peer}, padded"
    vectors[padded] = {}
    for name in names:
        image = read_image(folder / "images" / name)
        for route, run in routes.items():
            vectors[route][name] = run(image)
        # Our route searches again with a border where it finds no face; so that this alone does not
        # decide, the peer gets it too, in a separate row.
        first = vectors[peer][name]
        vectors[padded][name] = routes[peer](bordered(image)) if first is None else first
    print(f"\n{len(pairs)} pairs of {len(names)} pictures, {np.unique(fold).size} folds")
    print(f"{'route':24} {'accuracy':>8} {'s.e.':>7} {'95 % (Wilson)':>16} {'no face':>8} folds")
    right = {}
    for route, known in vectors.items():
        found, hits = score(known, pairs, same, fold)
        low, high = wilson(int(hits.sum()), len(pairs))
        error = np.std(found.folds, ddof=1) / np.sqrt(len(found.folds))
        lost = sum(vector is None for vector in known.values())
        each = " ".join(f"{accuracy:.4f}" for accuracy in found.folds)
        print(f"{route:24} {found.mean:8.4f} {error:7.4f} {low:8.4f}-{high:.4f} {lost:8} {each}")
        right[route] = hits
    for other in (peer, padded):
        only = (right[ours] & ~right[other]).sum(), (right[other] & ~right[ours]).sum()
        chance = binomtest(int(only[0]), int(sum(only))).pvalue if sum(only) else 1.0
        print(
            f"Right only by {ours}: {only[0]}, only by {other}: {only[1]}; sign test {chance:.2g}"
        )


def bordered(image: Pixels) -> Pixels:
    """The image with half its size of grey on every side."""
    border = (image.shape[0] // 2,) * 2 + (image.shape[1] // 2,) * 2
    return cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=(127, 127, 127))


def score(
    known: dict[str, Floats | None],
    pairs: list[dict[str, str]],
    same: np.ndarray,
    fold: np.ndarray,
) -> tuple[FoldAccuracy, np.ndarray]:
    """Accuracy by the fold rule, and the pairs that were judged correctly."""
    similarity = np.full(len(pairs), np.nan)
    for number, row in enumerate(pairs):
        a, b = known[row["file_a"]], known[row["file_b"]]
        if a is not None and b is not None:
            # On raw vectors face_recognition uses Euclidean distance; on ours it orders pairs as
            # the cosine does.
            similarity[number] = -np.linalg.norm(a - b)
    failed = np.isnan(similarity)
    found = fold_accuracy(similarity, same, fold, failed)
    bars = np.array(found.thresholds)[np.searchsorted(np.unique(fold), fold)]
    return found, ((np.where(failed, 0, similarity) > bars) == same) & ~failed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lfw", type=Path, help="folder lfw_gray; default: from MIEN_DATA")
    parser.add_argument("--pictures", type=int, default=200, help="number of images for the time")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--upsample", type=int, default=0, help="doublings before the peer detects")
    parser.add_argument("--time-only", action="store_true")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    folder = lfw(args.lfw)
    routes = {"mien": our_route(), "face_recognition": peer_route(args.upsample)}
    paths = sorted((folder / "images").glob("*.jpg"))
    chosen = np.random.default_rng(args.seed).permutation(len(paths))[: args.pictures]
    images = [read_image(paths[number]) for number in chosen]
    for run in routes.values():
        run(images[0])  # the first run of a graph plans its memory
    measure_time(routes, images, args.repeats)
    if not args.time_only:
        measure_accuracy(routes, folder)


if __name__ == "__main__":
    main()

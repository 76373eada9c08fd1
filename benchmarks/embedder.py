"""Compare our ONNX graph of dlib's face network with dlib's own wheel: equality and speed.

Both get the same 150 px chips, one at a time and alternating, on one thread each. The ratio is dlib
time / our time within one repeat, so above 1 we are faster.

Example: python benchmarks/embedder.py
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import cv2
import dlib
import numpy as np
from peers import lfw, peer_files, spread

from mien.align import align
from mien.media import read_image
from mien.photo import Pipeline
from mien.types import Floats, Pixels
from mien.zoo import load

LIMIT = 1e-5  # largest difference that counts as "the same numbers"


def chips_of(folder: Path, count: int) -> Pixels:
    """(N, 150, 150, 3) chips, as our default route cuts them."""
    pipeline = Pipeline(
        detector=load("mtcnn", threads=1), embedder=load("dlib-resnet29", threads=1), quality=False
    )
    paths = sorted((folder / "images").glob("*.jpg"))
    chips = []
    for path in paths[:: max(1, len(paths) // (count + 10))]:
        image = read_image(path)
        face = pipeline.main_face(image)
        if face is not None and len(chips) < count:
            chips.append(align(image, [face], pipeline.embedder.crop)[0])
    return np.stack(chips)


def timed(run: Callable[[Pixels], object], chips: Pixels) -> float:
    """Milliseconds per chip, one at a time."""
    start = time.perf_counter()
    for chip in chips:
        run(chip)
    return (time.perf_counter() - start) / len(chips) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lfw", type=Path, help="folder lfw_gray; default: from MIEN_DATA")
    parser.add_argument("--chips", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    chips = chips_of(lfw(args.lfw), args.chips)
    ours = load("dlib-resnet29", threads=1)
    peer = dlib.face_recognition_model_v1(str(peer_files()[1]))

    def theirs(chip: Pixels) -> Floats:
        return np.array(peer.compute_face_descriptor(chip))

    apart = np.abs(ours.raw(chips) - np.stack([theirs(chip) for chip in chips]))
    print(f"{len(chips)} chips, {apart.size} numbers: largest difference {apart.max():.2g}")
    if apart.max() > LIMIT:
        raise SystemExit(f"That is more than {LIMIT:g}: the graphs are not equal.")
    small = load("dlib-resnet29-int8", threads=1)
    with patch("mien.runtime.sessions.sums_bytes_exactly", return_value=False):
        wide = load("dlib-resnet29-int8", threads=1)  # as on a processor without VNNI
    runs: dict[str, Callable[[Pixels], object]] = {
        "dlib": theirs,
        "mien, without mirror": lambda chip: ours.raw(chip[None]),
        "mien, with mirror": lambda chip: ours(chip[None]),
        "mien, 8 bit": lambda chip: small.raw(chip[None]),
        "mien, 8 bit, mirror": lambda chip: small(chip[None]),
        "the same, no VNNI": lambda chip: wide(chip[None]),
    }
    cosines = np.einsum("nd,nd->n", ours(chips), small(chips))
    print(f"cosine of 8-bit and 32-bit vectors: {cosines.mean():.5f}, least {cosines.min():.5f}")
    rows: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, run in runs.items():
            rows[name].append(timed(run, chips))
    print(f"{'one thread':20} {'ms a face':>22} {'dlib time / this':>22}")
    for name, times in rows.items():
        ratios = np.array(rows["dlib"]) / times
        print(f"{name:20} {spread(times):>22} {spread(ratios):>22}")
    print(f"Median (least-largest) of {args.repeats} repeats by turns; dlib {dlib.__version__}.")


if __name__ == "__main__":
    main()

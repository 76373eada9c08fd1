"""Measure whether memory grows: thousands of images of different sizes identified in one process.

Images are composed of the faces of Labeled Faces in the Wild, one to three on a canvas of random
size, so that every call gets new shapes. The default route with a gallery
processes each. Growth is measured from the end of the warm-up.

Example: python benchmarks/memory.py --pictures 10000
"""

import argparse
import gc
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from peers import lfw

from mien.gallery import Gallery, Template, open_gallery
from mien.media import read_image
from mien.photo import Pipeline, open_pipeline
from mien.types import Pixels

PROMISED = 20.0  # MB of growth at most
EVERY = 1000  # images between two lines


def resident() -> float:
    """Memory of this process in MB; Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def scene(faces: list[Pixels], random: np.random.Generator, most: int) -> Pixels:
    """One to three faces, each 60 to 160 px, on a noisy canvas of 160 to `most` px a side."""
    height, width = random.integers(160, most + 1, 2)
    canvas = np.full((height, width, 3), random.integers(60, 200, 3), np.uint8)
    for _ in range(random.integers(1, 4)):
        side = int(random.integers(60, min(161, height, width)))
        face = cv2.resize(faces[random.integers(len(faces))], (side, side))
        top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
        canvas[top : top + side, left : left + side] = face
    return canvas


def known(pipeline: Pipeline, gallery: Gallery, paths: list[Path]) -> None:
    """Enrol the main face of each image in the gallery."""
    templates = []
    for path in paths:
        face = pipeline.main_face(read_image(path))
        if face is not None and face.embedding is not None and face.embedder is not None:
            templates.append(Template(path.stem, face.embedding, face.embedder, source=path.name))
    gallery.add(templates)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lfw", type=Path, help="folder lfw_gray; default: from MIEN_DATA")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--warm-up", type=int, default=1000)
    parser.add_argument("--largest", type=int, default=640, help="px, longest side of a picture")
    parser.add_argument("--people", type=int, default=200, help="in the gallery")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paths = sorted((lfw(args.lfw) / "images").glob("*_0001.jpg"))
    random = np.random.default_rng(args.seed)
    faces = [read_image(path) for path in paths[:: max(1, len(paths) // 200)]]
    with tempfile.TemporaryDirectory() as folder:
        opener = open_pipeline()
        assert opener.embedder is not None
        contract = opener.embedder.contract
        with open_gallery(Path(folder) / "known.mien", contract, create=True) as gallery:
            known(opener, gallery, paths[: args.people])
            pipeline = open_pipeline(gallery=gallery)
            start, first, seen = time.perf_counter(), float("nan"), 0
            print(f"{'pictures':>8} {'faces':>8} {'MB':>8} {'growth MB':>10} {'minutes':>8}")
            for number in range(1, args.warm_up + args.pictures + 1):
                seen += len(pipeline(scene(faces, random, args.largest)).faces)
                if number == args.warm_up:
                    gc.collect()
                    first = resident()
                if number % EVERY == 0:
                    gc.collect()
                    now, minutes = resident(), (time.perf_counter() - start) / 60
                    line = f"{number:8} {seen:8} {now:8.1f} {now - first:10.1f} {minutes:8.1f}"
                    print(line, flush=True)
            growth = resident() - first
    verdict = "kept" if growth < PROMISED else "BROKEN"
    print(f"Growth after the warm-up: {growth:.1f} MB; promised < {PROMISED:g} MB: {verdict}.")


if __name__ == "__main__":
    main()

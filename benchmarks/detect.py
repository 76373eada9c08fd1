"""Measure what a photo without a face costs, and how many faces are found in hard images.

    python benchmarks/detect.py UTKFACE_FOLDER [--count 200]

1. Processor time of images without a face (those of scikit-image at their size and at 900 px,
   and noise), with one thread; false detections.
2. Recall on crops of UTKFace that are tight, rotated, small in a scene, or dark.
3. Recall at 12 % of the light, for men of each group of UTKFace, with Wilson intervals.
4. Faces of a montage that the border cuts.

To compare two versions, run it with each of them on the same machine.
"""

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mien.detect import detect_with_retries
from mien.evaluate.demo import portraits
from mien.media import one_thread, read_image, turn
from mien.metrics import wilson
from mien.types import Pixels
from mien.zoo import load
from mien.zoo.sample import sample

FACELESS = ("chelsea.png", "coffee.png", "page.png", "rocket.jpg", "brick.png")
GROUPS = ("White", "Black", "Asian", "Indian")
LIGHT, EACH = 0.12, 40
LARGE = 900  # px, shorter side of enlarged images


def faceless() -> Iterator[tuple[str, Pixels]]:
    """Images without a face."""
    for name in FACELESS:
        image = read_image(sample(name))
        yield name, image
        scale = LARGE / min(image.shape[:2])
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        yield f"{name} at {LARGE} px", np.asarray(large, np.uint8)
    rng = np.random.default_rng(0)
    yield "white noise", rng.integers(0, 256, (600, 800, 3), dtype=np.uint8)
    octaves = (rng.normal(size=(2**k, 2**k, 3)).astype(np.float32) for k in range(1, 9))
    pink = sum(cv2.resize(octave, (1200, LARGE)) for octave in octaves)
    scaled = cv2.normalize(pink, None, 0, 255, cv2.NORM_MINMAX)
    yield "coloured noise", scaled.astype(np.uint8)


def hard(image: Pixels, number: int, ground: Pixels) -> Iterator[tuple[str, Pixels]]:
    """Hard images of one face, from its crop."""
    quarter = (90, 180, 270)[number % 3]
    yield "crop", image
    yield "crop, rotated", turn(image, quarter)
    edge = int((0.12, 0.18, 0.24)[number % 3] * len(image))
    yield "tight crop", np.ascontiguousarray(image[edge:-edge, edge:-edge])
    yield "in a scene, 32 to 64 px", placed(image, ground, (32, 40, 50, 64)[number % 4], number)
    scene = placed(image, ground, (36, 44, 60, 90)[number % 4], number)
    yield "in a scene, rotated", turn(scene, quarter)
    yield "dark, rotated", turn((image * 0.2).astype(np.uint8), quarter)
    half = len(image) * 2 // 5
    yield (
        "crop, cut by 40 %",
        np.ascontiguousarray(image[:, half * (number % 2) :][:, : -half or None]),
    )


def placed(image: Pixels, ground: Pixels, side: int, seed: int) -> Pixels:
    """The image with `side` px somewhere in a scene of 800 x 600."""
    scene = np.asarray(cv2.resize(ground, (800, 600)), np.uint8)
    left, top = np.random.default_rng(seed).integers(0, (800 - side, 600 - side))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    scene[top : top + side, left : left + side] = small
    return scene


def montage(face: int, cut: float) -> Pixels:
    """Three whole faces and four of which a share `cut` is beyond the border; 1000 x 700."""
    detector, tiles = load("mtcnn"), []
    for path in portraits().values():
        image = read_image(path)
        left, top, right, bottom = detector(image)[0].box
        x, y, side = int(left + right) // 2, int(top + bottom) // 2, int(right - left)
        tile = image[max(y - side, 0) : y + side, max(x - side, 0) : x + side]
        tiles.append(cv2.resize(tile, (2 * face, 2 * face), interpolation=cv2.INTER_AREA))
    room, inside = 2 * face, int(face * (0.5 - cut))
    wide = np.full((700 + 2 * room, 1000 + 2 * room, 3), 120, np.uint8)
    middles = [(300, 350), (500, 350), (700, 350), (inside, 150), (1000 - inside, 150),
               (350, inside), (650, 700 - inside)]  # fmt: skip
    for number, (x, y) in enumerate(middles):
        top, left = y + room - face, x + room - face
        wide[top : top + 2 * face, left : left + 2 * face] = tiles[number % 2]
    return np.ascontiguousarray(wide[room:-room, room:-room])


def shown(name: str, hits: list[bool]) -> None:
    """Print a share with its interval."""
    low, high = wilson(sum(hits), len(hits))
    print(f"{name:28} {sum(hits)} of {len(hits)} ({low:.3f} to {high:.3f})")


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("utkface", type=Path, help="folder of the crops")
    words.add_argument("--count", type=int, default=200, help="crops for the recall")
    chosen = words.parse_args()
    detector, seconds = load("mtcnn", threads=1), []
    for name, image in faceless():
        times = []
        for _ in range(3):
            start = time.process_time()
            found = detect_with_retries(detector, image)
            times.append(time.process_time() - start)
        seconds.append(min(times))
        print(f"{name:28} {1000 * min(times):6.0f} ms  {len(found.faces)} false")
    print(f"mean {1000 * np.mean(seconds):.0f} ms, median {1000 * np.median(seconds):.0f} ms")
    crops = sorted(chosen.utkface.rglob("*.jpg"))
    random.Random(0).shuffle(crops)
    grounds = [read_image(sample(name)) for name in ("coffee.png", "rocket.jpg", "brick.png")]
    hits: dict[str, list[bool]] = {}
    for number, path in enumerate(crops[: chosen.count]):
        for kind, image in hard(read_image(path), number, grounds[number % 3]):
            hits.setdefault(kind, []).append(bool(detect_with_retries(detector, image).faces))
    for kind, found in hits.items():
        shown(kind, found)
    for group, title in enumerate(GROUPS):
        men = [p for p in crops if p.name.split("_")[1:3] == ["0", str(group)]]
        adults = [p for p in men if int(p.name.split("_")[0]) >= 18][:EACH]
        dark = [(read_image(p) * LIGHT).astype(np.uint8) for p in adults]
        shown(
            f"{title} men at {LIGHT:.0%}",
            [bool(detect_with_retries(detector, i).faces) for i in dark],
        )
    for face in (60, 90, 120):
        for cut in (0.25, 0.33, 0.4):
            faces = detect_with_retries(detector, montage(face, cut)).faces
            print(f"montage, {face} px, cut by {cut:.0%}: {len(faces)} of 7")


if __name__ == "__main__":
    with one_thread():
        main()

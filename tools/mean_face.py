"""Make the mean face to which head poses refer: src/mien/landmarks/face.npy.

Meshes of adults are aligned in space (rotation, scale, shift), their median is taken, and
both sides are made equal. Pitch 0 is that of ICT-FaceKit's mean head, by alignment of the 68
points; nothing else is taken from it. The size is that of the mean adult: 63 mm between the eyes.

Example: python tools/mean_face.py utkface/ ict_facekit.npz
"""

import argparse
import random
from pathlib import Path

import numpy as np

from mien.landmarks import SUBSET_68, fit_meshes, five_points
from mien.landmarks.names import EYE_CORNERS
from mien.media import find_images, read_image
from mien.types import Doubles
from mien.zoo import load

TARGET = Path(__file__).parents[1] / "src/mien/landmarks/face.npy"
EYES = 63.0  # mm. Source: Dodgson, "Variation and extrema of human interpupillary distance", 2004
ADULT = 18  # years; the name of an image begins with the age
ROUNDS = 10


def meshes(folder: Path, count: int) -> Doubles:
    """(N, 468, 3) of the adults that are alone in their images, eye distance 1."""
    detector, mesh, found = load("mtcnn"), load("attention-mesh"), []
    paths = find_images([folder])
    random.Random(0).shuffle(paths)
    for path in paths[:count]:
        if int(path.name.split("_")[0]) < ADULT:
            continue
        image = read_image(path)
        faces = detector(image)
        if len(faces) != 1:
            continue
        [points], [presence] = fit_meshes(mesh, image, faces)
        if presence[0] > 0.9:
            eyes = five_points(points)[:2]
            found.append(points[:468] / np.linalg.norm(eyes[1] - eyes[0]))
    return np.array(found, np.float64)


def laid(a: Doubles, b: Doubles, weights: Doubles) -> tuple[float, Doubles, Doubles]:
    """Scale, rotation and shift that align a with b."""
    w = weights / weights.sum()
    middle, centre = w @ a, w @ b
    u, sizes, vt = np.linalg.svd(((b - centre) * w[:, None]).T @ (a - middle))
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt
    scale = float((sizes * sign).sum() / (w @ ((a - middle) ** 2).sum(axis=1)))
    return scale, turn, centre - scale * turn @ middle


def median(faces: Doubles) -> Doubles:
    """(468, 3) of the aligned faces; points that vary little determine the alignment."""
    middle, weights = faces[0] - faces[0].mean(axis=0), np.ones(len(faces[0]))
    for _ in range(ROUNDS):
        moved = []
        for face in faces:
            scale, turn, shift = laid(face, middle, weights)
            moved.append(scale * face @ turn.T + shift)
        middle = np.median(moved, axis=0)
        weights = 1 / (((np.array(moved) - middle) ** 2).sum(axis=2).mean(axis=0) + 1e-4)
    return middle


def symmetric(face: Doubles, head: Doubles) -> Doubles:
    """Upright like the (68, 3) head, both sides equal, between the eyes at 0, mm."""
    subset = list(SUBSET_68)
    _, turn, _ = laid(face[subset], head, np.ones(68))
    face = face @ turn.T
    face[:, 0] -= (face[234, 0] + face[454, 0]) / 2  # the oval's leftmost and rightmost point
    mirrored = face * [-1, 1, 1]
    other = ((face[:, None] - mirrored[None]) ** 2).sum(axis=2).argmin(axis=1)
    if not np.array_equal(other[other], np.arange(len(face))):
        raise SystemExit("The sides cannot be paired; add images.")
    face = (face + mirrored[other]) / 2
    eyes = np.array([face[list(corners)].mean(axis=0) for corners in EYE_CORNERS])
    return (face - eyes.mean(axis=0)) * EYES / np.linalg.norm(eyes[1] - eyes[0])


def main() -> None:
    """Make and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of UTKFace")
    parser.add_argument("head", type=Path, help="ict_facekit.npz")
    parser.add_argument("--count", type=int, default=3000)
    args = parser.parse_args()
    with np.load(args.head) as head:
        spots = head["neutral"][head["landmarks68"]] * [1.0, -1.0, -1.0]  # y down, z away
    found = meshes(args.pictures, args.count)
    face = symmetric(median(found), spots)
    np.save(TARGET, face.astype(np.float32))
    print(f"{len(found)} faces -> {TARGET}")


if __name__ == "__main__":
    main()

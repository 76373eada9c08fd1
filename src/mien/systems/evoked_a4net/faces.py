"""Crops of the faces of a whole picture, and how much each of them counts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mien.align import align
from mien.align.grey import FER_CROP
from mien.contracts import ChipHead
from mien.geometry import square
from mien.media import stretched
from mien.types import Face, Floats, Pixels

MOST = 4  # faces of a picture that are read: the largest ones
CROP_SIDES = {"expression": FER_CROP.size, "branch": 32}  # px, by what reads the faces
ROOM = 1.1  # side of a crop, in longer sides of the box


def cut_faces(picture: Pixels, faces: Sequence[Face], side: int) -> tuple[Pixels, Floats]:
    """Cut the largest faces out of a picture.

    Args:
        picture: (H, W, 3).
        faces: those with two points or more are aligned as FER2013's photographs, the others cut
            by their boxes. Boxes that are not finite, or outside of the picture, are left out.
        side: px of the crops.

    Returns:
        (F, side, side, 3), the largest face first, at most 4 of them; and (F,) the share of each
        in the area of these boxes, with the sum 1. No face: no rows.
    """
    found = []
    for face in faces:
        size = np.asarray(face.box[2:] - face.box[:2], np.float64)
        crop = _cut(picture, face, side) if np.isfinite(size).all() and size.min() > 0 else None
        if crop is not None:
            found.append((float(size.prod()), crop))
    found = sorted(found, key=lambda one: -one[0])[:MOST]
    area = np.array([size for size, _ in found], np.float32)
    crops = np.array([crop for _, crop in found], np.uint8).reshape(-1, side, side, 3)
    return crops, np.asarray(area / max(float(area.sum()), 1e-9), np.float32)


def _cut(picture: Pixels, face: Face, side: int) -> Pixels | None:
    """One face; None if its box lies outside of the picture."""
    if face.points is not None and np.isfinite(face.points).all(1).sum() >= 2:
        return np.asarray(align(picture, [face], replace(FER_CROP, size=side))[0], np.uint8)
    middle = (face.box[:2] + face.box[2:]) / 2
    half = ROOM * (square(face.box[None])[0, 2:] - middle)  # px from the middle to a side
    size = np.array([picture.shape[1], picture.shape[0]], np.float32)
    left, top = np.clip(np.floor(middle - half), 0, size).astype(int)
    right, bottom = np.clip(np.ceil(middle + half), 0, size).astype(int)
    if min(right - left, bottom - top) < 2:
        return None
    return stretched(np.ascontiguousarray(picture[top:bottom, left:right]), side)


def padded(found: list[tuple[Pixels, Floats]], side: int) -> tuple[Pixels, Floats]:
    """Lay the faces of pictures into arrays of equal length.

    Returns:
        (N, 4, side, side, 3) crops, black where there is no face, and (N, 4) shares, 0 there.
    """
    crops = np.zeros((len(found), MOST, side, side, 3), np.uint8)
    share = np.zeros((len(found), MOST), np.float32)
    for row, (some, weight) in enumerate(found):
        crops[row, : len(some)], share[row, : len(some)] = some, weight
    return crops, share


def expressions_of(head: ChipHead, crops: Pixels) -> Floats:
    """(M, 7) probabilities of the head `expression`, in the order of its labels."""
    rows = [list(one.values.values()) for one in head(crops)] if len(crops) else []
    return np.array(rows, np.float32).reshape(-1, 7)

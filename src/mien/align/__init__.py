"""Warp each face to a fixed chip, so that eyes and mouth always land in the same place."""

from collections.abc import Sequence

import cv2
import numpy as np

from mien.errors import MienError
from mien.geometry import places, similarity
from mien.types import Crop, Face, Floats, Pixels

__all__ = ["align", "matrix"]


def align(image: Pixels, faces: Sequence[Face], crop: Crop) -> Pixels:
    """Cut one upright chip a face.

    Args:
        image: (H, W, 3).
        faces: with their points; points that are NaN (a detector that does not see mouth corners)
            are left out of the fit.
        crop: how the model wants its chips.

    Returns:
        (N, size, size, 3); black beyond the picture.

    Raises:
        MienError: a face has no points, or fewer than two.
    """
    chips = np.empty((len(faces), crop.size, crop.size, 3), np.uint8)
    for chip, face in zip(chips, faces, strict=True):
        chip[:] = _warp(image, matrix(face, crop), crop.size)
    return chips


def matrix(face: Face, crop: Crop) -> Floats:
    """The (2, 3) transform from image px to chip px for one face."""
    if face.points is None:
        raise MienError(
            "A face without its five points cannot be aligned; use a detector that gives points "
            "(mien models list --task detect)."
        )
    seen = np.isfinite(face.points).all(axis=1)
    if seen.sum() < 2:
        raise MienError(f"Alignment needs two of the five points, this face has {seen.sum()}.")
    return similarity(face.points[seen], places(crop)[seen])


def _warp(image: Pixels, to_chip: Floats, size: int) -> Pixels:
    """Warp with averaging: a chip a tenth as large as the face must not pick one pixel of ten."""
    step = int(1 / max(float(np.hypot(*to_chip[:, 0])), 1e-6))  # image px per chip px
    if step >= 2:
        inverse = cv2.invertAffineTransform(to_chip)
        corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
        seen = corners @ inverse[:, :2].T + inverse[:, 2]
        height, width = image.shape[:2]
        left, top = np.clip(np.floor(seen.min(0)) - step, 0, [width - 1, height - 1]).astype(int)
        right, bottom = np.clip(np.ceil(seen.max(0)) + step, [left + 1, top + 1], [width, height])
        part = image[top : int(bottom), left : int(right)]
        small = (max(1, part.shape[1] // step), max(1, part.shape[0] // step))
        ratio = np.array([part.shape[1] / small[0], part.shape[0] / small[1]])
        image = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8)
        # A small pixel's centre is the centre of `ratio` pixels of the part.
        shift = to_chip[:, :2] @ (np.array([left, top]) + ratio / 2 - 0.5)
        to_chip = np.hstack([to_chip[:, :2] * ratio, (to_chip[:, 2] + shift)[:, None]])
    return np.asarray(cv2.warpAffine(image, to_chip, (size, size)), np.uint8)

"""Alignment: warp each face to a chip with eyes and mouth at fixed positions."""

from collections.abc import Sequence

import numpy as np

from mien.errors import MienError
from mien.geometry import places, similarity
from mien.media import warp
from mien.types import Crop, Face, Floats, Pixels

__all__ = ["align", "matrix"]


def align(image: Pixels, faces: Sequence[Face], crop: Crop) -> Pixels:
    """Cut one upright chip per face.

    Args:
        image: (H, W, 3).
        faces: with their points; points that are NaN (a detector without mouth corners)
            are excluded from the fit.
        crop: size and framing of the chips.

    Returns:
        (N, size, size, 3); black beyond the image.

    Raises:
        MienError: a face has fewer than two points.
    """
    chips = np.empty((len(faces), crop.size, crop.size, 3), np.uint8)
    for chip, face in zip(chips, faces, strict=True):
        chip[:] = warp(image, matrix(face, crop), crop.size)
    return chips


def matrix(face: Face, crop: Crop) -> Floats:
    """Return the (2, 3) transform from image px to chip px for one face."""
    if face.points is None:
        raise MienError(
            "A face without its five points cannot be aligned; use a detector with points "
            "(mien models list --task detect)."
        )
    seen = np.isfinite(face.points).all(axis=1)
    if seen.sum() < 2:
        raise MienError(
            f"Alignment needs at least two of the five points, but the face has {seen.sum()}."
        )
    return similarity(face.points[seen], places(crop)[seen])

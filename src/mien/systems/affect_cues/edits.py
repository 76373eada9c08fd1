"""Local edits of photographs: one region filled with its mean, and a control on the cheek."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mien.types import ARCFACE_POINTS, Crop, Pixels

# Regions by the five points of the chip: centre between two points, and half sides in units of
# the distance between the eyes.
EYES = 1.0
REGIONS: Mapping[str, tuple[tuple[int, int], tuple[float, float], tuple[float, float]]] = {
    # name: (points whose middle it is), (shift right, down), (half width, half height)
    "brows": ((0, 1), (0.0, -0.32), (0.95, 0.16)),
    "eyes": ((0, 1), (0.0, 0.0), (0.85, 0.16)),
    "nose": ((2, 2), (0.0, -0.1), (0.3, 0.35)),
    "mouth": ((3, 4), (0.0, 0.0), (0.6, 0.28)),
}
CONTROL = "cheek (control)"
CHEEK = (0.62, 0.62)  # right of and below the left eye's middle line, in eye distances


def edited(chips: Pixels, crop: Crop) -> dict[str, Pixels]:
    """Copies of chips with one region filled by its mean colour; the control has a mean area.

    Args:
        chips: (N, S, S, 3).
        crop: of the chips; its points place the regions.
    """
    masks = {name: region(name, crop) for name in REGIONS}
    area = np.mean([mask.sum() for mask in masks.values()])
    masks[CONTROL] = cheek(float(area), crop)
    return {name: _filled(chips, mask) for name, mask in masks.items()}


def region(name: str, crop: Crop) -> NDArray[np.bool_]:
    """(S, S) whether a pixel belongs to a region."""
    five = np.asarray(crop.points or ARCFACE_POINTS, np.float64) * crop.size
    (a, b), shift, half = REGIONS[name]
    apart = float(np.hypot(*(five[1] - five[0])))
    centre = (five[a] + five[b]) / 2 + np.array(shift) * apart
    return _box(centre, np.array(half) * apart, crop.size)


def cheek(area: float, crop: Crop) -> NDArray[np.bool_]:
    """(S, S) a square of an area on the subject's left cheek."""
    five = np.asarray(crop.points or ARCFACE_POINTS, np.float64) * crop.size
    apart = float(np.hypot(*(five[1] - five[0])))
    middle = (five[0] + five[1]) / 2
    centre = middle + np.array([CHEEK[0] * apart, CHEEK[1] * apart])
    half = np.sqrt(area) / 2
    return _box(centre, np.array([half, half]), crop.size)


def _box(centre: NDArray[np.float64], half: NDArray[np.float64], side: int) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:side, :side] + 0.5
    wide, tall = np.abs(columns - centre[0]), np.abs(rows - centre[1])
    return np.asarray((wide <= half[0]) & (tall <= half[1]))


def _filled(chips: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    out = chips.copy()
    if mask.any():
        out[:, mask] = np.rint(chips[:, mask].mean(1, keepdims=True)).astype(np.uint8)
    return out

"""Points that are followed from one image to another, and the plane that their motion fits."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles, Floats

MOST = 80  # points that are followed, of each area
CELL = 6  # px: at most one point in each cell of a grid
WEAKEST = 0.01  # strength of a corner, relative to the strongest one of its area
# Smaller than OpenCV's 21 px and 30 rounds: a third of the time, and planes separate as well.
WINDOW, STOP = 11, (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)
SLIP = 0.5  # px: largest distance to the start after there and back
LEAST = 12  # points that a plane is fitted to


def follow_points(
    before: NDArray[np.uint8], after: NDArray[np.uint8], *areas: NDArray[np.bool_]
) -> list[tuple[Doubles, Doubles]]:
    """Follow corners of one grey image to another one.

    Args:
        before: (H, W).
        after: (H, W).
        areas: (H, W) each, where corners are chosen.

    Returns:
        For each area (N, 2) px before and after; points that do not return to their start are left
        out.

    Source: Shi and Tomasi, CVPR 1994; Bouguet, "Pyramidal implementation of the Lucas Kanade
    feature tracker", 2000.
    """
    strength = cv2.cornerMinEigenVal(before, 3)
    peak = strength >= cv2.dilate(strength, np.ones((5, 5)))  # edges alone are not followed well
    chosen = [_corners(np.where(area & peak, strength, 0)) for area in areas]
    start: Any = np.concatenate(chosen)  # all at once: a pyramid takes as long as 15 points
    if not len(start):
        return [(np.zeros((0, 2)), np.zeros((0, 2)))] * len(areas)
    how: Any = {"winSize": (WINDOW, WINDOW), "criteria": STOP}
    there, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, **how)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **how)  # type: ignore[call-overload]
    slip = np.linalg.norm(back - start, axis=1)
    good = (seen.ravel() == 1) & (again.ravel() == 1) & (slip <= SLIP)
    ends = np.cumsum([0, *map(len, chosen)])
    parts = [np.arange(a, b)[good[a:b]] for a, b in pairwise(ends.tolist())]
    return [(start[part].astype(float), there[part].astype(float)) for part in parts]


def _corners(strength: Floats) -> Floats:
    """(N, 2) px: the strongest pixel of each cell, the strongest cells first."""
    rows, columns = (side // CELL for side in strength.shape)
    cells = strength[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    flat = cells.swapaxes(1, 2).reshape(rows * columns, CELL * CELL)
    if not flat.size:
        return np.zeros((0, 2), np.float32)
    inside = flat.argmax(1)
    best = flat[np.arange(len(flat)), inside]
    order = np.argsort(-best, kind="stable")[:MOST]
    order = order[best[order] > WEAKEST * best.max()]
    (row, column), (down, across) = divmod(order, columns), divmod(inside[order], CELL)
    return np.column_stack([column * CELL + across, row * CELL + down]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PlaneFit:
    """How well the motion of points is that of one plane; lengths in px."""

    motion: float  # root of the mean square of all displacements
    residual: float  # the same of what the plane leaves
    transform: Doubles  # (3, 3)


def fit_plane(before: Doubles, after: Doubles) -> PlaneFit | None:
    """Fit the motion of a plane in space, a homography, by least squares.

    Args:
        before: (N, 2) px.
        after: (N, 2) px, of the same points.

    Returns:
        None with fewer than 12 points, or if they lie on a line.
    """
    if len(before) < LEAST:
        return None
    transform, _ = cv2.findHomography(before, after, 0)
    if transform is None or not np.isfinite(transform).all():
        return None
    matrix = np.asarray(transform, np.float64)
    left = after - map_points(matrix, before)
    if not np.isfinite(left).all():
        return None
    root = [float(np.sqrt((v**2).sum(1).mean())) for v in (after - before, left)]
    return PlaneFit(root[0], root[1], matrix)


def map_points(transform: Doubles, points: Doubles) -> Doubles:
    """Apply a homography (3, 3) to (N, 2) points."""
    flat = np.column_stack([points, np.ones(len(points))]) @ transform.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(flat[:, :2] / flat[:, 2:])

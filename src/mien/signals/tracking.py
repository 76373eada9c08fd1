"""Points that are followed from one image to another, and the plane that their motion fits."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles

MOST = 160  # points that are followed
APART = 4.0  # px between two of them
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
    chosen = [_corners(before, area) for area in areas]
    start: Any = np.concatenate(chosen)  # all at once: most of the time is spent on the pyramids
    if not len(start):
        return [(np.zeros((0, 2)), np.zeros((0, 2)))] * len(areas)
    there, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None)  # type: ignore[call-overload]
    slip = np.linalg.norm(back - start, axis=1)
    good = (seen.ravel() == 1) & (again.ravel() == 1) & (slip <= SLIP)
    ends = np.cumsum([0, *map(len, chosen)])
    parts = [np.arange(a, b)[good[a:b]] for a, b in pairwise(ends.tolist())]
    return [(start[part].astype(float), there[part].astype(float)) for part in parts]


def _corners(image: NDArray[np.uint8], area: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N, 2) px, the strongest first."""
    found = cv2.goodFeaturesToTrack(image, MOST, 0.01, APART, mask=area.astype(np.uint8))
    corners = np.zeros((0, 2)) if found is None else np.asarray(found).reshape(-1, 2)
    return corners.astype(np.float32)


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

"""Test whether points lie within the outline of other points."""

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats


def within(points: Floats, outline: Floats, margin: float = 0.0) -> NDArray[np.bool_]:
    """Which points lie within the convex hull of others.

    Args:
        points: (N, 2).
        outline: (M, 2); fewer than three, or on one line, have no inside.
        margin: how far outside still counts as within, in the unit of the points.

    Returns:
        (N,) True where a point is within.
    """
    from scipy.spatial import ConvexHull, QhullError  # slow import

    flat = np.asarray(points, np.float64)
    nowhere = np.zeros(len(flat), bool)
    if len(outline) < 3 or not np.isfinite(outline).all():
        return nowhere
    try:
        hull = ConvexHull(np.asarray(outline, np.float64))
    except QhullError:  # all on one line
        return nowhere
    sides = hull.equations  # (S, 3): outward normals of unit length, and offsets
    away = flat @ sides[:, :2].T + sides[:, 2]
    inside: NDArray[np.bool_] = (away <= margin).all(axis=1)
    return inside

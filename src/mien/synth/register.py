"""Lay a foreign mesh onto the built-in head, so that the same painter serves it."""

import numpy as np
from scipy.interpolate import RBFInterpolator

from mien.synth.builtin import builtin_head
from mien.synth.head import landmarks
from mien.types import Floats


def canonical_places(points: Floats, spots: Floats) -> Floats:
    """Where the corners of a foreign mean face lie in the built-in head.

    Args:
        points: (V, 3) mm, already in model space.
        spots: (68, 3) its 68 points.

    Returns:
        (V, 3) canonical places: a thin-plate spline in space (kernel r) that takes the 68 points
        to those of the built-in head.

    Source: Bookstein, "Principal warps", 1989.
    """
    ours = builtin_head()
    target = landmarks(ours, ours.template).astype(np.float64)
    source = np.asarray(spots, np.float64)
    # Far from the face the spline is held by a box of points that are only moved and widened.
    corners = np.array(
        [[x, y, z] for x in (-90.0, 90.0) for y in (-240.0, 130.0) for z in (-110.0, 20.0)]
    )
    shift = target.mean(0) - source.mean(0)
    scale = np.ptp(target[:, 0]) / np.ptp(source[:, 0])
    held = (corners - source.mean(0)) * [scale, 1, 1] + source.mean(0) + shift
    spline = RBFInterpolator(
        np.concatenate([source, corners]), np.concatenate([target, held]), kernel="linear", degree=1
    )
    places: Floats = spline(np.asarray(points, np.float64)).astype(np.float32)
    return places

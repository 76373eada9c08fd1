"""Register an imported mesh with the built-in head, so that the same painter can be used."""

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from mien.errors import MienError
from mien.synth.head.builtin import builtin_head
from mien.synth.head.model import landmarks, nearest_on
from mien.synth.render.raster import Indices
from mien.types import Floats

ASTRAY = 15.0  # mm: a mesh whose corners lie further away is not a face, or lies on its side


def canonical_places(points: Floats, spots: Floats) -> Floats:
    """Map the corners of an imported mean face to the canonical space of the built-in head.

    Args:
        points: (V, 3) mm, already in model space.
        spots: (68, 3) its 68 points.

    Returns:
        (V, 3) canonical places: a thin-plate spline in space (kernel r) that takes the 68 points
        to those of the built-in head.

    Source: Bookstein, "Principal warps", 1989.
    """
    ours = builtin_head()
    target = landmarks(ours, ours.canonical).astype(np.float64)
    source = np.asarray(spots, np.float64)
    # Far from the face the spline is constrained by a box of points that are only moved and scaled.
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


def fitted_places(points: Floats, rounds: int = 40) -> Floats:
    """Map a mesh without named points to canonical space, by its shape alone.

    Args:
        points: (V, 3) mm, x to the subject's left, y up, z out of the face.
        rounds: of matching nearest points and scaling along the axes.

    Returns:
        (V, 3) canonical places; accurate to some millimetres, so that painted borders may be off by
        as much.

    Source: Besl and McKay, "A method for registration of 3-D shapes", 1992, with a scale per axis.
    """
    ours = builtin_head()
    chosen = (ours.template[:, 2] > 35) & (ours.template[:, 1] > -113)
    front = ours.template[chosen]
    tree = cKDTree(front.astype(np.float64))
    tip = front[np.argmax(front[:, 2])]
    source = np.asarray(points, np.float64)
    own = source[np.argmax(source[:, 2] - 0.3 * np.abs(source[:, 0]))]  # the tip of the nose
    moved = source - own + tip
    for _ in range(rounds):
        near = np.flatnonzero((moved[:, 2] > 40) & (moved[:, 1] > -112) & (moved[:, 1] < 60))
        apart, found = tree.query(moved[near])
        if len(near) < 50 or np.median(apart) > ASTRAY:
            raise MienError(
                "The mesh has no face in direction z: x must go to the subject's left, y up, z "
                "out of the face, lengths in the unit of the original file."
            )
        close = apart <= np.quantile(apart, 0.8)
        a, b = moved[near][close], tree.data[found][close]
        scale = np.clip(((a - a.mean(0)) * (b - b.mean(0))).sum(0) / a.var(0) / len(a), 0.9, 1.1)
        moved = (moved - a.mean(0)) * scale + b.mean(0)
    # From the mean face of our head to its canonical space, by the nearest corners.
    apart, found = tree.query(moved, k=4)
    weights = 1 / np.maximum(apart, 0.5) ** 2
    weights /= weights.sum(1, keepdims=True)
    step = (ours.canonical - ours.template)[chosen]
    return np.asarray(moved + np.einsum("nk,nkd->nd", weights, step[found]), np.float32)


def spots_by_places(places: Floats, triangles: Indices) -> tuple[Indices, Floats]:
    """The 68 points of a registered mesh: the places nearest to those of the built-in head."""
    ours = builtin_head()
    return nearest_on(landmarks(ours, ours.canonical).astype(np.float64), places, triangles)

"""Shared by importers: blendshapes for a mesh without named ones."""

import numpy as np
from scipy.spatial import cKDTree

from mien.synth.head.builtin import builtin_head
from mien.synth.head.model import SKIN
from mien.synth.render.raster import Array
from mien.types import Floats


def borrowed_moves(canonical: Floats, scale: Array) -> dict[str, Floats]:
    """Transfer the 53 blendshapes of the built-in head by canonical places.

    Args:
        canonical: (V, 3) places of an imported mesh in the built-in head.
        scale: (3,) size of the imported face relative to ours, along each axis.

    Returns:
        Shape -> (V, 3). An imported mesh has no slit where ours has one unless its own lips part
        there, so lips follow the nearer side.
    """
    ours = builtin_head()
    used = np.unique(ours.triangles[ours.part == SKIN])
    places = ours.canonical[used].astype(np.float64)
    reach = np.abs(places[:, 0]) < 95
    used, places = used[reach], places[reach]
    apart, corners = cKDTree(places).query(canonical.astype(np.float64), k=4)
    weights = 1 / np.maximum(apart, 0.05) ** 2
    weights /= weights.sum(1, keepdims=True)
    return {
        name: (np.einsum("nk,nkd->nd", weights, delta[used][corners]) * scale).astype(np.float32)
        for name, delta in ours.expression.items()
    }

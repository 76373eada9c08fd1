"""Is the geometry what it claims to be? The checks of the synthesiser that need no model."""

import numpy as np

from mien.errors import MienError
from mien.synth import form
from mien.synth.head import LINING, SKIN, HeadModel
from mien.types import Doubles, Floats


def lid_gaps(head: HeadModel, face: Floats) -> Doubles:
    """How far the rims of the lids stand apart at three places of each eye, mm; below 0: they overlap.

    Args:
        head: the model.
        face: (V, 3) of it.
    """
    if head.lids_cut:  # rims are level sets in canonical space
        return np.array([_between(head, face, s * x) for s in (1, -1) for x in (24.0, 31.0, 38.0)])
    lining = np.unique(head.triangles[head.part == LINING])
    rim = np.intersect1d(lining, np.unique(head.triangles[head.part == SKIN]))
    if not len(rim):
        raise MienError(f"Head '{head.name}' has no inner lids, so its rims are not known.")
    gaps = []
    for centre in head.eyes:
        own = rim[np.sign(head.template[rim, 0]) == np.sign(centre[0])]
        rest = head.template[own].astype(np.float64)
        ends = rest[np.argsort(rest[:, 0])][[0, -1]]
        above = rest[:, 1] > np.interp(rest[:, 0], ends[:, 0], ends[:, 1])
        middle, reach = ends[:, 0].mean(), np.ptp(ends[:, 0])
        for x in middle + reach * np.array([-0.25, 0.0, 0.25]):
            high, low = (_height(face[own[side]], x) for side in (above, ~above))
            gaps.append(high - low)
    return np.array(gaps)


def _height(line: Floats, x: float) -> float:
    line = line[np.argsort(line[:, 0])]
    return float(np.interp(x, line[:, 0], line[:, 1]))


def _between(head: HeadModel, face: Floats, x: float) -> float:
    """Height between the places of a face that lie on the two rims at rest, at one x."""
    ahead = head.canonical[head.triangles][:, :, 2].min(1) > 40
    skin = head.triangles[(head.part == SKIN) & ahead]
    a, b, c = (head.canonical[skin[:, k], :2].astype(np.float64) for k in range(3))
    u, v = b - a, c - a
    size = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    size[size == 0] = np.inf
    heights = []
    for rim in (form.upper_lid, form.lower_lid):
        d = np.array([x, float(rim(np.array(x)))]) - a
        s = (d[:, 0] * v[:, 1] - d[:, 1] * v[:, 0]) / size
        t = (u[:, 0] * d[:, 1] - u[:, 1] * d[:, 0]) / size
        found = int(np.flatnonzero((s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6))[0])
        weights = np.array([1 - s[found] - t[found], s[found], t[found]])
        heights.append(float(weights @ face[skin[found], 1]))
    return heights[0] - heights[1]

"""Triangles to pixels: which triangle is seen where, and in which place of it.

With numba it runs at some ten million pixels a second. Without it, a NumPy path gives the same
numbers to the last bit, some ten times slower; `HAS_NUMBA` says which one is in use.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles, Floats

try:
    import numba
except ImportError:  # the extra `synth` is not installed
    numba = None  # type: ignore[assignment]

HAS_NUMBA = numba is not None
NEAR = 1.0  # mm: triangles that come nearer to the camera are not drawn
EDGE = -1e-9  # a pixel centre on the edge of two triangles must not fall between them
Indices = NDArray[np.int32]
Array = NDArray[Any]  # floats of either width


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The pixels in which something is seen, in rows from the top."""

    pixel: NDArray[np.int64]  # (N,) row * width + column
    triangle: Indices  # (N,)
    inside: Floats  # (N, 3) barycentric weights, perspective-correct, sum 1
    depth: Doubles  # (N,) mm along the optical axis

    def take(self, keep: NDArray[Any]) -> "Hits":
        """The hits that a mask or an index names."""
        return Hits(self.pixel[keep], self.triangle[keep], self.inside[keep], self.depth[keep])


def rasterise(
    points: Doubles, triangles: Indices, size: tuple[int, int], *, numpy_only: bool = False
) -> Hits:
    """See which triangle is nearest in each pixel.

    Args:
        points: (V, 3) x and y in px (centres of pixels at +0.5), depth in mm.
        triangles: (F, 3) rows of `points`; both sides are seen.
        size: height and width, px.
        numpy_only: take the slow path although numba is there.

    Returns:
        The hits. Of two triangles at the same depth the first one is seen.
    """
    points = np.ascontiguousarray(points, np.float64)
    triangles = np.ascontiguousarray(triangles, np.int32)
    if not np.isfinite(points).all():
        raise ValueError("A corner to be drawn is not finite; weights or camera hold NaN.")
    if HAS_NUMBA and not numpy_only:
        number = np.full(size, -1, np.int32)
        inside, depth = np.empty((*size, 3), np.float32), np.full(size, np.inf)
        _scan_fast(points, triangles, number, inside, depth)
        pixel = np.flatnonzero(number >= 0)
        flat = inside.reshape(-1, 3)[pixel], depth.ravel()[pixel]
        return Hits(pixel, number.ravel()[pixel], *flat)
    return _scan_numpy(points, triangles, size)


def _scan(points: Any, triangles: Any, number: Any, inside: Any, depth: Any) -> None:
    """Fill three (H, W) buffers; compiled by numba, never run as Python."""
    height, width = number.shape
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        if min(az, bz, cz) < NEAR:
            continue
        left = max(np.ceil(min(ax, bx, cx) - 0.5), 0.0)
        right = min(np.floor(max(ax, bx, cx) - 0.5), width - 1.0)
        top = max(np.ceil(min(ay, by, cy) - 0.5), 0.0)
        bottom = min(np.floor(max(ay, by, cy) - 0.5), height - 1.0)
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if left > right or top > bottom or area == 0.0:
            continue
        for row in range(int(top), int(bottom) + 1):
            y = row + 0.5
            for column in range(int(left), int(right) + 1):
                x = column + 0.5
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                if u < EDGE:
                    continue
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = 1.0 - u - v
                if v < EDGE or w < EDGE:
                    continue
                p, q, r = u / az, v / bz, w / cz
                z = 1.0 / (p + q + r)
                if z < depth[row, column]:
                    depth[row, column] = z
                    number[row, column] = f
                    inside[row, column, 0] = p * z
                    inside[row, column, 1] = q * z
                    inside[row, column, 2] = r * z


def _scan_numpy(points: Doubles, triangles: Indices, size: tuple[int, int]) -> Hits:
    """The same sums in the same order, for all pairs of triangle and pixel at once."""
    height, width = size
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    first = np.maximum(np.ceil(low[:, :2] - 0.5), 0)
    last = np.minimum(np.floor(high[:, :2] - 0.5), [width - 1, height - 1])
    drawn = (low[:, 2] >= NEAR) & (area != 0) & (first <= last).all(1)
    faces = np.flatnonzero(drawn)
    spans = (last[faces] - first[faces] + 1).astype(np.int64)  # columns, rows
    counts = spans.prod(1)
    pair = np.repeat(np.arange(faces.size), counts)
    place = np.arange(pair.size) - np.repeat(np.cumsum(counts) - counts, counts)
    column = first[faces, 0].astype(np.int64)[pair] + place % spans[pair, 0]
    row = first[faces, 1].astype(np.int64)[pair] + place // spans[pair, 0]
    f, x, y = faces[pair], column + 0.5, row + 0.5
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = a[f].T, b[f].T, c[f].T
    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area[f]
    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area[f]
    w = 1.0 - u - v
    p, q, r = u / az, v / bz, w / cz
    with np.errstate(divide="ignore"):
        z = 1.0 / (p + q + r)
    pixel = row * width + column
    keep = np.flatnonzero((u >= EDGE) & (v >= EDGE) & (w >= EDGE))
    keep = keep[np.lexsort((f[keep], z[keep], pixel[keep]))]
    keep = keep[np.unique(pixel[keep], return_index=True)[1]]
    inside = np.stack([p * z, q * z, r * z], axis=1)[keep].astype(np.float32)
    return Hits(pixel[keep], f[keep].astype(np.int32), inside, z[keep])


def interpolate(hits: Hits, triangles: Indices, values: Floats) -> Floats:
    """Values of the corners, (V, K), at the hits: (N, K)."""
    values = np.ascontiguousarray(values, np.float32)
    if HAS_NUMBA:
        out = np.empty((hits.pixel.size, values.shape[1]), np.float32)
        _blend_fast(hits.triangle, hits.inside, np.ascontiguousarray(triangles), values, out)
        return out
    a, b, c = (values[triangles[hits.triangle, k]] for k in range(3))
    u, v, w = hits.inside.T[:, :, None]
    blended: Floats = u * a + v * b + w * c
    return blended


def _blend(triangle: Any, inside: Any, triangles: Any, values: Any, out: Any) -> None:
    """Weighted sums of three corners; compiled by numba, never run as Python."""
    for n in range(triangle.shape[0]):
        f = triangle[n]
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        for k in range(values.shape[1]):
            out[n, k] = (inside[n, 0] * values[a, k] + inside[n, 1] * values[b, k]) + inside[
                n, 2
            ] * values[c, k]


_scan_fast: Any = numba.njit(cache=True)(_scan) if numba else _scan
_blend_fast: Any = numba.njit(cache=True)(_blend) if numba else _blend

"""Rasterise triangles: the visible triangle of each pixel, and the place in it.

With numba it is fast. Without it, a NumPy path returns identical numbers, about
thirty times slower; `HAS_NUMBA` says which one is in use, here and in code that renders with it.
"""

from collections.abc import Callable
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
NEAR = 1.0  # mm: triangles closer to the camera are not drawn
EDGE = -1e-9  # a pixel centre on the edge of two triangles must not fall between them
Indices = NDArray[np.int32]
Array = NDArray[Any]  # floats of either width


def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """A loop over corners or pixels, compiled by numba; without numba it is never run."""
    if not HAS_NUMBA:
        return loop
    done: Callable[..., Any] = numba.njit(cache=True, error_model="numpy")(loop)
    return done


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The pixels in which a surface is visible, in rows from the top."""

    pixel: NDArray[np.int64]  # (N,) row * width + column
    triangle: Indices  # (N,)
    inside: Floats  # (N, 3) barycentric weights, perspective-correct, sum 1
    depth: Doubles  # (N,) mm along the optical axis

    def take(self, keep: NDArray[Any]) -> "Hits":
        """The hits that a mask or an index names."""
        return Hits(self.pixel[keep], self.triangle[keep], self.inside[keep], self.depth[keep])


class Buffer:
    """The nearest surface in each pixel so far."""

    def __init__(self, size: tuple[int, ...]) -> None:
        self.number = np.full(size, -1, np.int32)  # (H, W) triangle, -1: none
        self.depth = np.full(size, np.inf)  # (H, W) mm
        self.inside = np.empty((*size, 3), np.float32)  # (H, W, 3) undefined where there is none

    def draw(
        self,
        points: Doubles,
        triangles: Indices,
        chosen: NDArray[np.int64] | None = None,
        *,
        numpy_only: bool = False,
    ) -> None:
        """Draw triangles where they are nearer than the current surface.

        Args:
            points: (V, 3) x and y in px (centres of pixels at +0.5), depth in mm.
            triangles: (F, 3) rows of `points`; both sides are visible.
            chosen: (C,) of them, in the order in which they are drawn; None: all.
            numpy_only: use the slow path although numba is installed.
        """
        points = np.ascontiguousarray(points, np.float64)
        triangles = np.ascontiguousarray(triangles, np.int32)
        chosen = np.arange(len(triangles)) if chosen is None else chosen
        if not np.isfinite(points).all():
            raise ValueError("A corner to be drawn is not finite; weights or camera hold NaN.")
        if HAS_NUMBA and not numpy_only:
            _scan(points, triangles, chosen, self.number, self.inside, self.depth)
        else:
            other = Buffer(self.number.shape)
            hits = _scan_numpy(points, triangles, chosen, self.number.shape)
            other.number.ravel()[hits.pixel] = hits.triangle
            other.depth.ravel()[hits.pixel] = hits.depth
            other.inside.reshape(-1, 3)[hits.pixel] = hits.inside
            self.lay(other)

    def erase(self, pixel: NDArray[np.int64]) -> None:
        """Clear some pixels, as Hits numbers them."""
        self.number.ravel()[pixel] = -1
        self.depth.ravel()[pixel] = np.inf

    def lay(self, other: "Buffer") -> None:
        """Merge another buffer into this one, where it is nearer."""
        near = other.depth < self.depth
        np.copyto(self.number, other.number, where=near)
        np.copyto(self.depth, other.depth, where=near)
        np.copyto(self.inside, other.inside, where=near[..., None])

    def hits(self) -> Hits:
        """The visible surface."""
        number = self.number.ravel()
        pixel = np.flatnonzero(number >= 0)
        inside = self.inside.reshape(-1, 3)[pixel]
        return Hits(pixel, number[pixel], inside, self.depth.ravel()[pixel])


def rasterise(
    points: Doubles, triangles: Indices, size: tuple[int, int], *, numpy_only: bool = False
) -> Hits:
    """Find the nearest triangle in each pixel of (height, width), as Buffer.draw does.

    Returns:
        The hits. Of two triangles at the same depth the first one is visible.
    """
    buffer = Buffer(size)
    buffer.draw(points, triangles, numpy_only=numpy_only)
    return buffer.hits()


@compiled
def _scan(points: Any, triangles: Any, chosen: Any, number: Any, inside: Any, depth: Any) -> None:
    height, width = number.shape
    for k in range(chosen.shape[0]):
        f = chosen[k]
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, bx, cx = points[a, 0], points[b, 0], points[c, 0]
        left = max(np.ceil(min(ax, bx, cx) - 0.5), 0.0)
        right = min(np.floor(max(ax, bx, cx) - 0.5), width - 1.0)
        if left > right:
            continue
        ay, by, cy = points[a, 1], points[b, 1], points[c, 1]
        top = max(np.ceil(min(ay, by, cy) - 0.5), 0.0)
        bottom = min(np.floor(max(ay, by, cy) - 0.5), height - 1.0)
        az, bz, cz = points[a, 2], points[b, 2], points[c, 2]
        near = min(az, bz, cz)
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if top > bottom or near < NEAR or area == 0.0:
            continue
        share, over_a, over_b, over_c = 1.0 / area, 1.0 / az, 1.0 / bz, 1.0 / cz
        for row in range(int(top), int(bottom) + 1):
            y = row + 0.5
            for column in range(int(left), int(right) + 1):
                if depth[row, column] <= near:  # nothing of the triangle is nearer
                    continue
                x = column + 0.5
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * share
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * share
                w = 1.0 - u - v
                if min(u, v, w) < EDGE:
                    continue
                p, q, r = u * over_a, v * over_b, w * over_c
                z = 1.0 / (p + q + r)
                if max(z, near) < depth[row, column]:
                    depth[row, column] = max(z, near)
                    number[row, column] = f
                    inside[row, column, 0] = p * z
                    inside[row, column, 1] = q * z
                    inside[row, column, 2] = r * z


def _scan_numpy(
    points: Doubles, triangles: Indices, chosen: NDArray[np.int64], size: tuple[int, ...]
) -> Hits:
    """The same sums in the same order, for all pairs of triangle and pixel at once."""
    height, width = size
    a, b, c = (points[triangles[chosen, k]] for k in range(3))
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
    share = (1.0 / area[faces])[pair]
    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * share
    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * share
    w = 1.0 - u - v
    p, q, r = u * (1.0 / az), v * (1.0 / bz), w * (1.0 / cz)
    with np.errstate(divide="ignore"):
        z = 1.0 / (p + q + r)
    depth = np.maximum(z, low[f, 2])
    pixel = row * width + column
    keep = np.flatnonzero((u >= EDGE) & (v >= EDGE) & (w >= EDGE))
    keep = keep[np.lexsort((f[keep], depth[keep], pixel[keep]))]
    keep = keep[np.unique(pixel[keep], return_index=True)[1]]
    inside = np.stack([p * z, q * z, r * z], axis=1)[keep].astype(np.float32)
    return Hits(pixel[keep], chosen[f[keep]].astype(np.int32), inside, depth[keep])


def interpolate(hits: Hits, triangles: Indices, values: Floats) -> Floats:
    """Values of the corners, (V, K), at the hits: (N, K)."""
    values = np.ascontiguousarray(values, np.float32)
    if HAS_NUMBA:
        out = np.empty((hits.pixel.size, values.shape[1]), np.float32)
        _blend(hits.triangle, hits.inside, np.ascontiguousarray(triangles), values, out)
        return out
    a, b, c = (values[triangles[hits.triangle, k]] for k in range(3))
    u, v, w = hits.inside.T[:, :, None]
    blended: Floats = u * a + v * b + w * c
    return blended


@compiled
def _blend(triangle: Any, inside: Any, triangles: Any, values: Any, out: Any) -> None:
    for n in range(triangle.shape[0]):
        f = triangle[n]
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        for k in range(values.shape[1]):
            out[n, k] = (inside[n, 0] * values[a, k] + inside[n, 1] * values[b, k]) + inside[
                n, 2
            ] * values[c, k]

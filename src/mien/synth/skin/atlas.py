"""The chart on which skin is painted: angle around the head by height, in canonical places."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.synth.head import head_shape
from mien.types import Doubles, Floats

SIDE = 1024  # texels: 0.33 mm across and 0.27 mm up on the front of the face
ANGLE = np.radians(118.0)  # the chart spans twice this around the head
LOW, HIGH = -160.0, 116.0  # heights of its lower and upper edge, mm
Maps = NDArray[np.float32]


def chart(points: Floats) -> tuple[Floats, Floats]:
    """Columns and rows, in texels, of canonical points (N, 3)."""
    angle = np.arctan2(points[:, 0], np.maximum(points[:, 2], -60) + 8)
    column = (angle / (2 * ANGLE) + 0.5) * SIDE - 0.5
    row = (HIGH - points[:, 1]) / (HIGH - LOW) * SIDE - 0.5
    return column.astype(np.float32), row.astype(np.float32)


@lru_cache(maxsize=1)
def places() -> tuple[Floats, Floats, Floats]:
    """Canonical x, y, z of every texel, (SIDE, SIDE) each."""
    y = HIGH - (np.arange(SIDE) + 0.5) / SIDE * (HIGH - LOW)
    wanted = ((np.arange(SIDE) + 0.5) / SIDE - 0.5) * 2 * ANGLE
    theta = np.linspace(-2.6, 2.6, 1201)
    out = np.empty((2, SIDE, SIDE))
    for row, height in enumerate(np.clip(y, head_shape.CHIN_Y, head_shape.CROWN_Y)):
        line: Doubles = head_shape.surface(theta, np.full(theta.size, height))
        angle = np.maximum.accumulate(np.arctan2(line[:, 0], np.maximum(line[:, 2], -60) + 8))
        out[0, row] = np.interp(wanted, angle, line[:, 0])
        out[1, row] = np.interp(wanted, angle, line[:, 2])
    across = out[0].astype(np.float32), out[1].astype(np.float32)
    return across[0], np.repeat(y[:, None], SIDE, 1).astype(np.float32), across[1]


def noise(rng: np.random.Generator, size: float, elongation: float = 1.0) -> Maps:
    """Smooth noise of mean 0 and spread 1 on the chart.

    Args:
        rng: random source.
        size: width of a blot, mm.
        elongation: height of a blot relative to its width.
    """
    wide = max(4, int(np.degrees(2 * ANGLE) * 1.5 / size))
    tall = max(4, int((HIGH - LOW) / size / elongation))
    small: Maps = rng.standard_normal((min(tall, SIDE), min(wide, SIDE))).astype(np.float32)
    if small.shape != (SIDE, SIDE):
        wider = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        small = np.asarray(wider, np.float32)
    spread: Maps = small / np.float32(max(float(small.std()), 1e-6))
    return spread


def sample(maps: Maps, points: Floats) -> Floats:
    """Values of an (SIDE, SIDE, K) map at canonical points: (N, K), between texels."""
    return between(maps, *chart(points))


def between(maps: Maps, column: Floats, row: Floats) -> Floats:
    """Values of an (SIDE, SIDE, K) map at places of the chart, as `chart` gives them: (N, K).

    Beyond its edge the map goes on mirrored, so that skin has pores down the neck, not streaks.
    """
    width = 4096  # remap refuses targets wider than 32767, so the line is folded into a sheet
    count = -(-len(column) // width) * width
    x, y = (np.resize(a, count).reshape(-1, width) for a in (column, row))
    if not count:
        return np.zeros((0, maps.shape[2]), np.float32)
    done = cv2.remap(maps, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    values: Floats = np.asarray(done, np.float32).reshape(count, -1)[: len(column)]
    return values


def nearest(labels: NDArray[np.uint8], points: Floats) -> NDArray[np.uint8]:
    """Labels of an (SIDE, SIDE) map at canonical points, (N,)."""
    column, row = chart(points)
    c = np.clip(np.rint(column), 0, SIDE - 1).astype(np.intp)
    r = np.clip(np.rint(row), 0, SIDE - 1).astype(np.intp)
    found: NDArray[np.uint8] = labels[r, c]
    return found

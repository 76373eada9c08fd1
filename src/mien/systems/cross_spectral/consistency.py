"""Agreement of a visible and an infrared frame of one face: skin, ink, toner or screen.

Skin stays bright and even near 850 nm; a screen goes dark, dye vanishes, toner keeps every line.
"""

import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles, Floats, Pixels

PATCH = 6  # px, half side of a region
RIDGE = 1.0
NAMES = ("level", "contrast", "agreement", "fine contrast", "eyes", "mouth")


def features(vis: Pixels, nir: NDArray[np.uint8], points: Floats) -> Doubles:
    """(N, 6) features of frames that are aligned pixel by pixel.

    Args:
        vis: (N, S, S, 3).
        nir: (N, S, S).
        points: (N, 5, 2) of the face in `vis`, px; NaN: the middle of the chip is used.
    """
    return np.stack([_of(*frame) for frame in zip(vis, nir, points, strict=True)])


def _of(vis: Pixels, nir: NDArray[np.uint8], points: Floats) -> Doubles:
    side = len(nir)
    light = (vis.astype(np.float64).mean(-1) + 1) / 256
    dark = (nir.astype(np.float64) + 1) / 256
    part = slice(side // 4, side - side // 4)
    a, b = np.log(light[part, part]), np.log(dark[part, part])
    fine_a, fine_b = a - _soft(a), b - _soft(b)
    same = np.sum(fine_a * fine_b) / np.sqrt(np.sum(fine_a**2) * np.sum(fine_b**2) + 1e-9)
    if not np.isfinite(points).all():
        points = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]]) * side
    nose = _log_ratio(light, dark, points[2])
    eyes, mouth = (
        float(np.mean([_log_ratio(light, dark, points[k]) for k in pair])) - nose
        for pair in ((0, 1), (3, 4))
    )
    contrast, fine = (
        np.log((float(two.std()) + 0.01) / (float(one.std()) + 0.01))
        for one, two in ((a, b), (fine_a, fine_b))
    )
    return np.array([b.mean(), contrast, same, fine, eyes, mouth])


def _log_ratio(light: Doubles, dark: Doubles, point: Floats) -> float:
    """How much brighter a region is in infrared."""
    x, y = (int(np.clip(v, PATCH, len(dark) - PATCH - 1)) for v in point)
    region = (slice(y - PATCH, y + PATCH + 1), slice(x - PATCH, x + PATCH + 1))
    return float(np.log(dark[region].mean()) - np.log(light[region].mean()))


def _soft(plane: Doubles, reach: int = 4) -> Doubles:
    """Mean of the neighbourhood, by sums over rows and columns."""
    for axis in (0, 1):
        wide = np.pad(plane, [(reach, reach) if k == axis else (0, 0) for k in (0, 1)], "edge")
        total = np.cumsum(np.insert(wide, 0, 0, axis=axis), axis=axis)
        count = 2 * reach + 1
        ends = np.take(total, range(count, total.shape[axis]), axis)
        plane = (ends - np.take(total, range(total.shape[axis] - count), axis)) / count
    return plane


class Consistency:
    """A linear rule on the features and their squares; each class counts the same."""

    def __init__(self, x: Doubles, live: NDArray[np.bool_]) -> None:
        """Fit by least squares with a ridge.

        Args:
            x: (N, 6) features.
            live: (N,) whether the presentation is bona fide; both occur.
        """
        self.mean, self.spread = x[live].mean(0), x[live].std(0) + 1e-6
        design = self._design(x)
        weight = np.where(live, 0.5 / live.sum(), 0.5 / (~live).sum()) * len(x)
        bend = (design * weight[:, None]).T @ design + RIDGE * np.eye(design.shape[1])
        self.rule = np.linalg.solve(bend, design.T @ (weight * np.where(live, 1.0, -1.0)))

    def __call__(self, x: Doubles) -> Doubles:
        """(N,) scores, higher = more like skin."""
        return np.asarray(self._design(x) @ self.rule)

    def _design(self, x: Doubles) -> Doubles:
        z = np.clip((x - self.mean) / self.spread, -5, 5)
        return np.column_stack([np.ones(len(z)), z, z**2 / 5])

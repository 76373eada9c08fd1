"""Parts of an aligned face that glasses, masks, hands, blocks and scratches hide."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
# Corners of what hides a face that is cut as UTKFace cuts it, shares of the side.
SUNGLASSES = (
    (0.12, 0.20), (0.46, 0.20), (0.54, 0.20), (0.88, 0.20), (0.86, 0.36), (0.74, 0.42),
    (0.60, 0.40), (0.53, 0.29), (0.47, 0.29), (0.40, 0.40), (0.26, 0.42), (0.14, 0.36),
)  # fmt: skip
MEDICAL_MASK = (
    (0.06, 0.46), (0.34, 0.42), (0.50, 0.38), (0.66, 0.42), (0.94, 0.46), (0.90, 0.80),
    (0.72, 0.97), (0.50, 1.01), (0.28, 0.97), (0.10, 0.80),
)  # fmt: skip
SHAKE = 0.03  # of the side, sigma by which corners move


def polygon(corners: NDArray[np.float64], side: int) -> Mask:
    """(side, side) pixels whose centre lies in a polygon (K, 2), shares of the side."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    inside = np.zeros((side, side), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, 0), strict=True):
        crosses = (y1 <= y) != (y2 <= y)
        height = y2 - y1 if y2 != y1 else 1.0
        inside ^= crosses & (x < x1 + (y - y1) / height * (x2 - x1))
    return inside


def _shape(corners: tuple[tuple[float, float], ...]) -> Callable[..., Mask]:
    def make(side: int, rng: np.random.Generator) -> Mask:
        moved = np.array(corners) + rng.normal(0, SHAKE / 2, (len(corners), 2))
        return polygon(moved + rng.normal(0, SHAKE, 2), side)

    return make


def _hand(side: int, rng: np.random.Generator) -> Mask:
    """A palm and fingers that come from the border."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    angle = rng.uniform(0, 2 * np.pi)
    palm = 0.5 + 0.42 * np.array([np.cos(angle), np.sin(angle)])
    hidden = np.hypot(x - palm[0], y - palm[1]) < rng.uniform(0.13, 0.2)
    for spread in np.linspace(-0.5, 0.5, 4) + rng.normal(0, 0.08, 4):
        way = np.array([np.cos(angle + np.pi + spread), np.sin(angle + np.pi + spread)])
        along = (x - palm[0]) * way[0] + (y - palm[1]) * way[1]
        beside = abs((x - palm[0]) * way[1] - (y - palm[1]) * way[0])
        hidden |= (along > 0) & (along < rng.uniform(0.3, 0.5)) & (beside < 0.035)
    return np.asarray(hidden)


def _block(side: int, rng: np.random.Generator) -> Mask:
    wide, high = rng.uniform(0.2, 0.5, 2)
    left, top = rng.uniform(0, 1 - wide), rng.uniform(0, 1 - high)
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    return np.asarray((x >= left) & (x < left + wide) & (y >= top) & (y < top + high))


def _scratches(side: int, rng: np.random.Generator) -> Mask:
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    hidden = np.zeros((side, side), bool)
    for _ in range(int(rng.integers(2, 7))):
        angle, bend = rng.uniform(0, np.pi), rng.normal(0, 0.15)
        middle = rng.uniform(0.1, 0.9, 2)
        along = (x - middle[0]) * np.cos(angle) + (y - middle[1]) * np.sin(angle)
        beside = (y - middle[1]) * np.cos(angle) - (x - middle[0]) * np.sin(angle)
        hidden |= abs(beside - bend * along**2) < rng.uniform(0.008, 0.025)
    return hidden


KINDS: dict[str, Callable[[int, np.random.Generator], Mask]] = {
    "sunglasses": _shape(SUNGLASSES),
    "mask": _shape(MEDICAL_MASK),
    "hand": _hand,
    "block": _block,
    "scratches": _scratches,
}


def hole(kind: str, side: int, seed: int) -> Mask:
    """(side, side) hidden pixels of one of KINDS; the same seed gives the same."""
    rng = np.random.default_rng([seed, 131, list(KINDS).index(kind)])
    return KINDS[kind](side, rng)


def any_hole(side: int, seed: int) -> Mask:
    """One of KINDS at random."""
    return hole(str(np.random.default_rng([seed, 137]).choice(list(KINDS))), side, seed)

"""Explain a head's answer by occlusion: cover parts of the chip and run the head again.

It needs only the head's answers, so it works with any chip head. A map shows what
the head uses, not what the face shows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.contracts import ChipHead
from mien.errors import MienError
from mien.types import Doubles, Floats, OnStep, Pixels

Way = Literal["occlusion", "rise"]
BATCH = 64
WINDOW, STRIDE = 0.2, 0.05  # of the side: what is covered at a time, and how far it moves on
MASKS, CELLS, KEPT = 1000, 7, 0.5  # of RISE: number, grid, share that stays visible


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """One answer with its map."""

    label: str  # which number of the reading
    value: float  # of the whole chip
    map: Floats  # (S, S) how much each position raises the value; below 0: lowers it
    chip: Pixels  # (S, S, 3)


def explain(
    head: ChipHead,
    chip: Pixels,
    *,
    label: str = "",
    way: Way = "occlusion",
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Explained:
    """Map which positions raise or lower one number of a head's answer.

    Args:
        head: with numbers.
        chip: (S, S, 3) as the head expects it.
        label: which number; default: the largest.
        way: "occlusion" covers one square after the other with its blurred self (Zeiler and
            Fergus, arXiv:1311.2901); "rise" covers random halves (Petsiuk et al.,
            arXiv:1806.07421) and takes the mean over those in which a position is visible,
            minus the mean over the others.
        seed: of the random halves.
        on_step: called after each batch.

    Raises:
        MienError: the head has no such number, or no answer for this chip.
    """
    values = head(chip[None])[0].values
    if not values:
        raise MienError("The head has no answer for this face, so there is nothing to explain.")
    label = label or max(values, key=lambda name: values[name])
    if label not in values:
        raise MienError(f"The head has no number '{label}'; it has {', '.join(values)}.")
    from scipy.ndimage import gaussian_filter  # loaded when used: scipy is slow to import

    side = chip.shape[0]
    # The cover resembles skin out of focus: a uniform patch would be unknown to the head.
    veil = gaussian_filter(chip.astype(np.float64), (side / 6, side / 6, 0), mode="nearest")
    shown = _squares(side) if way == "occlusion" else _halves(side, seed)
    values_covered = _covered_values(head, chip, veil, shown, label, on_step)
    if way == "occlusion":
        hidden = 1 - shown
        found = np.tensordot(values[label] - values_covered, hidden, 1) / np.maximum(
            hidden.sum(0), 1e-9
        )
    else:
        seen = np.tensordot(values_covered, shown, 1) / shown.sum(0)
        found = seen - np.tensordot(values_covered, 1 - shown, 1) / (1 - shown).sum(0)
    return Explained(label, values[label], found.astype(np.float32), chip)


def _squares(side: int) -> Doubles:
    """(K, S, S) 1 where the chip is visible: one square is covered, at every position in turn."""
    window, step = max(1, round(WINDOW * side)), max(1, round(STRIDE * side))
    places = range(-window // 2, side - window // 2, step)
    shown = np.ones((len(places) ** 2, side, side))
    for number, (top, left) in enumerate((t, x) for t in places for x in places):
        shown[number, max(0, top) : top + window, max(0, left) : left + window] = 0
    return shown


def _halves(side: int, seed: int) -> Doubles:
    """(K, S, S) in [0, 1]: random grids, enlarged and shifted, so that their edges are soft."""
    rng = np.random.default_rng(seed)
    grids = (rng.random((MASKS, CELLS + 2, CELLS + 2)) < KEPT).astype(np.float64)
    shift = rng.random((MASKS, 2))
    at = (np.arange(side) + 0.5) / side * CELLS
    shown = np.empty((MASKS, side, side))
    for number, grid in enumerate(grids):
        down, across = (_between(at + s, CELLS + 2) for s in shift[number])
        shown[number] = down @ grid @ across.T
    return shown


def _between(at: Doubles, cells: int) -> Doubles:
    """(S, cells) weights that interpolate between the middles of cells at those positions."""
    return np.asarray(np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(cells)[None])))


def _covered_values(
    head: ChipHead, chip: Pixels, veil: Doubles, shown: Doubles, label: str, on_step: OnStep | None
) -> Doubles:
    """(K,) the number for each partly covered chip."""
    values_covered = []
    for start in range(0, len(shown), BATCH):
        part = shown[start : start + BATCH, :, :, None]
        mixed = np.rint(part * chip + (1 - part) * veil).astype(np.uint8)
        values_covered += [reading.values.get(label, 0.0) for reading in head(mixed)]
        if on_step:
            on_step("covered chips", len(values_covered), len(shown))
    return np.array(values_covered)

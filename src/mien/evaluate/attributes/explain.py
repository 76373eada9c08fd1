"""What in a face does an answer rest on? Cover parts of the chip and ask again.

Needs nothing but the head's answers, so it works on any chip head, ours or not. A map says what
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
    """One answer and its map."""

    label: str  # which number of the reading
    value: float  # of the whole chip
    map: Floats  # (S, S) how much each place raises it; below 0: lowers it
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
    """Map what raises or lowers one number of a head's answer.

    Args:
        head: with numbers.
        chip: (S, S, 3) as the head wants it.
        label: which number; default: the largest.
        way: "occlusion" covers one square after the other with its blurred self (Zeiler and
            Fergus, arXiv:1311.2901); "rise" covers random halves (Petsiuk et al.,
            arXiv:1806.07421) and takes the mean over those in which a place could be seen,
            less the mean over the others.
        seed: of the random halves.
        on_step: told after each batch.

    Raises:
        MienError: the head has no such number, or no answer about this chip.
    """
    values = head(chip[None])[0].values
    if not values:
        raise MienError("The head has no answer about this face, so there is nothing to explain.")
    label = label or max(values, key=lambda name: values[name])
    if label not in values:
        raise MienError(f"The head has no number '{label}'; it has {', '.join(values)}.")
    from scipy.ndimage import gaussian_filter  # loaded when used: scipy takes long

    side = chip.shape[0]
    # What is covered looks like skin out of focus: a flat patch would be news to the head.
    veil = gaussian_filter(chip.astype(np.float64), (side / 6, side / 6, 0), mode="nearest")
    shown = _squares(side) if way == "occlusion" else _halves(side, seed)
    told = _asked(head, chip, veil, shown, label, on_step)
    if way == "occlusion":
        hidden = 1 - shown
        found = np.tensordot(values[label] - told, hidden, 1) / np.maximum(hidden.sum(0), 1e-9)
    else:
        seen = np.tensordot(told, shown, 1) / shown.sum(0)
        found = seen - np.tensordot(told, 1 - shown, 1) / (1 - shown).sum(0)
    return Explained(label, values[label], found.astype(np.float32), chip)


def _squares(side: int) -> Doubles:
    """(K, S, S) 1 where the chip is shown: one square is hidden, everywhere in turn."""
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
    """(S, cells) weights that interpolate between the middles of cells at those places."""
    return np.asarray(np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(cells)[None])))


def _asked(
    head: ChipHead, chip: Pixels, veil: Doubles, shown: Doubles, label: str, on_step: OnStep | None
) -> Doubles:
    """(K,) the number for each partly covered chip."""
    told = []
    for start in range(0, len(shown), BATCH):
        part = shown[start : start + BATCH, :, :, None]
        mixed = np.rint(part * chip + (1 - part) * veil).astype(np.uint8)
        told += [reading.values.get(label, 0.0) for reading in head(mixed)]
        if on_step:
            on_step("covered chips", len(told), len(shown))
    return np.array(told)

"""Explain a head's answer by occlusion: cover parts of the chip and run the head again.

It needs only the head's answers, so it works with any chip head. A map shows what
the head uses, not what the face shows.

Each part is tested twice: covered while the rest is visible, and visible while the rest is
covered. A head that has other cues hardly changes in the first test, however strong the part is,
and a part can act against its surroundings in one of the two. Only what all tests agree on has a
colour; its strength is their geometric mean. Probabilities are compared as logits, which do not
saturate near 0 and 1.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.contracts import ChipHead
from mien.errors import MienError
from mien.types import Doubles, Floats, OnStep, Pixels

Way = Literal["occlusion", "rise"]
BATCH = 64
SPREAD, STRIDE = 0.14, 0.06  # of the side: a soft window as wide as a mouth, and its steps
MASKS, CELLS = 1000, 7  # of RISE: number, grid
NOISE, TRIES, FLOOR = 2, 16, 0.05  # grey levels; repetitions; logits
LEAST, MOST = 1e-6, 1 - 1e-6  # probabilities whose logits are finite


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """One answer with its map."""

    label: str  # which number of the reading
    value: float  # of the whole chip, as the head states it
    unit: str  # of the map: "logits" for a probability, else the unit of the value
    map: Floats  # (S, S) how much each position raises the value; below 0: lowers it
    noise: float  # effect that cannot be measured, in the same unit
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
        way: "occlusion" covers and uncovers one soft window after the other with its blurred
            self (after Zeiler and Fergus, arXiv:1311.2901); "rise" covers random parts (after
            Petsiuk et al., arXiv:1806.07421): masks that show less than half and masks that
            show more are two further tests, which draw finer maps. Patches smaller than a
            mouth occur in no face, so the windows must agree with them.
        seed: of the random masks and of the noise.
        on_step: called after each batch.

    Raises:
        MienError: the head has no such number, no answer for this chip, or no part of the chip
            has an effect that can be measured.
    """
    reading = head(chip[None])[0]
    values = reading.values
    if not values:
        raise MienError("The head has no answer for this face, so there is nothing to explain.")
    label = label or max(values, key=lambda name: values[name])
    if label not in values:
        raise MienError(f"The head has no number '{label}'; it has {', '.join(values)}.")
    from scipy.ndimage import gaussian_filter  # loaded when used: scipy is slow to import

    as_logits = reading.unit == "probability"
    ask = _Question(head, label, as_logits, on_step)
    side = chip.shape[0]
    # The cover resembles skin out of focus: a uniform patch would be unknown to the head.
    veil = gaussian_filter(chip.astype(np.float64), (side / 6, side / 6, 0), mode="nearest")
    tests = _windows(ask, chip, veil)
    if way == "rise":
        tests += _random_parts(ask, chip, veil, seed)
    agreed = _agreed(tests)
    unit = "logits" if as_logits else reading.unit
    noise = max(_noise(ask, chip, seed), FLOOR if as_logits else 0.0)
    largest = float(np.abs(agreed).max())
    if not largest > noise:
        raise MienError(
            f"No part of the face has a measurable effect on '{label}' "
            f"({values[label]:.3g} {reading.unit}): the largest one is {largest:.2g} {unit}, and "
            f"effects up to {noise:.2g} are noise. Explain another label with --label."
        )
    agreed[np.abs(agreed) <= noise] = 0
    return Explained(label, values[label], unit, agreed.astype(np.float32), noise, chip)


@dataclass(frozen=True, slots=True)
class _Question:
    """One number of a head, asked for many chips."""

    head: ChipHead
    label: str
    as_logits: bool
    on_step: OnStep | None

    def __call__(self, chips: list[Pixels]) -> Doubles:
        """(K,) the number for each chip; NaN where the head has no answer."""
        found: list[float] = []
        for start in range(0, len(chips), BATCH):
            batch = np.stack(chips[start : start + BATCH])
            found += [reading.values.get(self.label, np.nan) for reading in self.head(batch)]
            if self.on_step:
                self.on_step("covered chips", len(found), len(chips))
        values = np.array(found)
        if not self.as_logits:
            return values
        sure = values.clip(LEAST, MOST)
        return np.asarray(np.log(sure / (1 - sure)))


def _mixed(chip: Pixels, veil: Doubles, shown: Doubles) -> list[Pixels]:
    """Cover a chip where `shown`, (K, S, S) in [0, 1], is below 1."""
    return [
        np.rint(one[..., None] * chip + (1 - one[..., None]) * veil).astype(np.uint8)
        for one in shown
    ]


def _agreed(tests: tuple[Doubles, ...]) -> Doubles:
    """Geometric mean of maps, (S, S), with their sign; 0 where their signs differ."""
    stacked = np.stack(tests)
    signs = np.sign(stacked)
    same = np.abs(signs.sum(axis=0)) == len(tests)
    size = np.exp(np.log(np.abs(stacked).clip(1e-12)).mean(axis=0))
    return np.where(same, signs[0] * size, 0.0)


def _windows(ask: _Question, chip: Pixels, veil: Doubles) -> tuple[Doubles, ...]:
    """Effect of each position if its window is covered, and if it alone is visible, (S, S)."""
    side = chip.shape[0]
    places = np.arange(0, 1 + 1e-9, STRIDE)
    at = (np.arange(side) + 0.5) / side
    bumps = np.exp(-((at[None] - places[:, None]) ** 2) / (2 * SPREAD**2))  # (P, S)
    windows = np.einsum("ay,bx->abyx", bumps, bumps).reshape(-1, side, side)
    whole, nothing = ask([chip, np.rint(veil).astype(np.uint8)])
    covered = whole - ask(_mixed(chip, veil, 1 - windows))
    alone = ask(_mixed(chip, veil, windows)) - nothing
    return _mean(covered, windows), _mean(alone, windows)


def _random_parts(ask: _Question, chip: Pixels, veil: Doubles, seed: int) -> tuple[Doubles, ...]:
    """Effect of each position under masks that show more than half, and less, (S, S)."""
    share = np.random.default_rng(seed).random(MASKS)
    shown = _masks(chip.shape[0], seed, share)
    values = ask(_mixed(chip, veil, shown))
    more, less = (_contrast(values[part], shown[part]) for part in (share > 0.5, share <= 0.5))
    return more, less


def _contrast(values: Doubles, shown: Doubles) -> Doubles:
    """Mean over masks in which a position is visible, minus the mean over the others."""
    area = shown.mean(axis=(1, 2))  # a mask that shows more has another value: not an effect
    known = np.isfinite(values)
    if known.sum() > 2:
        values = values - np.polyval(np.polyfit(area[known], values[known], 1), area)
    return _mean(values, shown) - _mean(values, 1 - shown)


def _mean(values: Doubles, weights: Doubles) -> Doubles:
    """(K,) values and (K, S, S) weights -> (S, S) weighted mean; missing values do not count."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(weights.shape[1:])
    kept = weights[known]
    return np.asarray(np.tensordot(values[known], kept, 1) / np.maximum(kept.sum(0), 1e-9))


def _noise(ask: _Question, chip: Pixels, seed: int) -> float:
    """Three times the largest change that noise of two grey levels makes."""
    rng = np.random.default_rng(seed)
    grain = rng.integers(-NOISE, NOISE + 1, (TRIES, *chip.shape))
    grained = list((chip + grain).clip(0, 255).astype(np.uint8))
    values = ask([chip, *grained])
    changes = np.abs(values[1:] - values[0])
    return 3 * float(np.nanmax(changes, initial=0.0))


def _masks(side: int, seed: int, share: Doubles) -> Doubles:
    """(K, S, S) in [0, 1]: random grids, enlarged and shifted, so that their edges are soft."""
    rng = np.random.default_rng(seed + 1)
    grids = rng.random((len(share), CELLS + 2, CELLS + 2)) < share[:, None, None]
    shift = rng.random((len(share), 2))
    at = (np.arange(side) + 0.5) / side * CELLS
    shown = np.empty((len(share), side, side))
    for number, grid in enumerate(grids.astype(np.float64)):
        down, across = (_between(at + s, CELLS + 2) for s in shift[number])
        shown[number] = down @ grid @ across.T
    return shown


def _between(at: Doubles, cells: int) -> Doubles:
    """(S, cells) weights that interpolate between the middles of cells at those positions."""
    return np.asarray(np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(cells)[None])))

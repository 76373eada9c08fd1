"""Measure a quality score by the errors that remain when the worst images are discarded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles

STEPS = 101  # shares at which a curve is given
RANGE = 0.2  # of discarding, for the area. Source: FATE Quality, NIST IR 8525, uses small shares


@dataclass(frozen=True, slots=True, eq=False)
class Discard:
    """Error rate against the share discarded."""

    share: Doubles  # (S,) discarded, 0 to below 1
    error: Doubles  # (S,) discarding by the quality
    oracle: Doubles  # (S,) discarding the errors first: the best possible
    random: float  # discarding at random: the same everywhere


def discard_curve(
    wrong: ArrayLike, quality: ArrayLike, most: float = 0.95, steps: int = STEPS
) -> Discard:
    """Compute the error rate that remains when the comparisons of lowest quality are discarded.

    Args:
        wrong: (N,) whether a comparison is in error at the threshold of the starting rate.
        quality: (N,) of a comparison: the lower one of its two images. Higher is better.
        most: largest share discarded, below 1.
        steps: shares from 0 to `most`.

    Returns:
        Rates in [0, 1], lower is better. Comparisons of equal quality are discarded together:
        between two qualities the curve is the mean result of discarding some of the ties at random.

    Source: Grother and Tabassi, "Performance of biometric quality measures", TPAMI 29, 2007;
        Schlett et al., arXiv:2303.13294.
    """
    errors, order = np.asarray(wrong, np.float64), np.asarray(quality, np.float64)
    if errors.shape != order.shape or errors.size < 2:
        raise TooFewTrialsError(f"A curve needs at least two comparisons, got {errors.size}.")
    if np.isnan(order).any():
        raise MienError(
            f"{np.isnan(order).sum()} comparisons have no quality; leave them out and report it, "
            "or count them as the lowest quality."
        )
    share = np.linspace(0, most, steps)
    return Discard(
        share,
        _left(errors, order, share),
        _left(errors, -errors, share),
        float(errors.mean()),
    )


def area(curve: Discard, most: float = RANGE) -> float:
    """Compute the share of the possible gain that a quality score achieves at small shares.

    Args:
        curve: from discard_curve.
        most: shares from 0 to here count.

    Returns:
        (area under random - area under the curve) / (area under random - area under the oracle):
        1 for the oracle, 0 for random discarding, below 0 if discarding makes it worse; higher is
        better. NaN where there are no errors, since nothing can be gained.

    Source: the partial area of arXiv:2303.13294, scaled between its two bounds.
    """
    grid = np.linspace(0, most, STEPS)
    under = [
        np.trapezoid(np.interp(grid, curve.share, y), grid) for y in (curve.error, curve.oracle)
    ]
    room = curve.random * most - under[1]
    return float((curve.random * most - under[0]) / room) if room > 0 else float("nan")


def _left(errors: Doubles, quality: Doubles, share: Doubles) -> Doubles:
    """Expected share of errors among the remaining comparisons; ties are discarded at random."""
    levels, number = np.unique(quality, return_inverse=True)
    size = np.bincount(number, minlength=levels.size)
    lost = np.bincount(number, errors, minlength=levels.size)
    gone = np.concatenate([[0], np.cumsum(size)]).astype(np.float64)
    away = np.concatenate([[0.0], np.cumsum(lost)])
    thrown = share * errors.size
    left: Doubles = (errors.sum() - np.interp(thrown, gone, away)) / (errors.size - thrown)
    return np.clip(left, 0.0, 1.0)

"""Confidence intervals of shares measured on a sample."""

import numpy as np

from mien.errors import TooFewTrialsError
from mien.types import Doubles


def wilson(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share, close to its nominal confidence on average.

    Args:
        count: number of events.
        trials: independent trials, at least 1.
        confidence: in (0, 1).

    Returns:
        Lower and upper end, in [0, 1].

    Source: Wilson, "Probable inference", JASA 22, 1927; without continuity correction.
    """
    _require(count, trials, confidence)
    low, high = wilson_share(count / trials, trials, confidence)
    return (0.0 if count == 0 else low), (1.0 if count == trials else high)  # not -1e-17


def wilson_share(share: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of a number of trials that need not be whole.

    Args:
        share: in [0, 1].
        trials: independent trials that the share varies like, above 0.
        confidence: in (0, 1).

    Returns:
        Lower and upper end, in [0, 1] but for rounding.

    Source: as `wilson`.
    """
    from scipy.special import ndtri  # loaded when used: scipy takes longer than all of mien

    z = float(ndtri((1 + confidence) / 2))
    shrink = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    half = z / shrink * float(np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2))
    return centre - half, centre + half


def clopper_pearson(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share that covers the truth at least as often as its confidence states.

    Args:
        count: number of events.
        trials: independent trials, at least 1.
        confidence: in (0, 1).

    Returns:
        Lower and upper end, in [0, 1].

    Source: Clopper and Pearson, Biometrika 26, 1934, by quantiles of the beta distribution.
    """
    from scipy.special import betaincinv

    _require(count, trials, confidence)
    tail = (1 - confidence) / 2
    low = float(betaincinv(count, trials - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, trials - count, 1 - tail)) if count < trials else 1.0
    return low, high


def rule_of_three(trials: int) -> float:
    """Upper end of the 95 % interval of a rate with no event in `trials` trials.

    Args:
        trials: independent trials, at least 1.

    Returns:
        3 / trials, at most 1.

    Source: Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249,
        1983; 1 - 0.05^(1/n) lies just under it.
    """
    _require(0, trials, 0.95)
    return min(1.0, 3 / trials)


def bootstrap_weights(people: int, resamples: int, seed: int) -> Doubles:
    """Number of times each person is drawn in a bootstrap with replacement.

    Pairs that share a person are not independent, so people are drawn, not pairs: a pair of two
    people counts as often as the product of their numbers.

    Args:
        people: P, at least 1.
        resamples: R.
        seed: the same seed gives the same numbers.

    Returns:
        (R, P) whole numbers, each row with sum P.

    Source: Bolle, Ratha and Pankanti, "Error analysis of pattern recognition systems - the
        subsets bootstrap", CVIU 93, 2004.
    """
    _require(0, people, 0.95)
    random = np.random.default_rng(seed)
    return random.multinomial(people, np.full(people, 1 / people), resamples).astype(np.float64)


def _require(count: int, trials: int, confidence: float) -> None:
    if trials < 1:
        raise TooFewTrialsError(f"An interval needs at least one trial, got {trials}.")
    if not (0 <= count <= trials and 0 < confidence < 1):
        raise ValueError(
            f"{count} of {trials} at confidence {confidence:g} is not a share; the count must lie "
            "in [0, trials], the confidence in (0, 1)."
        )

"""How much is a similarity worth as evidence? Likelihood ratios, and what trusting them costs."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.calibration import cllr
from mien.types import Doubles


class PavLlr:
    """Log-likelihood ratios by isotonic regression: rising steps, no shape assumed."""

    def __init__(self, same: ArrayLike, different: ArrayLike) -> None:
        """Fit on similarities of same-person (P,) and different-person (Q,) pairs.

        Each class has one more pair beyond its far end, as Laplace would assume, so that no
        similarity is infinitely sure: the largest ratio is near Q + 1, the smallest 1 / (P + 1).

        Source: Ayer et al., Annals of Mathematical Statistics 26, 1955 (pool adjacent violators);
            Brümmer and du Preez, Computer Speech and Language 20, 2006, for its use on scores.
        """
        genuine, impostors = (np.asarray(x, np.float64).ravel() for x in (same, different))
        if not (genuine.size and impostors.size):
            raise TooFewTrialsError("Evidence needs pairs of one person and of two; bring both.")
        if np.isnan(genuine).any() or np.isnan(impostors).any():
            raise MienError("Some similarities are NaN; leave failures out.")
        levels, number = np.unique(np.concatenate([genuine, impostors]), return_inverse=True)
        ours = np.bincount(number[: genuine.size], minlength=levels.size).astype(np.float64)
        theirs = np.bincount(number[genuine.size :], minlength=levels.size).astype(np.float64)
        # A same-person pair below everything, a different-person pair above everything.
        ours, theirs = np.r_[1.0, ours, 0.0], np.r_[0.0, theirs, 1.0]
        share = pool(ours / ours.sum(), theirs / theirs.sum())
        self.levels = levels
        self.llr: Doubles = (np.log(share) - np.log1p(-share))[1:-1]

    def __call__(self, similarity: ArrayLike) -> Doubles:
        """Natural logarithm of the ratio; between two known similarities on a straight line."""
        ratios: Doubles = np.interp(np.asarray(similarity, np.float64), self.levels, self.llr)
        return ratios


def pool(ours: Doubles, theirs: Doubles) -> Doubles:
    """The rising shares ours / (ours + theirs) nearest to those given, level by level.

    Args:
        ours: (L,) weight of the one class at each level, rising levels.
        theirs: (L,) weight of the other; no level with both 0.

    Returns:
        (L,) in [0, 1], never falling.
    """
    from scipy.optimize import isotonic_regression  # pool adjacent violators, compiled

    weight = ours + theirs
    shares: Doubles = isotonic_regression(ours / weight, weights=weight).x
    return np.clip(shares, 1e-300, 1 - 1e-16)


def least_cllr(same: ArrayLike, different: ArrayLike) -> float:
    """Cllr that the best rising map of these scores would have: what no calibration can mend.

    Args:
        same: (P,) scores of same-person pairs, higher = more alike.
        different: (Q,) scores of different-person pairs.

    Returns:
        Bits in [0, 1], lower is better; cllr of stated ratios minus this is the loss by
        calibration.

    Source: Brümmer and du Preez, 2006, section 7.
    """
    genuine, impostors = (np.asarray(x, np.float64).ravel() for x in (same, different))
    if not (genuine.size and impostors.size):
        raise TooFewTrialsError("Cllr needs pairs of one person and of two; bring both.")
    levels, number = np.unique(np.concatenate([genuine, impostors]), return_inverse=True)
    ours = np.bincount(number[: genuine.size], minlength=levels.size) / genuine.size
    theirs = np.bincount(number[genuine.size :], minlength=levels.size) / impostors.size
    share = pool(ours, theirs)
    ratio = np.log(share) - np.log1p(-share)
    return cllr(ratio[number[: genuine.size]], ratio[number[genuine.size :]])


def cross_entropy(same: ArrayLike, different: ArrayLike, prior_log_odds: ArrayLike) -> Doubles:
    """Empirical cross-entropy: bits of doubt left at each prior if the ratios are trusted.

    Args:
        same: (P,) log-likelihood ratios of same-person pairs, natural logarithm.
        different: (Q,) those of different-person pairs.
        prior_log_odds: (K,) natural logarithm of the odds of "one person" before looking.

    Returns:
        (K,) bits, lower is better. Above `doubt_before` the evidence does harm. At odds 1 it is
        Cllr.

    Source: Ramos and Gonzalez-Rodriguez, "Reliable support: measuring calibration of likelihood
        ratios", Forensic Science International 230, 2013.
    """
    ours, theirs = np.asarray(same, np.float64), np.asarray(different, np.float64)
    costs = []
    for odds in np.atleast_1d(np.asarray(prior_log_odds, np.float64)):
        prior = 1 / (1 + math.exp(-odds))
        miss = np.mean(np.logaddexp(0, -ours - odds))
        alarm = np.mean(np.logaddexp(0, theirs + odds))
        costs.append((prior * miss + (1 - prior) * alarm) / math.log(2))
    return np.array(costs)


def doubt_before(prior_log_odds: ArrayLike) -> Doubles:
    """(K,) bits of doubt at each prior without any evidence: the entropy of the prior."""
    nothing = np.zeros(1)
    return cross_entropy(nothing, nothing, prior_log_odds)


def reliability(
    probability: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> tuple[Doubles, Doubles, Doubles]:
    """What was stated beside what came true, in bins of equal width.

    Args:
        probability: (N,) stated, in [0, 1].
        outcome: (N,) whether it came true.
        weights: (N,) how much each counts; default 1.
        bins: how many; those that hold nothing are left out.

    Returns:
        Of each bin: mean stated, share that came true, weight.

    Source: Murphy and Winkler, Applied Statistics 26, 1977.
    """
    stated, came = np.asarray(probability, np.float64), np.asarray(outcome, np.float64)
    if not stated.size or stated.shape != came.shape or not ((stated >= 0) & (stated <= 1)).all():
        raise MienError("Reliability needs probabilities in [0, 1], one an outcome.")
    weight = np.ones(stated.shape) if weights is None else np.asarray(weights, np.float64)
    which = np.minimum((stated * bins).astype(int), bins - 1)
    columns = (weight, weight * stated, weight * came)
    sums = [np.bincount(which, x, bins).astype(np.float64) for x in columns]
    full = sums[0] > 0
    return sums[1][full] / sums[0][full], sums[2][full] / sums[0][full], sums[0][full]

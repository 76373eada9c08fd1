"""Likelihood ratios of similarities, and the cost of trusting them."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.calibration import cllr
from mien.types import Doubles


class PavLlr:
    """Log-likelihood ratios by isotonic regression: a rising step function, no shape assumed."""

    def __init__(self, same: ArrayLike, different: ArrayLike) -> None:
        """Fit on similarities of same-person (P,) and different-person (Q,) pairs.

        Each class gets one more pair beyond its far end (Laplace's rule), so that no similarity has
        an infinite ratio: the largest ratio is near Q + 1, the smallest 1 / (P + 1).

        Source: Ayer et al., Annals of Mathematical Statistics 26, 1955 (pool adjacent violators);
            Brümmer and du Preez, Computer Speech and Language 20, 2006, for its use on scores.
        """
        genuine, impostors = (np.asarray(x, np.float64).ravel() for x in (same, different))
        if not (genuine.size and impostors.size):
            raise TooFewTrialsError(
                "Likelihood ratios need mated and non-mated pairs; add the missing kind."
            )
        if np.isnan(genuine).any() or np.isnan(impostors).any():
            raise MienError("Some similarities are NaN; leave out failed comparisons.")
        levels, number = np.unique(np.concatenate([genuine, impostors]), return_inverse=True)
        ours = np.bincount(number[: genuine.size], minlength=levels.size).astype(np.float64)
        theirs = np.bincount(number[genuine.size :], minlength=levels.size).astype(np.float64)
        # A same-person pair below everything, a different-person pair above everything.
        ours, theirs = np.r_[1.0, ours, 0.0], np.r_[0.0, theirs, 1.0]
        share = pool(ours / ours.sum(), theirs / theirs.sum())
        self.levels = levels
        self.llr: Doubles = (np.log(share) - np.log1p(-share))[1:-1]

    def __call__(self, similarity: ArrayLike) -> Doubles:
        """Natural logarithm of the ratio; linear between two known similarities."""
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
    """Compute the Cllr of the best rising map of these scores: the loss no calibration removes.

    Args:
        same: (P,) scores of same-person pairs, higher = more similar.
        different: (Q,) scores of different-person pairs.

    Returns:
        Bits in [0, 1], lower is better; cllr of stated ratios minus this is the loss by
        calibration.

    Source: Brümmer and du Preez, 2006, section 7.
    """
    genuine, impostors = (np.asarray(x, np.float64).ravel() for x in (same, different))
    if not (genuine.size and impostors.size):
        raise TooFewTrialsError("Cllr needs mated and non-mated pairs; add the missing kind.")
    levels, number = np.unique(np.concatenate([genuine, impostors]), return_inverse=True)
    ours = np.bincount(number[: genuine.size], minlength=levels.size) / genuine.size
    theirs = np.bincount(number[genuine.size :], minlength=levels.size) / impostors.size
    share = pool(ours, theirs)
    ratio = np.log(share) - np.log1p(-share)
    return cllr(ratio[number[: genuine.size]], ratio[number[genuine.size :]])


def cross_entropy(same: ArrayLike, different: ArrayLike, prior_logit: ArrayLike) -> Doubles:
    """Empirical cross-entropy: bits of uncertainty left at each prior if the ratios are trusted.

    Args:
        same: (P,) log-likelihood ratios of same-person pairs, natural logarithm.
        different: (Q,) those of different-person pairs.
        prior_logit: (K,) logit of the probability of "one person" before the comparison.

    Returns:
        (K,) bits, lower is better. Above `doubt_before` the ratios do harm. At logit 0 (prior 1/2)
        it is Cllr.

    Source: Ramos and Gonzalez-Rodriguez, "Reliable support: measuring calibration of likelihood
        ratios", Forensic Science International 230, 2013.
    """
    ours, theirs = np.asarray(same, np.float64), np.asarray(different, np.float64)
    costs = []
    for logit in np.atleast_1d(np.asarray(prior_logit, np.float64)):
        prior = 1 / (1 + math.exp(-logit))
        miss = np.mean(np.logaddexp(0, -ours - logit))
        alarm = np.mean(np.logaddexp(0, theirs + logit))
        costs.append((prior * miss + (1 - prior) * alarm) / math.log(2))
    return np.array(costs)


def doubt_before(prior_logit: ArrayLike) -> Doubles:
    """(K,) bits of uncertainty at each prior without evidence: the entropy of the prior."""
    nothing = np.zeros(1)
    return cross_entropy(nothing, nothing, prior_logit)


def reliability(
    probability: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> tuple[Doubles, Doubles, Doubles]:
    """Compare stated probabilities with outcomes, in bins of equal width.

    Args:
        probability: (N,) stated, in [0, 1].
        outcome: (N,) whether the event occurred.
        weights: (N,) how much each counts; default 1.
        bins: number of bins; empty ones are left out.

    Returns:
        Of each bin: mean stated probability, share that occurred, weight.

    Source: Murphy and Winkler, Applied Statistics 26, 1977.
    """
    stated, came = np.asarray(probability, np.float64), np.asarray(outcome, np.float64)
    if not stated.size or stated.shape != came.shape or not ((stated >= 0) & (stated <= 1)).all():
        raise MienError("Reliability needs probabilities in [0, 1], one per outcome.")
    weight = np.ones(stated.shape) if weights is None else np.asarray(weights, np.float64)
    which = np.minimum((stated * bins).astype(int), bins - 1)
    columns = (weight, weight * stated, weight * came)
    sums = [np.bincount(which, x, bins).astype(np.float64) for x in columns]
    full = sums[0] > 0
    return sums[1][full] / sums[0][full], sums[2][full] / sums[0][full], sums[0][full]

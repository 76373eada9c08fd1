"""Map similarities to probabilities, and measure how far such probabilities can be trusted."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles

STEPS = 100  # of Newton's method, which needs about ten
BINS = 15  # of the calibration error. Source: Guo et al., arXiv:1706.04599, section 2

TINY = 1e-12  # a probability of 0 has no logarithm


def fit_llr(
    same: ArrayLike,
    different: ArrayLike,
    same_weights: ArrayLike | None = None,
    different_weights: ArrayLike | None = None,
) -> tuple[float, float]:
    """Fit a log-likelihood ratio that is a linear function of the similarity.

    Logistic regression in which the two classes have weight 1/2 each, so that no prior enters:
    posterior(slope * similarity + intercept, prior) is then the probability at any prior.

    Args:
        same: (P,) similarities of same-person pairs, higher = more similar; P >= 2.
        different: (Q,) similarities of different-person pairs, Q >= 2.
        same_weights: (P,) how much each pair counts, above 0; default 1. Their sum should be the
            number of independent pairs (of people, say).
        different_weights: (Q,) likewise.

    Returns:
        slope, above 0, and intercept; natural logarithm.

    Raises:
        TooFewTrialsError: fewer than two pairs of a kind.
        MienError: same-person pairs are not more similar than others.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999, with his targets
        (N + 1) / (N + 2) and 1 / (N + 2), which keep the slope finite where the classes do not
        overlap; Brümmer and du Preez, Computer Speech and Language 20, 2006, for the weights.
    """
    x, w, target = _table(same, different, same_weights, different_weights)
    middle, spread = x.mean(), max(float(x.std()), 1e-9)
    z = np.stack([(x - middle) / spread, np.ones_like(x)], 1)  # (P + Q, 2)
    line = np.zeros(2)
    for _ in range(STEPS):
        p = _sigmoid(z @ line)
        gradient = z.T @ (w * (p - target))
        curve = (z * (w * p * (1 - p))[:, None]).T @ z + 1e-12 * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        # A long step may overshoot where the curve is flat; half of it is still downhill.
        while _loss(z @ (line - step), w, target) > _loss(z @ line, w, target) + 1e-15:
            step = step / 2
            if np.abs(step).max() < 1e-12:
                break
        line = line - step
        if np.abs(step).max() < 1e-9:
            break
    slope = float(line[0] / spread)
    if not slope > 0:
        raise MienError(
            "Images of one person are not more similar than images of different people here, so "
            "the similarities carry no information. Check the names of the images and the embedder."
        )
    return slope, float(line[1] - slope * middle)


def posterior(llr: ArrayLike, prior: float) -> Doubles:
    """The probability of "the same person", from a log-likelihood ratio and a prior.

    Args:
        llr: (N,) or one number, natural logarithm; 0 carries no information.
        prior: probability before the comparison, in (0, 1).

    Returns:
        Like llr, in [0, 1]; equal to the prior where llr is 0.

    Source: Bayes' rule, added as logits.
    """
    if not 0 < prior < 1:
        raise ValueError(f"A prior lies between 0 and 1, got {prior:g}.")
    return _sigmoid(np.asarray(llr, np.float64) + math.log(prior) - math.log1p(-prior))


def cllr(
    same: ArrayLike,
    different: ArrayLike,
    same_weights: ArrayLike | None = None,
    different_weights: ArrayLike | None = None,
) -> float:
    """Cost of log-likelihood ratios: the information lost by trusting them.

    Args:
        same: (P,) log-likelihood ratios of same-person pairs, natural logarithm; P >= 1.
        different: (Q,) those of different-person pairs, Q >= 1.
        same_weights: (P,) how much each pair counts; default 1.
        different_weights: (Q,) likewise.

    Returns:
        Bits, at least 0, lower is better; 1 for ratios that are always 0. Infinite if a ratio is
        certain of the wrong answer.

    Source: Brümmer and du Preez, "Application-independent evaluation of speaker detection",
        Computer Speech and Language 20, 2006, eq. 33.
    """
    pairs = ((same, -1.0, same_weights), (different, 1.0, different_weights))
    costs = []
    for values, sign, weights in pairs:
        ratios = _ratios(values)
        costs.append(np.average(np.logaddexp(0, sign * ratios), weights=_weights(weights, ratios)))
    return float(sum(costs) / (2 * math.log(2)))


def calibration_error(
    probability: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None = None, bins: int = BINS
) -> float:
    """Expected calibration error: difference between stated probabilities and observed outcomes.

    Args:
        probability: (N,) stated, in [0, 1]; N >= 1.
        outcome: (N,) whether the event occurred.
        weights: (N,) how much each counts; default 1.
        bins: number of bins of equal width; each holds its lower edge, the last also 1.

    Returns:
        Mean over the bins of |mean probability - share that occurred|, weighted by the weight of
        each bin; in [0, 1], lower is better. It shrinks with fewer bins: compare only equal `bins`.

    Source: Guo et al., "On calibration of modern neural networks", arXiv:1706.04599, eq. 3.
    """
    stated = np.asarray(probability, np.float64)
    if not (stated.size and np.all((stated >= 0) & (stated <= 1))):
        raise ValueError("The calibration error needs probabilities, each in [0, 1].")
    came = np.asarray(outcome, np.float64)
    w = _weights(weights, stated)
    which = np.minimum((stated * bins).astype(int), bins - 1)
    gaps = np.bincount(which, w * (stated - came), minlength=bins)
    return float(np.abs(gaps).sum() / w.sum())


def log_loss(probability: ArrayLike, least: float = 1e-6) -> float:
    """Negative log-likelihood: mean of -ln of the probability of the true class; lower is better.

    Args:
        probability: (N,) stated for the truth, in [0, 1]; N >= 1.
        least: smaller ones count as this much, so that one certain mistake is not infinite.

    Source: Good, "Rational decisions", JRSS B 14, 1952.
    """
    stated = np.asarray(probability, np.float64)
    if not (stated.size and np.all((stated >= 0) & (stated <= 1))):
        raise ValueError("The log loss needs probabilities, each in [0, 1].")
    return float(-np.log(np.maximum(stated, least)).mean())


def _table(
    same: ArrayLike,
    different: ArrayLike,
    same_weights: ArrayLike | None,
    different_weights: ArrayLike | None,
) -> tuple[Doubles, Doubles, Doubles]:
    """Similarity, weight (each class sums to 1/2) and target of all pairs."""
    columns: list[list[Doubles]] = [[], [], []]
    for values, weights, mated in (
        (same, same_weights, True),
        (different, different_weights, False),
    ):
        x = _ratios(values)
        if x.size < 2:
            kind = "same" if mated else "different"
            raise TooFewTrialsError(f"A calibration needs two {kind}-person pairs, got {x.size}.")
        w = _weights(weights, x)
        miss = 1 / (w.sum() + 2)
        for column, value in zip(
            columns, (x, w / (2 * w.sum()), 1 - miss if mated else miss), strict=True
        ):
            column.append(np.broadcast_to(value, x.shape))
    x, w, target = (np.concatenate(column) for column in columns)
    return x, w, target


def _ratios(values: ArrayLike) -> Doubles:
    array = np.asarray(values, np.float64).ravel()
    if np.isnan(array).any():
        raise ValueError(f"{np.isnan(array).sum()} of {array.size} values are NaN; leave them out.")
    return array


def _weights(weights: ArrayLike | None, values: Doubles) -> Doubles:
    if weights is None:
        return np.ones(values.shape)
    array = np.asarray(weights, np.float64).ravel()
    if array.shape != values.shape or not (np.all(array >= 0) and array.sum() > 0):
        raise ValueError(f"{array.size} weights for {values.size} values; each must be 0 or more.")
    return array


def _sigmoid(x: Doubles) -> Doubles:
    result: Doubles = np.exp(-np.logaddexp(0, -x))
    return result


def _loss(margin: Doubles, w: Doubles, target: Doubles) -> float:
    return float(w @ (np.logaddexp(0, margin) - target * margin))


def tempered(probabilities: ArrayLike, temperature: float) -> Doubles:
    """Divide the logarithms of probabilities by a temperature, and normalise again.

    Args:
        probabilities: (N, K), each row with sum 1.
        temperature: above 0; above 1 is less sure, 1 changes nothing.

    Returns:
        (N, K), each row with sum 1.
    """
    logits = np.log(np.asarray(probabilities, np.float64) + TINY) / temperature
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature at which probabilities have the least negative log-likelihood.

    Args:
        probabilities: (N, K), each row with sum 1.
        labels: (N,) number of the true class.

    Returns:
        Between 0.05 and 20; at the true temperature on average.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    from scipy.optimize import minimize_scalar

    p, k = np.asarray(probabilities, np.float64), np.asarray(labels, np.int64)

    def cost(log_temperature: float) -> float:
        chosen = tempered(p, math.exp(log_temperature))[np.arange(len(k)), k]
        return -float(np.log(chosen + TINY).mean())

    bounds = (-math.log(20), math.log(20))
    return math.exp(float(minimize_scalar(cost, bounds=bounds, method="bounded").x))

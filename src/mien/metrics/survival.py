"""Survival analysis: time to an event, with censoring.

Everywhere: `times` (N,) are 0 or more, in any unit; `events` (N,) are 1 where the event occurred at
that time and 0 where nothing is known after it (censored).

This module is our own because lifelines, which tests compare it with, installs
pandas, matplotlib, autograd and formulaic, and returns no interval of the concordance index.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.estimates import Estimate
from mien.types import Doubles

FEWEST = 20  # events below which no model is fitted
ROUNDS, CLOSE = 50, 1e-9  # Newton's method: most rounds, and the gain at which it ends


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Share without the event over time (Kaplan-Meier)."""

    times: Doubles  # (K,) at which it falls
    share: Doubles  # (K,) from then on, in [0, 1]
    low: Doubles  # (K,) lower end of the 95 % interval
    high: Doubles  # (K,) upper end
    at_risk: NDArray[np.int64]  # (K,) people observed just before


@dataclass(frozen=True, slots=True, eq=False)
class Hazards:
    """A fitted Cox model: hazard = base * exp(x @ weights)."""

    weights: Doubles  # (P,) log hazard ratio of one unit
    errors: Doubles  # (P,) standard errors
    likelihood: float  # log partial likelihood
    without: float  # the same with all weights 0
    events: int

    @property
    def ratios(self) -> Doubles:
        """(P, 3) hazard ratio of one unit, lower and upper end of its 95 % interval."""
        far = 1.959964 * self.errors
        return np.exp(np.stack([self.weights, self.weights - far, self.weights + far], 1))

    @property
    def p(self) -> Doubles:
        """(P,) probability of so large a weight if the true one were 0 (Wald)."""
        from scipy.special import ndtr

        return np.asarray(2 * ndtr(-np.abs(self.weights / self.errors)), np.float64)


def concordance_index(times: ArrayLike, events: ArrayLike, risk: ArrayLike) -> float:
    """Share of comparable pairs in which the person with the higher risk had the event first.

    Args:
        times: (N,).
        events: (N,).
        risk: (N,); higher means sooner.

    Returns:
        In [0, 1]; 1 = perfect order, 0.5 = chance. A pair is comparable if the shorter time ends
        in an event, or if times are equal and only one does; equal risks count a half.

    Raises:
        TooFewTrialsError: no pair is comparable.

    Source: Harrell and others, "Evaluating the yield of medical tests", JAMA 247, 1982.
    """
    return concordance_estimate(times, events, risk).value


def concordance_estimate(times: ArrayLike, events: ArrayLike, risk: ArrayLike) -> Estimate:
    """The concordance index with its 95 % interval.

    Pairs that share a person are not independent: the variance is that of mien.metrics.Clusters,
    computed person by person.
    """
    t, d, (r,) = _cohort(times, events, risk)
    right, comparable = np.zeros(len(t)), np.zeros(len(t))  # of the pairs that touch each person
    for i in np.flatnonzero(d):  # those with the event, against all observed longer
        later = (t > t[i]) | ((t == t[i]) & ~d)
        points = (r[later] < r[i]) + 0.5 * (r[later] == r[i])
        right[later] += points
        right[i] += points.sum()
        comparable[later] += 1
        comparable[i] += later.sum()
    pairs = comparable.sum() / 2
    if not pairs:
        raise TooFewTrialsError(
            "No pair is comparable: no event occurred before another time ended."
        )
    share = float(right.sum() / 2 / pairs)
    spread = float(np.sqrt(np.sum((right - share * comparable) ** 2)) / pairs)
    far = 1.959964 * spread
    return Estimate(share, max(0.0, share - far), min(1.0, share + far), int(pairs), len(t))


def kaplan_meier(times: ArrayLike, events: ArrayLike) -> Curve:
    """Share without the event over time.

    Returns:
        Its steps, with the interval of the log-log transform, whose ends stay in [0, 1].

    Source: Kaplan and Meier, JASA 53, 1958; Greenwood's variance; Kalbfleisch and Prentice for
        the transform.
    """
    t, d, _ = _cohort(times, events)
    moments, happened = np.unique(t[d], return_counts=True)
    watched = (t[None] >= moments[:, None]).sum(1)
    share = np.cumprod(1 - happened / watched)
    from scipy.special import ndtri

    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(happened / (watched * (watched - happened)))
        far = ndtri(0.975) * np.sqrt(greenwood) / np.abs(np.log(share))
        low, high = share ** np.exp(far), share ** np.exp(-far)
    ends = share == 0  # nobody is left: the transform is undefined there
    return Curve(moments, share, np.where(ends, 0, low), np.where(ends, np.nan, high), watched)


def log_rank(times: ArrayLike, events: ArrayLike, groups: ArrayLike) -> tuple[float, float]:
    """Test whether groups have the event at the same rate: chi-squared and its probability if so.

    Args:
        times: (N,).
        events: (N,).
        groups: (N,) of any names; at least two.

    Source: Mantel, Cancer Chemotherapy Reports 50, 1966; Peto and Peto, JRSS A 135, 1972.
    """
    from scipy.special import chdtrc

    names = np.asarray(groups)
    t, d, _ = _cohort(times, events)
    kinds = np.unique(names)
    if names.shape != t.shape or len(kinds) < 2:
        raise TooFewTrialsError("A log-rank test needs at least two groups; label each person.")
    member = names[None] == kinds[:-1, None]  # (G - 1, N); the last one follows from the others
    more, spread = np.zeros(len(kinds) - 1), np.zeros((len(kinds) - 1,) * 2)
    for moment in np.unique(t[d]):
        watched, now = t >= moment, d & (t == moment)
        n, happened = watched.sum(), now.sum()
        part = (member & watched).sum(1) / n
        more += (member & now).sum(1) - happened * part
        if n > 1:
            here = happened * (n - happened) / (n - 1)
            spread += here * (np.diag(part) - np.outer(part, part))
    statistic = float(more @ np.linalg.pinv(spread) @ more)
    return statistic, float(chdtrc(len(kinds) - 1, statistic))


def cox(
    times: ArrayLike,
    events: ArrayLike,
    features: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ridge: float = 0.0,
    fewest: int = FEWEST,
) -> Hazards:
    """Fit proportional hazards by the partial likelihood.

    Args:
        times: (N,).
        events: (N,).
        features: (N, P) or (N,).
        strata: (N,) of any names: each has a base hazard of its own.
        ridge: penalty on half the sum of squared weights; 0: none.
        fewest: minimum number of events.

    Raises:
        TooFewTrialsError: fewer events than that.
        MienError: a feature is constant or follows from others, or Newton's method diverges:
            a feature predicts the events without an error.

    Source: Cox, JRSS B 34, 1972; ties as in Efron, JASA 72, 1977.
    """
    t, d, columns = _cohort(times, events, features)
    x = np.stack(columns, 1)
    if d.sum() < fewest:
        raise TooFewTrialsError(
            f"{d.sum()} events are too few for hazards; {fewest} are needed. Observe longer, or "
            "add people."
        )
    kinds = np.zeros(len(t)) if strata is None else np.asarray(strata)
    parts = [_Part(t[kinds == k], d[kinds == k], x[kinds == k]) for k in np.unique(kinds)]
    weights = np.zeros(x.shape[1])
    likelihood, slope, bend = _likelihood(parts, weights, ridge)
    without = likelihood
    for _ in range(ROUNDS):
        if np.linalg.cond(bend) > 1e12:
            raise MienError(
                "A feature is constant, or follows from the others, so its hazard ratio is "
                "undefined; leave it out."
            )
        step = np.linalg.solve(bend, slope)
        new, *more = _likelihood(parts, weights + step, ridge)
        while not new >= likelihood - CLOSE:  # too far
            step /= 2
            new, *more = _likelihood(parts, weights + step, ridge)
        gain, weights, likelihood, (slope, bend) = new - likelihood, weights + step, new, more
        if gain < CLOSE:
            errors = np.sqrt(np.diag(np.linalg.inv(bend)))
            return Hazards(weights, errors, likelihood, without, int(d.sum()))
    raise MienError("A feature predicts the events without an error; its hazard ratio is infinite.")


def likelihood_ratio(smaller: Hazards, larger: Hazards) -> float:
    """Probability of such a gain in likelihood if the further features of `larger` had no effect.

    Args:
        smaller: fitted with some of the features that `larger` has.
        larger: fitted on the same people.
    """
    from scipy.special import chdtrc

    more = len(larger.weights) - len(smaller.weights)
    if more < 1 or larger.events != smaller.events:
        raise MienError("Compare a model with one that has more features, on the same people.")
    gain = max(0.0, 2 * (larger.likelihood - smaller.likelihood))
    return float(chdtrc(more, gain))


class _Part:
    """One stratum, sorted so that the people at risk at an event are those from its place on."""

    def __init__(self, times: Doubles, events: NDArray[np.bool_], x: Doubles) -> None:
        order = np.argsort(times, kind="stable")
        self.x, happened, moments = x[order], events[order], times[order]
        self.ties = [
            (int(np.searchsorted(moments, m)), np.flatnonzero(happened & (moments == m)))
            for m in np.unique(moments[happened])
        ]


def _likelihood(
    parts: list[_Part], weights: Doubles, ridge: float
) -> tuple[float, Doubles, Doubles]:
    """Log partial likelihood, its slope and the negative of its curvature."""
    likelihood = -ridge * float(weights @ weights) / 2
    slope, bend = -ridge * weights, ridge * np.eye(len(weights))
    for part in parts:
        score = part.x @ weights
        high = float(score.max(initial=-np.inf))
        hazard = np.exp(score - high)  # (N,)
        first = hazard[:, None] * part.x
        second = first[:, :, None] * part.x[:, None, :]
        # Sums over everybody from a place on.
        sums = [np.cumsum(v[::-1], 0)[::-1] for v in (hazard, first, second)]
        for place, now in part.ties:
            likelihood += float(score[now].sum())
            slope = slope + part.x[now].sum(0)
            for turn in range(len(now)):  # Efron: tied events leave the risk set step by step
                share = turn / len(now)
                s0, s1, s2 = (
                    whole[place] - share * own[now].sum(0)
                    for whole, own in zip(sums, (hazard, first, second), strict=True)
                )
                mean = s1 / s0
                likelihood -= float(np.log(s0)) + high
                slope = slope - mean
                bend = bend + s2 / s0 - np.outer(mean, mean)
    return likelihood, slope, bend


def _cohort(
    times: ArrayLike, events: ArrayLike, *features: ArrayLike
) -> tuple[Doubles, NDArray[np.bool_], list[Doubles]]:
    """Times, events and the columns of features, checked."""
    t, d = np.asarray(times, np.float64), np.asarray(events, np.float64)
    if t.ndim != 1 or t.shape != d.shape or not t.size:
        raise TooFewTrialsError(
            f"Expected one event per time, got {t.shape} times and {d.shape} events."
        )
    if not (np.isfinite(t).all() and (t >= 0).all()):
        raise MienError("Times must be numbers of 0 or more; correct or leave out the other rows.")
    if not np.isin(d, (0, 1)).all():
        raise MienError("Events must be 0 (not yet) or 1 (occurred).")
    columns: list[Doubles] = []
    for feature in features:
        table = np.asarray(feature, np.float64)
        if len(table) != len(t) or table.ndim not in (1, 2) or not np.isfinite(table).all():
            raise MienError(f"Features must be numbers, one row for each of the {len(t)} people.")
        columns += [table] if table.ndim == 1 else list(table.T)
    return t, d.astype(bool), columns

"""Fit hazards to a cohort, and measure the fit on members outside the fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import TooFewTrialsError
from mien.metrics.estimates import Estimate
from mien.metrics.survival import (
    FEWEST,
    Curve,
    Hazards,
    concordance_estimate,
    cox,
    kaplan_meier,
    likelihood_ratio,
    log_rank,
)
from mien.systems.survival_fahr.head import Model, trunk
from mien.types import Doubles, Floats

FOLDS = 5
# Events per fitted number. Source: Peduzzi et al., J. Clinical Epidemiology 48, 1995.
EVENTS_EACH, MOST = 10, 20
RIDGE = 1.0  # penalty of a log hazard ratio of one spread; prevents extremes in small cohorts


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model, and its performance on members outside its fit."""

    model: Model
    risk: Doubles  # (N,) log hazards, each from a model that was fitted without its fold
    concordance: dict[str, Estimate]  # of the risk, and of each other column alone
    quartile: NDArray[np.int64]  # (N,) of the risk, 0 lowest
    curves: tuple[Curve, ...]  # share without the event, by quartile
    log_rank: tuple[float, float]  # over the quartiles: statistic, probability by chance
    top: Hazards | None  # hazard of the highest quartile against the lowest, with the others
    both: Hazards  # risk (one spread) and the other columns together
    adds: dict[str, float]  # probability that risk adds nothing to the others, and the reverse


def fit(
    vectors: Floats, days: Doubles, events: NDArray[np.bool_], others: dict[str, Doubles]
) -> Fitted:
    """Fit hazards to a cohort.

    Args:
        vectors: (N, D), one face each.
        days: (N,) 0 or more.
        events: (N,) whether it happened then.
        others: other facts about the members, such as age; (N,) each.

    Raises:
        TooFewTrialsError: fewer than 20 events.
    """
    if events.sum() < FEWEST:
        raise TooFewTrialsError(
            f"{int(events.sum())} events are too few to fit hazards; at least {FEWEST} are needed. "
            "Observe longer, or add people."
        )
    fold = _folds(events)
    risk = np.empty(len(days))
    for number in range(FOLDS):
        out = fold == number
        risk[out] = _model(vectors[~out], days[~out], events[~out])(vectors[out])
    quartiles = np.quantile(risk, (0.25, 0.5, 0.75))
    quartile = np.searchsorted(quartiles, risk, side="right")
    kinds = np.unique(quartile)
    columns = {k: v for k, v in others.items() if np.ptp(v) > 0}
    beside = np.stack(list(columns.values()), 1) if columns else np.empty((len(days), 0))
    one = (risk / max(float(risk.std()), 1e-12))[:, None]
    both = cox(days, events, np.concatenate([one, beside], 1))
    adds = {}
    if columns:
        adds["risk adds nothing"] = likelihood_ratio(cox(days, events, beside), both)
        adds["others add nothing"] = likelihood_ratio(cox(days, events, one), both)
    model = _model(vectors, days, events)
    found = {"risk": concordance_estimate(days, events, risk)}
    found |= {k: _either_way(concordance_estimate(days, events, v)) for k, v in columns.items()}
    intervals = {name: [e.value, e.low, e.high] for name, e in found.items()}
    cohort = {"people": len(days), "events": int(events.sum()), "concordance": intervals}
    return Fitted(
        Model(trunk(), model.mean, model.directions, model.weights, quartiles, cohort),
        risk,
        found,
        quartile,
        tuple(kaplan_meier(days[quartile == q], events[quartile == q]) for q in kinds),
        log_rank(days, events, quartile) if len(kinds) > 1 else (0.0, 1.0),
        _extremes(days, events, quartile, beside),
        both,
        adds,
    )


def _model(vectors: Floats, days: Doubles, events: NDArray[np.bool_]) -> Model:
    """Cox on the principal directions of the vectors, as many as the events allow."""
    x = vectors.astype(np.float64)
    mean = x.mean(0)
    count = int(np.clip(events.sum() // EVENTS_EACH, 1, min(MOST, len(x) - 1, x.shape[1])))
    _, size, axes = np.linalg.svd(x - mean, full_matrices=False)
    spread = np.maximum(size[:count] / np.sqrt(len(x) - 1), 1e-12)
    directions = axes[:count].T / spread
    weights = cox(days, events, (x - mean) @ directions, ridge=RIDGE, fewest=1).weights
    return Model("", mean, directions, weights, np.zeros(3))


def _folds(events: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N,) fold of each member, random but fixed; events are spread evenly."""
    fold = np.empty(len(events), np.int64)
    random = np.random.default_rng(0)
    for kind in (True, False):
        rows = random.permutation(np.flatnonzero(events == kind))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def _either_way(found: Estimate) -> Estimate:
    """A column that falls with the hazard orders people as well as one that rises."""
    if found.value >= 0.5:
        return found
    return Estimate(1 - found.value, 1 - found.high, 1 - found.low, found.trials, found.people)


def _extremes(
    days: Doubles, events: NDArray[np.bool_], quartile: NDArray[np.int64], beside: Doubles
) -> Hazards | None:
    """Highest quartile against lowest; None if one of them has no event to compare."""
    rows = (quartile == 0) | (quartile == 3)
    high = (quartile[rows] == 3).astype(np.float64)[:, None]
    if not all(events[quartile == q].any() for q in (0, 3)) or events[rows].sum() < FEWEST:
        return None
    kept = beside[rows]
    kept = kept[:, np.ptp(kept, axis=0) > 0] if kept.size else kept
    return cox(days[rows], events[rows], np.concatenate([high, kept], 1))

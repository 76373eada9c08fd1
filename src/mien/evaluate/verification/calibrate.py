"""Calibrate: compute thresholds with intervals from named faces, tested on other people."""

from dataclasses import replace

import numpy as np
from scipy.optimize import isotonic_regression

from mien.decision.calibration import LEAST_ERRORS, Calibration, Check, Evidence, Point, Rate
from mien.decision.cohort import cohort_of
from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.verification.score_matrix import Comparisons, compare_all
from mien.evaluate.verification.vectors import Sample
from mien.metrics import (
    bootstrap_weights,
    calibration_error,
    cllr,
    fit_llr,
    posterior,
    rule_of_three,
)
from mien.types import Doubles, OnStep

RESAMPLES = 400  # of people
ENDS = (2.5, 97.5)  # percentiles of a 95 % interval
# Rates at which thresholds are given; between them they are interpolated.
GRID = tuple(lead * 10.0**-power for power in range(1, 10) for lead in (5, 2, 1))
# How far beyond the rarest measured rate thresholds are extrapolated, and from which part of the
# curve: the logarithm of the rate falls at least as fast as a straight line, since the tail of
# similarities is no heavier than an exponential one (extreme value theory: the generalised Pareto
# distribution of shape 0). Tried in benchmarks/rates.py.
BEYOND = (10.0, 100.0)
DECADE = 10.0  # the straight line runs through the last decade that was measured
KNOTS = 60  # scores at which the likelihood ratio is given
USUAL = (0.1, 99.9)  # percentiles of the cosine to the nearest strangers


def calibrate(
    sample: Sample,
    *,
    name: str,
    contract: str,
    detector: str,
    data: str,
    command: str,
    check: Sample | None = None,
    check_data: str = "",
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Calibration:
    """Measure the error rates behind the similarities of one embedder.

    Args:
        sample: faces of named people.
        name: what users will type.
        contract: of the embedder that made the vectors.
        detector: card that found the faces.
        data: which images these are, in a sentence.
        command: the command line, for the record.
        check: faces of other people, on whom the thresholds are tested.
        check_data: which images those are, in a sentence.
        resamples: of people, for the intervals; at least 200.
        seed: of the resamples.
        on_step: called after each resample.

    Returns:
        Thresholds from an FMR of 0.5 down to the smallest that the data can show: that which the
        comparisons of LEAST_ERRORS different pairs of people exceed. (Ten images of each of
        two similar people give a hundred comparisons, but only one independent pair of people.)
        Similarities are normalised against the shipped cohort of the embedder, if it has one.

    Raises:
        TooFewTrialsError: the data cannot show an FMR of 0.1.
        MienError: a person is in both samples, or similarity carries no information in this sample.
    """
    _require_strangers(sample, check)
    if resamples < 200:
        raise MienError(f"{resamples} resamples are too few for a 95 % interval; use at least 200.")
    cohort = cohort_of(contract)
    norms = cohort.norms(sample.vectors) if cohort else None
    trials = compare_all(sample, norms, seed=seed)
    plain = compare_all(sample, seed=seed) if cohort else trials
    slope, intercept = fit_llr(plain.same, plain.different, plain.same_weights, plain.weights)
    points, tail = _points(trials, _rates(trials), resamples, seed, on_step)
    low, high = (-1.0, 1.0) if norms is None else np.percentile(norms[:, 0], USUAL)
    people, genuine, impostors = trials.people, trials.same.size, trials.impostors
    calibration = Calibration(
        name, contract, detector, data, people, genuine, impostors, points, (), slope, intercept,
        None, command, tail, cohort.name if cohort else "", (float(low), float(high)),
    )  # fmt: skip
    calibration = replace(calibration, evidence=_evidence(calibration, trials))
    if check is None:
        return calibration
    held_out = check_calibration(
        calibration, check, check_data, resamples=resamples, seed=seed, on_step=on_step
    )
    return replace(calibration, check=held_out)


def check_calibration(
    calibration: Calibration,
    sample: Sample,
    data: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Check:
    """Test a calibration on people outside its data.

    Args:
        calibration: of the embedder that made the vectors.
        sample: faces of named people.
        data: which images these are, in a sentence.
        resamples: of people, for the intervals.
        seed: of the resamples.
        on_step: called after each resample.

    Returns:
        Rates at those points that the sample can show (none, if it has few people), calibration
        error and Cllr.
    """
    norms = calibration.norms(sample.vectors)
    trials = compare_all(sample, norms, seed=seed)
    least = _least(trials)
    points = [point for point in calibration.points if point.fmr >= least]
    rates = _tried(trials, points, resamples, seed, on_step) if points else ()
    ece, cost = _trust(calibration, trials)
    return Check(data, trials.people, trials.same.size, trials.impostors, rates, ece, cost)


def _tried(
    trials: Comparisons, points: list[Point], resamples: int, seed: int, on_step: OnStep | None
) -> tuple[Rate, ...]:
    """Error rates of each threshold on these comparisons."""
    thresholds = np.array([point.threshold for point in points])
    drawn = []
    for number, draw in enumerate(bootstrap_weights(trials.people, resamples, seed), 1):
        drawn.append(_errors(trials, thresholds, draw))
        if on_step:
            on_step("check", number, resamples)
    measured, missed = _errors(trials, thresholds, None)
    # A resample of few people may hold no genuine pair: its rate is NaN and left out.
    low, high = np.nanpercentile(np.array(drawn), ENDS, axis=0)  # each (2, points)
    # Without an observed error, no resample has one either; the rule of three bounds the rate.
    seen_twice = np.unique(trials.same_person).size
    pairs = trials.people * (trials.people - 1) // 2
    high[0] = np.where(measured == 0, rule_of_three(pairs), high[0])
    high[1] = np.where(missed == 0, rule_of_three(seen_twice), high[1])
    columns = (measured, low[0], high[0], missed, low[1], high[1])
    return tuple(
        Rate(point.fmr, point.threshold, *row.tolist())
        for point, row in zip(points, np.stack(columns, 1), strict=True)
    )


def _trust(calibration: Calibration, trials: Comparisons) -> tuple[float, float]:
    """Calibration error of the probability at prior 0.5, and Cllr."""
    same, different = (
        calibration.llr(calibration.score(x)) for x in (trials.same, trials.different)
    )
    halves = [w / w.sum() for w in (trials.same_weights, trials.weights)]
    stated = posterior(np.concatenate([same, different]), 0.5)
    came = np.arange(stated.size) < same.size
    return (
        calibration_error(stated, came, np.concatenate(halves)),
        cllr(same, different, trials.same_weights, trials.weights),
    )


def _require_strangers(sample: Sample, check: Sample | None) -> None:
    both = sorted(set(sample.people) & set(check.people)) if check else []
    if both:
        raise MienError(
            f"{len(both)} people are both in the sample and in its check ({', '.join(both[:5])}"
            f"{', ...' if len(both) > 5 else ''}). A check needs people outside the sample: "
            "move each to one side."
        )


def _least(trials: Comparisons) -> float:
    """The smallest FMR that the comparisons can show."""
    pairs = trials.first.astype(np.int64) * trials.people + trials.second
    _, seen_at = np.unique(pairs, return_index=True)  # of each pair of people, the most similar
    if seen_at.size < LEAST_ERRORS:
        return np.inf
    needed = int(np.partition(seen_at, LEAST_ERRORS - 1)[LEAST_ERRORS - 1])
    return float(trials.weights[: needed + 1].sum() / trials.impostors)


def _rates(trials: Comparisons) -> list[float]:
    """The rates at which thresholds are given, falling."""
    least = _least(trials)
    if least > 0.1:
        raise TooFewTrialsError(
            f"{trials.people} people give {trials.impostors:,} comparisons of different people, "
            "which do not show a false match rate of even 0.1; add images of more people "
            f"({LEAST_ERRORS} different pairs of people must be in error)."
        )
    return [*(rate for rate in GRID if rate > least * 1.01), least]


def _points(
    trials: Comparisons, rates: list[float], resamples: int, seed: int, on_step: OnStep | None
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Thresholds of the rates, and of rarer ones that are extrapolated."""
    thresholds = _with_tail(rates, _thresholds(trials, rates, None))
    drawn = np.empty((resamples, thresholds.size))
    for number, draw in enumerate(bootstrap_weights(trials.people, resamples, seed)):
        drawn[number] = _with_tail(rates, _thresholds(trials, rates, draw))
        if on_step:
            on_step("intervals", number + 1, resamples)
    low, high = np.percentile(drawn, ENDS, axis=0)
    # Resamples of few people may all lie on one side of the estimate; the interval includes it.
    low, high = np.minimum(low, thresholds), np.maximum(high, thresholds)
    all_rates = [*rates, *(rates[-1] / times for times in BEYOND)]
    rows = zip(all_rates, thresholds, low, high, strict=True)
    points = tuple(Point(*map(float, row)) for row in rows)
    return points[: len(rates)], points[len(rates) :]


def _with_tail(rates: list[float], thresholds: Doubles) -> Doubles:
    """Thresholds, and those of rates BEYOND the last, by a straight line."""
    scores = -np.log10(rates)
    earlier = np.interp(scores[-1] - np.log10(DECADE), scores, thresholds)
    steep = (thresholds[-1] - earlier) / np.log10(DECADE)
    return np.concatenate([thresholds, thresholds[-1] + steep * np.log10(BEYOND)])


def _evidence(calibration: Calibration, trials: Comparisons) -> tuple[Evidence, ...]:
    """Likelihood ratios by score.

    The density of strangers needs no estimate: by the definition of a score s, a share of 10^-s of
    them is above it. That of mated comparisons is a sum of Gaussians (Silverman's width), mixed
    with one comparison that may have any score; each person counts once.
    """
    scores, weights = (
        calibration.score(trials.same),
        trials.same_weights / trials.same_weights.sum(),
    )
    effective = 1 / np.sum(weights**2)
    spread = np.sqrt(np.cov(scores, aweights=weights)) if scores.size > 1 else 1.0
    width = max(0.9 * float(spread) * effective**-0.2, 1e-3)
    first, last = -np.log10(calibration.points[0].fmr), -np.log10(calibration.rarest)
    knots = np.linspace(first, last, KNOTS)
    bells = np.exp(-0.5 * ((knots[:, None] - scores) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    density = (effective * (bells @ weights) + 1 / last) / (effective + 1)
    llr = np.log(density) - np.log(np.log(10)) + np.log(10) * knots
    rising = isotonic_regression(llr).x
    return tuple(Evidence(float(s), float(r)) for s, r in zip(knots, rising, strict=True))


def _pair_weights(trials: Comparisons, draw: Doubles | None) -> Doubles:
    """Weight of each comparison of two people for this bootstrap draw of people."""
    if draw is None:
        return trials.weights
    weights: Doubles = draw[trials.first] * draw[trials.second] * trials.weights
    return weights


def _thresholds(trials: Comparisons, rates: list[float], draw: Doubles | None) -> Doubles:
    """The lowest threshold of each rate: the similarity of the first impostor to reject."""
    passed = np.cumsum(_pair_weights(trials, draw))
    # As mien.metrics.threshold_at_fmr, with weights; 1e-9 allows for rounding.
    barred = np.searchsorted(passed, np.array(rates) * passed[-1] + 1e-9, side="right")
    thresholds: Doubles = trials.different[np.minimum(barred, trials.different.size - 1)]
    return thresholds


def _errors(trials: Comparisons, thresholds: Doubles, draw: Doubles | None) -> Doubles:
    """False match and false non-match rate at each threshold: (2, len(thresholds))."""
    passed = np.concatenate([[0], np.cumsum(_pair_weights(trials, draw))])
    matches = passed[np.searchsorted(-trials.different, -thresholds, side="left")] / passed[-1]
    times = trials.same_weights if draw is None else trials.same_weights * draw[trials.same_person]
    if not times.sum():
        return np.array([matches, np.full(thresholds.shape, np.nan)])
    missed = [float(times[trials.same <= bar].sum() / times.sum()) for bar in thresholds]
    return np.array([matches, missed])

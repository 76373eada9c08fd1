"""Calibrate: compute thresholds with intervals from named faces, tested on other people."""

from dataclasses import replace

import numpy as np

from mien.decision.calibration import LEAST_ERRORS, Calibration, Check, Point, Rate
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
    """Measure the error rates behind the cosine of one embedder.

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

    Raises:
        TooFewTrialsError: the data cannot show an FMR of 0.1.
        MienError: a person is in both samples, or similarity carries no information in this sample.
    """
    _require_strangers(sample, check)
    if resamples < 200:
        raise MienError(f"{resamples} resamples are too few for a 95 % interval; use at least 200.")
    trials = compare_all(sample, seed=seed)
    rates = _rates(trials)
    slope, intercept = fit_llr(trials.same, trials.different, trials.same_weights, trials.weights)
    points = _points(trials, rates, resamples, seed, on_step)
    people, genuine, impostors = trials.people, trials.same.size, trials.impostors
    calibration = Calibration(
        name, contract, detector, data, people, genuine, impostors, points, slope, intercept, None,
        command,
    )  # fmt: skip
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
    trials = compare_all(sample, seed=seed)
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
        calibration.slope * x + calibration.intercept for x in (trials.same, trials.different)
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
) -> tuple[Point, ...]:
    thresholds = _thresholds(trials, rates, None)
    drawn = np.empty((resamples, len(rates)))
    for number, draw in enumerate(bootstrap_weights(trials.people, resamples, seed)):
        drawn[number] = _thresholds(trials, rates, draw)
        if on_step:
            on_step("intervals", number + 1, resamples)
    low, high = np.percentile(drawn, ENDS, axis=0)
    # Resamples of few people may all lie on one side of the estimate; the interval includes it.
    low, high = np.minimum(low, thresholds), np.maximum(high, thresholds)
    rows = zip(rates, thresholds, low, high, strict=True)
    return tuple(Point(*map(float, row)) for row in rows)


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

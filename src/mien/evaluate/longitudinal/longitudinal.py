"""Evaluate stability over time: day-to-day noise against drift over years, with a verdict."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.longitudinal.longitudinal_records import Capture
from mien.evaluate.longitudinal.scales import RESAMPLES, Scales, scales_of
from mien.metrics import Clusters, Estimate
from mien.metrics.fairness import holm
from mien.metrics.findings import Cell, Curve, Fact, Findings, Plot, Table
from mien.metrics.longitudinal import (
    ALARM,
    BASE,
    Visits,
    common_days,
    cusum,
    ratio_test,
    reml,
    visits_of,
)
from mien.types import Doubles

WIDTHS = (0.002, 0.005, 0.01)  # half widths of an interval, for visits needed
QUARTER = 0.25  # years
LISTED = 10  # subjects and days in a table
NOTES = (
    "A day effect is common to all captures of one person on one day: light, hair, "
    "health, camera. Drift is the mean change per year.",
    "The ratio compares a day's standard deviation with the whole drift over the period; "
    "above 1, days matter more than years.",
    "The day of the reference is in all scores of a person, so its effect appears as a "
    "difference between people; other references show its size.",
)
COVARIATE_LEVELS = 12  # a column with more distinct words is not a category


def longitudinal(
    captures: Sequence[Capture],
    *,
    data: str,
    algorithm: str = "",
    threshold: float | None = None,
    fisher: bool = False,
    failed: int = 0,
    basis: tuple[tuple[str, str], ...] = (),
    resamples: int = RESAMPLES,
) -> Findings:
    """Measure day-to-day noise, drift, and the effect of both at a threshold.

    Args:
        captures: records of one algorithm, or of several and `algorithm` names one.
        data: which people these are, in a sentence.
        algorithm: which of them; scores of different ones are never pooled.
        threshold: similarity that must be exceeded, set on impostors of other people.
        fisher: use Fisher's z of the scores, for scores near their ceiling of 1.
        failed: captures without a face; reported.
        basis: models, command line, ...
        resamples: of people.

    Raises:
        MienError: several algorithms and none named.
        TooFewTrialsError: fewer than 10 subjects with 3 visits.
    """
    chosen = _one_algorithm(captures, algorithm)
    genuine = [c for c in chosen if c.same]
    references = sorted({c.reference for c in genuine})
    series = {name: _series(genuine, name, fisher) for name in references}
    scales = {name: scales_of(v, resamples=resamples) for name, (v, _) in series.items()}
    visits, days = series[references[0]]
    first = scales[references[0]]
    tables = [_component_table(visits, first), _reference_table(scales)]
    plots = [_ageing(visits, first), _trajectories(visits)]
    tables.append(_visits_needed(visits, first))
    tables += _events(visits, days)
    tables.append(_sunken(visits, first, _names(genuine, references[0])))
    if threshold is not None:
        table, plot = _operational(genuine, references[0], threshold)
        tables.append(table)
        plots.append(plot)
    covariates = _covariates(genuine, references[0], visits)
    tables += [covariates] if covariates else []
    return Findings(
        "Longitudinal: is it stable over time?",
        f"{data}: {visits.subjects} people, {visits.mean.size:,} visits, "
        f"{int(visits.captures.sum()):,} captures over {first.horizon:.1f} years. Verdict: "
        f"{first.verdict}. {first.why}",
        _headline(visits, first),
        tuple(tables),
        tuple(plots),
        _warnings(visits, first, threshold, failed),
        NOTES,
        basis,
    )


def _warnings(
    visits: Visits, first: Scales, threshold: float | None, failed: int
) -> tuple[str, ...]:
    warnings = []
    if threshold is None:
        warnings.append(
            "No threshold was given, so misses over time are not reported; use one that was "
            "set on other people (--threshold)."
        )
    if failed:
        warnings.append(f"{failed} captures show no face and have no score.")
    warnings.append(
        f"This holds for these {visits.subjects} people and cameras over {first.horizon:.1f} "
        "years. It does not cover children or longer times."
    )
    return tuple(warnings)


def _one_algorithm(captures: Sequence[Capture], algorithm: str) -> list[Capture]:
    names = sorted({c.algorithm for c in captures})
    if algorithm and algorithm not in names:
        raise MienError(f"No record is of algorithm '{algorithm}'; there are {', '.join(names)}.")
    if not algorithm and len(names) > 1:
        raise MienError(
            f"The records are of {len(names)} algorithms ({', '.join(names[:5])}), whose scores "
            "must not be pooled; choose one (--algorithm)."
        )
    return [c for c in captures if c.algorithm == (algorithm or names[0])]


def _series(
    genuine: Sequence[Capture], reference: str, fisher: bool
) -> tuple[Visits, NDArray[np.int64]]:
    """Visits of one reference, and the date of each."""
    rows = [c for c in genuine if c.reference == reference]
    who = np.unique([c.subject for c in rows], return_inverse=True)[1]
    day = np.array([c.day for c in rows])
    score = np.array([c.score for c in rows])
    if fisher:
        if (np.abs(score) >= 1).any():
            raise MienError("Fisher's z needs scores between -1 and 1, both excluded.")
        score = np.arctanh(score)
    visits = visits_of(who, day, np.array([c.years for c in rows]), score)
    dates = np.unique(np.stack([who, day], 1), axis=0)[:, 1]
    return visits, dates.astype(np.int64)


def _names(genuine: Sequence[Capture], reference: str) -> list[str]:
    return sorted({c.subject for c in genuine if c.reference == reference})


def _headline(visits: Visits, first: Scales) -> tuple[Fact, ...]:
    c = first.components
    half = 1.96 * c.drift_error
    drift = Estimate(c.drift, c.drift - half, c.drift + half, visits.mean.size, visits.subjects)
    day = Estimate(c.day, reason=c.reason)
    return (
        Fact("days against drift", first.ratio, "number", f"verdict: {first.verdict}"),
        Fact("drift a year", drift, "number", "mean change of a person's score"),
        Fact("day to day", day, "number", "standard deviation, common to a visit"),
        Fact("capture to capture", Estimate(c.capture), "number", "standard deviation, in a visit"),
    )


def _component_table(visits: Visits, first: Scales) -> Table:
    one = first.components
    try:
        other, _ = reml(visits) if not math.isnan(one.day) else (None, 0.0)
    except (np.linalg.LinAlgError, TooFewTrialsError):
        other = None
    rows: list[tuple[Cell, ...]] = []
    for name, key in (
        ("between people, s_subj", "subject"), ("slopes between people, s_slope a year", "slope"),
        ("between days, s_day", "day"), ("within a visit, s_cap", "capture"),
        ("drift a year, b1", "drift"), ("standard error of b1", "drift_error"),
    ):  # fmt: skip
        rows.append((name, getattr(one, key), getattr(other, key) if other else None))
    total = one.subject**2 + (one.slope * first.horizon / 2) ** 2 + one.day**2 + one.capture**2
    rows.append(("share between people, ICC", one.subject**2 / total, None))
    rows.append(("mean step between visits, D1", first.steps, None))
    rows.append(("mean change first to last quarter, D2", first.ends, None))
    return Table(
        "Components",
        (("Component", "text"), ("By moments", "number"), ("By REML", "number")),
        tuple(rows),
        "In units of the score. s_subj by moments at the middle of the time, by REML at its "
        "start. " + (one.reason.capitalize() + "." if one.reason else ""),
    )


def _reference_table(scales: dict[str, Scales]) -> Table:
    rows = tuple(
        (name, s.components.day, s.components.drift, s.ratio, s.verdict)
        for name, s in scales.items()
    )
    return Table(
        "Other references",
        (
            ("Reference", "text"),
            ("s_day", "number"),
            ("b1 a year", "number"),
            ("Ratio", "number"),
            ("Verdict", "text"),
        ),
        rows,
    )


def _visits_needed(visits: Visits, first: Scales) -> Table:
    c = first.components
    captures = visits.captures.size / float(np.sum(1 / visits.captures))
    noise = c.day**2 + c.capture**2 / captures
    rows: list[tuple[Cell, ...]] = [
        (f"{w:g}", math.ceil((1.96 / w) ** 2 * noise) if math.isfinite(noise) else None)
        for w in WIDTHS
    ]
    return Table(
        "Visits needed to know one person's mean score",
        (("Within", "text"), ("Visits", "count")),
        tuple(rows),
        f"n = (1.96 / w)^2 (s_day^2 + s_cap^2 / K), with K = {captures:.1f} captures a visit.",
    )


def _events(visits: Visits, days: NDArray[np.int64]) -> list[Table]:
    """Dates on which the scores of all people shifted."""
    names, effect, size, spread = common_days(visits, days)
    if names.size < 3:
        return []
    order = np.argsort(-np.abs(effect))
    far = [k for k in order if abs(effect[k]) > 3 * spread][:LISTED]
    rows = tuple(
        (date.fromordinal(int(names[k])).isoformat(), int(size[k]), float(effect[k]),
         float(abs(effect[k]) / spread))
        for k in far
    )  # fmt: skip
    return [
        Table(
            "Days that affected all people",
            (
                ("Day", "text"),
                ("People", "count"),
                ("Effect", "number"),
                ("Times the usual spread", "number"),
            ),
            rows,
            f"{names.size} dates are shared by three people or more; listed are those whose mean "
            f"effect exceeds three times the usual {spread:.4f}. A site-wide cause (lamp, camera, "
            "update) has this effect; a personal one does not.",
        )
    ]


def _sunken(visits: Visits, first: Scales, names: Sequence[str]) -> Table:
    c = first.components
    rows: list[tuple[Cell, ...]] = []
    for number in range(visits.subjects):
        inside = np.flatnonzero(visits.subject == number)
        inside = inside[np.argsort(visits.time[inside])]
        if inside.size <= BASE or math.isnan(c.day):
            continue
        spread = math.sqrt(c.day**2 + c.capture**2 / float(visits.captures[inside].mean()))
        y = visits.mean[inside]
        sums = cusum(y, max(spread, 1e-9), BASE)
        if sums.max() >= ALARM:
            at = BASE + int(np.argmax(sums >= ALARM))
            rows.append((names[number], float(visits.time[inside[at]]), float(sums.max())))
    rows.sort(key=lambda row: -float(row[2] or 0))  # type: ignore[arg-type]
    return Table(
        "People whose scores fell: take a new reference",
        (("Subject", "text"), ("Years at the alarm", "number"), ("Largest sum", "number")),
        tuple(rows[:LISTED]),
        f"{len(rows)} of {visits.subjects} people. CUSUM from visit {BASE + 1} on, each against "
        f"the mean of all before it, slack 0.5, alarm at {ALARM:g} standard deviations.",
    )


def _operational(
    genuine: Sequence[Capture], reference: str, threshold: float
) -> tuple[Table, Plot]:
    """Misses per quarter of a year and on the worst day."""
    rows = [c for c in genuine if c.reference == reference]
    missed = np.array([not c.score > threshold for c in rows])
    who = np.array([c.subject for c in rows])
    quarter = np.array([int(c.years / QUARTER) for c in rows])
    quarters = [
        (k, Clusters(who[quarter == k]).share(missed[quarter == k]))
        for k in np.unique(quarter).tolist()
    ]
    day = np.array([c.day for c in rows])
    per_day = [(d, float(missed[day == d].mean()), int((day == d).sum())) for d in np.unique(day)]
    worst = max((d for d in per_day if d[2] >= 10), key=lambda d: d[1], default=None)
    caption = "" if worst is None else (
        f"Worst single day with ten captures or more: "
        f"{date.fromordinal(int(worst[0])).isoformat()}, {worst[1]:.1%} of {worst[2]} missed."
    )  # fmt: skip
    table = Table(
        f"Misses over time at threshold {threshold:.4f}",
        (("Years", "text"), ("Captures", "count"), ("FNMR", "rate")),
        tuple((f"{k * QUARTER:.2f} to {(k + 1) * QUARTER:.2f}", e.trials, e) for k, e in quarters),
        caption,
    )
    x = np.array([(k + 0.5) * QUARTER for k, _ in quarters])
    y, low, high = (
        np.array([getattr(e, key) for _, e in quarters]) for key in ("value", "low", "high")
    )
    curve = Curve("FNMR", x, y, low, high)
    return table, Plot("Misses over time", "years since the reference", "missed", (curve,),
                       percent=(False, True))  # fmt: skip


def _covariates(genuine: Sequence[Capture], reference: str, visits: Visits) -> Table | None:
    """Likelihood-ratio test of each covariate, with Holm's correction."""
    rows = [c for c in genuine if c.reference == reference]
    who = np.unique([c.subject for c in rows], return_inverse=True)[1]
    keys = np.stack([who, [c.day for c in rows]], 1)
    place = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    tested = []
    for name in sorted({k for c in rows for k in c.covariates}):
        values = [c.covariates.get(name, "") for c in rows]
        columns = _columns(values, place, visits.mean.size)
        if columns is not None:
            tested.append((name, *ratio_test(visits, columns)))
    if not tested:
        return None
    adjusted = holm([p for _, _, p in tested])
    return Table(
        "Covariates",
        (("Covariate", "text"), ("Likelihood ratio", "number"), ("p, corrected", "number")),
        tuple((n, r, p) for (n, r, _), p in zip(tested, adjusted, strict=True)),
        "Each added to the model as a fixed effect on visit means; Holm's correction.",
    )


def _columns(values: Sequence[str], place: NDArray[np.int64], visits: int) -> Doubles | None:
    """Columns of a covariate by visit: numbers as they are, words as indicators."""
    if any(not v for v in values):
        return None
    try:
        numbers = np.array([float(v) for v in values])[:, None]
    except ValueError:
        levels = sorted(set(values))
        if not 2 <= len(levels) <= COVARIATE_LEVELS:
            return None
        numbers = np.array([[v == level for level in levels[1:]] for v in values], np.float64)
    if np.ptp(numbers, axis=0).min() == 0:
        return None
    size = np.bincount(place, minlength=visits)[:, None]
    sums = np.zeros((visits, numbers.shape[1]))
    np.add.at(sums, place, numbers)
    return np.asarray(sums / size)


def _ageing(visits: Visits, first: Scales) -> Plot:
    """Mean score against time, with the line of the model."""
    edges = np.linspace(visits.time.min(), visits.time.max() + 1e-9, 11)
    which = np.digitize(visits.time, edges) - 1
    found = [
        (float(visits.time[which == k].mean()), Clusters(visits.subject[which == k]).mean(
            visits.mean[which == k]))
        for k in np.unique(which)
    ]  # fmt: skip
    x = np.array([t for t, _ in found])
    y, low, high = (
        np.array([getattr(e, key) for _, e in found]) for key in ("value", "low", "high")
    )
    middle, at = float(visits.mean.mean()), float(visits.time.mean())
    ends = np.array([visits.time.min(), visits.time.max()])
    line = middle + first.components.drift * (ends - at)
    return Plot(
        "Ageing curve",
        "years since the reference",
        "similarity",
        (Curve("mean of visits", x, y, low, high), Curve("drift", ends, line, style="dashed")),
        caption="Mean over people with its 95 % interval; the dashed line is the mean drift.",
    )


def _trajectories(visits: Visits) -> Plot:
    curves = []
    for number in range(min(6, visits.subjects)):
        rows = np.flatnonzero(visits.subject == number)
        rows = rows[np.argsort(visits.time[rows])]
        curves.append(Curve(f"person {number + 1}", visits.time[rows], visits.mean[rows]))
    return Plot("Some people", "years since the reference", "similarity, mean of a visit",
                tuple(curves), caption="The first six people; each vertex is a day.")  # fmt: skip

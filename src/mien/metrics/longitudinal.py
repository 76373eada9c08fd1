"""Model scores of the same people over years: capture noise, day noise, drift.

Model, for subject i, day d, capture k, years t since the reference:
    score = b0 + u_i + (b1 + v_i) t + g_id + e_idk
u, v, g, e are independent with standard deviations s_subj, s_slope, s_day, s_cap.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import TooFewTrialsError
from mien.types import Doubles

LEAST_SUBJECTS, LEAST_VISITS = 10, 3
SLACK, ALARM = 0.5, 5.0  # of the CUSUM, in standard deviations. Source: Page, Biometrika 41, 1954
BASE = 5  # first visits, the reference of a trajectory

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Scores by visit: one row per subject and day."""

    subject: Codes  # (V,) 0, 1, 2, ..., rising
    time: Doubles  # (V,) years
    mean: Doubles  # (V,) of the captures' scores
    captures: Codes  # (V,)
    within: float  # pooled variance of captures within visits; NaN if no visit has two
    within_df: int

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return int(self.subject.max()) + 1 if self.subject.size else 0


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations in units of the score; NaN where they cannot be distinguished."""

    subject: float  # s_subj, at the middle of the time
    slope: float  # s_slope, per year
    day: float  # s_day
    capture: float  # s_cap
    drift: float  # b1, per year
    drift_error: float  # its standard error
    reason: str = ""  # why something is NaN


def visits_of(subject: Codes, day: Codes, time: Doubles, score: Doubles) -> Visits:
    """Combine captures into visits.

    Args:
        subject: (N,) whole number of the subject.
        day: (N,) whole number of the date.
        time: (N,) years since the reference.
        score: (N,) similarity.
    """
    who = np.unique(subject, return_inverse=True)[1]
    _, first, visit = np.unique(
        np.stack([who, day], 1), axis=0, return_index=True, return_inverse=True
    )
    visit = visit.ravel()
    size = np.bincount(visit)
    mean = np.bincount(visit, score) / size
    spread = float(np.sum((score - mean[visit]) ** 2))
    df = int(np.sum(size - 1))
    within = spread / df if df else math.nan
    return Visits(who[first], time[first], mean, size.astype(np.int64), within, df)


def moments(visits: Visits) -> Components:
    """Estimate the components by moments, without iterative fitting.

    s_cap: within visits. Each subject's visit means are regressed on time; their residuals hold
    the day effect and the rest of the capture noise; their slopes hold the drift.

    Returns:
        s_day is NaN, with a reason, if no visit has two captures: then day and capture cannot be
        distinguished. A variance that comes out negative is 0.

    Raises:
        TooFewTrialsError: fewer than 10 subjects with 3 visits at different times.
    """
    parts = regressions(visits)
    return combine(parts, np.ones(len(parts.slope)), visits)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """One straight line per subject."""

    slope: Doubles  # (S,)
    middle: Doubles  # (S,) value at the middle of the time
    residual: Doubles  # (S,) sum of squares
    df: Doubles  # (S,) visits - 2
    visits: Doubles  # (S,)
    inverse: Doubles  # (S,) sum of 1 / captures
    slope_noise: Doubles  # (S,) variance of the slope in units of the noise of a visit mean
    middle_noise: Doubles  # (S,) the same of the middle


def regressions(visits: Visits) -> Lines:
    """Fit each subject's line.

    Raises:
        TooFewTrialsError: too few subjects have enough visits.
    """
    count = np.bincount(visits.subject, minlength=visits.subjects)
    at = float((visits.time.min() + visits.time.max()) / 2) if visits.time.size else 0.0
    rows = []
    for number in np.flatnonzero(count >= LEAST_VISITS):
        inside = visits.subject == number
        t, y = visits.time[inside], visits.mean[inside]
        apart = t - t.mean()
        square = float(apart @ apart)
        if square <= 0:
            continue
        slope = float(apart @ y) / square
        line = y.mean() + slope * apart
        reach = at - t.mean()
        rows.append(
            (slope, y.mean() + slope * reach, float(np.sum((y - line) ** 2)), t.size - 2.0, t.size,
             float(np.sum(1 / visits.captures[inside])), 1 / square, 1 / t.size + reach**2 / square)
        )  # fmt: skip
    if len(rows) < LEAST_SUBJECTS:
        raise TooFewTrialsError(
            f"{len(rows)} subjects have {LEAST_VISITS} visits at different times; drift and day "
            f"noise need {LEAST_SUBJECTS} such subjects. Add people or visits."
        )
    return Lines(*np.array(rows, np.float64).T)


def combine(lines: Lines, weight: Doubles, visits: Visits) -> Components:
    """Components from lines with weights (all 1, or a bootstrap draw of subjects)."""
    total = weight.sum()
    noise = float(weight @ lines.residual / (weight @ lines.df))  # s_day^2 + s_cap^2 / K
    share = float(weight @ lines.inverse / (weight @ lines.visits))  # 1 / K, harmonic
    captured = visits.within
    day = math.sqrt(max(0.0, noise - captured * share)) if not math.isnan(captured) else math.nan
    drift = float(weight @ lines.slope / total)
    spread = float(weight @ (lines.slope - drift) ** 2 / (total - 1))
    slope = max(0.0, spread - noise * float(weight @ lines.slope_noise / total))
    level = float(weight @ lines.middle / total)
    around = float(weight @ (lines.middle - level) ** 2 / (total - 1))
    subject = max(0.0, around - noise * float(weight @ lines.middle_noise / total))
    unknown = "no visit has two captures, so day and capture noise cannot be separated"
    reason = unknown if math.isnan(day) else ""
    captured_sd = math.sqrt(captured) if captured >= 0 else math.nan
    level_sd, slope_sd, error = math.sqrt(subject), math.sqrt(slope), math.sqrt(spread / total)
    return Components(level_sd, slope_sd, day, captured_sd, drift, error, reason)


def reml(
    visits: Visits, fixed: Doubles | None = None, *, restricted: bool = True
) -> tuple[Components, float]:
    """Fit the model by (restricted) maximum likelihood: a cross-check of `moments`.

    Args:
        visits: with at least one visit of two captures.
        fixed: (V, P) further columns beside intercept and time; None: none.
        restricted: False: plain maximum likelihood, for tests of the fixed columns.

    Returns:
        Components (s_subj at time 0), and the log-likelihood up to a constant.

    Source: Laird and Ware, Biometrics 38, 1982; visit means and the variance within visits are
        sufficient, so captures need not be handled one by one.
    """
    from scipy.optimize import minimize  # loaded when used: scipy is slow to import

    first = moments(visits)
    columns = [np.ones(visits.time.size), visits.time]
    design = np.stack(columns, 1) if fixed is None else np.column_stack([*columns, fixed])
    scale = float(np.std(visits.mean)) or 1.0
    least = 1e-4 * scale
    names = (first.subject, first.slope, first.day, first.capture)
    start = np.log([max(v if math.isfinite(v) else scale, least) for v in names])
    groups = [np.flatnonzero(visits.subject == k) for k in range(visits.subjects)]

    def cost(logs: Doubles) -> float:
        return -_likelihood(np.exp(2 * logs), visits, design, groups, restricted)[0]

    bounds = [(math.log(least / 10), math.log(100 * scale))] * 4
    found = minimize(cost, start, method="L-BFGS-B", bounds=bounds)
    value, beta, error = _likelihood(np.exp(2 * found.x), visits, design, groups, restricted)
    subject, slope, day, capture = np.exp(found.x).tolist()
    drift, doubt = float(beta[1]), float(error[1])
    return Components(subject, slope, day, capture, drift, doubt), value


def _likelihood(
    variance: Doubles, visits: Visits, design: Doubles, groups: list[Codes], restricted: bool
) -> tuple[float, Doubles, Doubles]:
    """Log-likelihood, fixed effects and their standard errors at these variances."""
    subject, slope, day, capture = variance
    width = design.shape[1]
    weight, target, square, logs = np.zeros((width, width)), np.zeros(width), 0.0, 0.0
    for rows in groups:
        t, y, x = visits.time[rows], visits.mean[rows], design[rows]
        cover = subject + slope * np.outer(t, t)
        cover[np.diag_indices(t.size)] += day + capture / visits.captures[rows]
        factor = np.linalg.cholesky(cover)
        white = np.linalg.solve(factor, np.column_stack([x, y]))
        weight += white[:, :-1].T @ white[:, :-1]
        target += white[:, :-1].T @ white[:, -1]
        square += float(white[:, -1] @ white[:, -1])
        logs += 2 * float(np.log(np.diag(factor)).sum())
    beta = np.linalg.solve(weight, target)
    value = -0.5 * (logs + square - float(target @ beta))
    value -= 0.5 * visits.within_df * (math.log(capture) + visits.within / capture)
    if restricted:
        value -= 0.5 * float(np.linalg.slogdet(weight)[1])
    error: Doubles = np.sqrt(np.diag(np.linalg.inv(weight)))
    fixed: Doubles = beta.astype(np.float64)
    return float(value), fixed, error


def ratio_test(visits: Visits, columns: Doubles) -> tuple[float, float]:
    """Twice the gain in log-likelihood by fixed columns (V, P), and its probability by chance.

    Source: Wilks, Annals of Mathematical Statistics 9, 1938.
    """
    from scipy.special import chdtrc  # loaded when used: scipy is slow to import

    centred = (columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-12)
    without = reml(visits, restricted=False)[1]
    gain = max(0.0, 2 * (reml(visits, centred, restricted=False)[1] - without))
    return gain, float(chdtrc(columns.shape[1], gain))


def cusum(score: Doubles, spread: float, base: int) -> Doubles:
    """Evidence that scores fell: S_t = max(0, S_(t-1) + z_t - 0.5).

    z_t compares a score with the mean of all before it, in standard deviations of that difference.
    A fixed reference of few scores is itself off by chance, and each later score then counts it
    again: with five of them, a tenth of unchanged people would reach an alarm.

    Args:
        score: (T,) in the order of time.
        spread: standard deviation of one of them, above 0.
        base: number of first scores that are only a reference, at least 1.

    Returns:
        (T - base,) at 5 and above: an alarm.

    Source: Page, "Continuous inspection schemes", Biometrika 41, 1954; self-starting by Hawkins,
        "Self-starting cusum charts for location and scale", The Statistician 36, 1987, with a
        known spread.
    """
    sums, last = np.empty(max(0, score.size - base)), 0.0
    for k in range(base, score.size):
        before = float(score[:k].mean())
        z = (before - float(score[k])) / (spread * math.sqrt(1 + 1 / k))
        last = max(0.0, last + z - SLACK)
        sums[k - base] = last
    return sums


def common_days(visits: Visits, day: Codes) -> tuple[Codes, Doubles, Codes, float]:
    """Effects of dates that many subjects share.

    Args:
        visits: of all subjects.
        day: (V,) whole number of the date of each visit.

    Returns:
        Dates with three subjects or more, the effect of each (mean over subjects of the residuals
        of their own lines), the number of subjects, and the spread expected of days without an
        event (the larger of what sampling explains and of 1.4826 times the median absolute effect,
        so that one event does not hide itself).
    """
    left = np.empty(visits.mean.size)
    for number in range(visits.subjects):
        rows = visits.subject == number
        t, y = visits.time[rows], visits.mean[rows]
        apart = t - t.mean()
        square = float(apart @ apart)
        slope = float(apart @ y) / square if square else 0.0
        left[rows] = y - y.mean() - slope * apart
    names, where = np.unique(day, return_inverse=True)
    size = np.bincount(where)
    effect = np.bincount(where, left) / size
    noise = float(np.sum((left - effect[where]) ** 2) / max(1, left.size - names.size))
    keep = size >= 3
    sampling = math.sqrt(noise / float(np.median(size[keep]))) if keep.any() else math.nan
    robust = 1.4826 * float(np.median(np.abs(effect[keep]))) if keep.any() else math.nan
    return names[keep], effect[keep], size[keep].astype(np.int64), max(sampling, robust)

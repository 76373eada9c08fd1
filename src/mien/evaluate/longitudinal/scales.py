"""Compare day-to-day noise with drift over the years."""

import math
from dataclasses import dataclass

import numpy as np

from mien.metrics import Estimate, bootstrap_weights
from mien.metrics.longitudinal import Components, Visits, combine, moments, regressions

RESAMPLES = 1000  # of subjects


@dataclass(frozen=True, slots=True)
class Scales:
    """Day noise against drift over the whole period."""

    components: Components
    horizon: float  # H, years
    ratio: Estimate  # R = s_day / (|b1| H)
    steps: float  # D1: mean absolute change from one visit to the next
    ends: float  # D2: mean absolute change from the first to the last quarter of visits
    verdict: str  # day-dominated, drift-dominated, neither, undecided, or unknown
    why: str


def scales_of(visits: Visits, *, resamples: int = RESAMPLES, seed: int = 0) -> Scales:
    """Estimate all components and the larger scale; people are resampled for the interval."""
    found = moments(visits)
    lines = regressions(visits)
    horizon = float(visits.time.max() - visits.time.min())
    steps, ends = _model_free(visits)
    if math.isnan(found.day):
        nothing = Estimate(math.nan, reason=found.reason)
        return Scales(found, horizon, nothing, steps, ends, "unknown", found.reason)
    drawn = []
    for weight in bootstrap_weights(len(lines.slope), resamples, seed):
        one = combine(lines, weight, visits)
        drawn.append(one.day / max(abs(one.drift) * horizon, 1e-12))
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = found.day / max(abs(found.drift) * horizon, 1e-12)
    ratio = Estimate(value, float(low), float(high), visits.mean.size, visits.subjects)
    captures = visits.captures.size / float(np.sum(1 / visits.captures))
    floor = found.capture / math.sqrt(captures)
    verdict, why = _verdict(found, horizon, ratio, floor)
    return Scales(found, horizon, ratio, steps, ends, verdict, why)


def _verdict(found: Components, horizon: float, ratio: Estimate, floor: float) -> tuple[str, str]:
    change = abs(found.drift) * horizon
    if found.day < floor and change < floor:
        return "neither", (
            f"Neither days ({found.day:.4f}) nor drift over {horizon:.1f} years ({change:.4f}) "
            f"exceed the capture noise in a visit's mean ({floor:.4f})."
        )
    reason = (
        f"Days vary by {found.day:.4f}, drift over {horizon:.1f} years is {change:.4f}: ratio "
        f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})."
    )
    if ratio.low > 1:
        return "day-dominated", reason
    return ("drift-dominated", reason) if ratio.high < 1 else ("undecided", reason)


def _model_free(visits: Visits) -> tuple[float, float]:
    steps, ends = [], []
    for number in range(visits.subjects):
        rows = np.flatnonzero(visits.subject == number)
        y = visits.mean[rows[np.argsort(visits.time[rows])]]
        if y.size >= 2:
            steps.append(float(np.abs(np.diff(y)).mean()))
            part = max(1, y.size // 4)
            ends.append(abs(float(y[-part:].mean() - y[:part].mean())))
    return float(np.mean(steps)), float(np.mean(ends))

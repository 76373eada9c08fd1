"""Layout of curves for SVG: numbers in, coordinates out, no drawing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from mien.metrics.findings import Curve, Plot
from mien.types import Doubles

WIDTH, HEIGHT = 560.0, 330.0
LEFT, RIGHT, TOP, BELOW = 66.0, 14.0, 12.0, 46.0  # room around the axes
ROW, BESIDE, NAMES = 16.0, 9.0, 150.0  # height of a row, addition per curve, width of its name
TICKS = 6  # approximate number on a linear axis
SIX_SIGMA = 1e-9  # lower limit of a logarithmic axis


@dataclass(frozen=True, slots=True)
class Scale:
    """The map from values to coordinates along one axis."""

    low: float
    high: float
    start: float  # coordinate of `low`
    end: float
    log: bool

    def at(self, value: float) -> float:
        """Return the coordinate of a value, limited to the axis."""
        ends = (self.low, self.high)
        if self.log:
            value, *ends_ = (math.log(max(v, SIX_SIGMA)) for v in (value, *ends))
            ends = (ends_[0], ends_[1])
        share = (value - ends[0]) / (ends[1] - ends[0])
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Mark:
    """One dot, with its interval if it has one."""

    x: float
    y: float
    low: float | None
    high: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """One curve in coordinates."""

    name: str
    style: str
    lines: list[str]  # points of polylines; one if there is no gap
    band: str  # points of a polygon; "" without an interval
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot in coordinates."""

    plot: Plot
    width: float
    height: float
    left: float
    bottom: float
    across: list[tuple[float, str]]  # place and label of ticks
    up: list[tuple[float, str]]
    curves: list[Drawn]


def chart(plot: Plot) -> Chart:
    """Lay out one plot."""
    rows = len(plot.names) * (ROW + BESIDE * len(plot.curves))
    height = TOP + BELOW + rows if plot.names else HEIGHT
    left, bottom = (NAMES if plot.names else LEFT), height - BELOW
    sides = ("low", "high")
    spread_x = [getattr(c, s) for c in plot.curves for s in sides] if plot.names else []
    spread_y = [] if plot.names else [getattr(c, s) for c in plot.curves for s in sides]
    x = _scale([c.x for c in plot.curves] + spread_x, plot.x_log, left, WIDTH - RIGHT)
    if plot.names:
        y = Scale(-0.5, len(plot.names) - 0.5, TOP, bottom, False)
        up = [(y.at(number), name) for number, name in enumerate(plot.names)]
    else:
        y = _scale([c.y for c in plot.curves] + spread_y, plot.y_log, bottom, TOP)
        up = [(y.at(v), label) for v, label in ticks(y.low, y.high, plot.y_log, plot.percent[1])]
    across = [(x.at(v), label) for v, label in ticks(x.low, x.high, plot.x_log, plot.percent[0])]
    middle = (len(plot.curves) - 1) / 2
    curves = [
        _drawn(curve, x, y, bool(plot.names), BESIDE * (n - middle))
        for n, curve in enumerate(plot.curves)
    ]
    return Chart(plot, WIDTH, height, left, bottom, across, up, curves)


def ticks(low: float, high: float, log: bool, percent: bool) -> list[tuple[float, str]]:
    """Return rounded values on an axis, with labels."""
    if log:
        first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
        values = [10.0**power for power in range(first, last + 1)]
        if len(values) < 4:
            values = [lead * ten for ten in values for lead in (1, 2, 5)]
        values = [v for v in values if low * 0.999 <= v <= high * 1.001]
    else:
        step = _round_step((high - low) / TICKS)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
    return [(v, _label(v, percent)) for v in values]


def _label(value: float, percent: bool) -> str:
    value = value * 100 if percent else value
    if value == 0:
        return "0"
    text = f"{value:.3g}" if abs(value) < 1e-4 else f"{float(f'{value:.10g}'):.4g}"
    return text + (" %" if percent else "")


def _round_step(step: float) -> float:
    ten = 10.0 ** math.floor(math.log10(step))
    return next(lead * ten for lead in (1, 2, 5, 10) if lead * ten >= step * 0.999)


def _scale(columns: Sequence[Doubles | None], log: bool, start: float, end: float) -> Scale:
    """Return an axis that fits all values; zeros are omitted on a logarithmic one."""
    parts = [np.asarray(c, np.float64).ravel() for c in columns if c is not None]
    every = np.concatenate(parts) if parts else np.zeros(0)
    every = every[np.isfinite(every) & ((every > SIX_SIGMA) | (not log))]
    low, high = (float(every.min()), float(every.max())) if every.size else (0.1, 1.0)
    if log:
        low, high = low / 1.15, high * 1.15
    elif low == high:
        low, high = low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1)
    else:
        low = 0.0 if 0 < low < 0.4 * high else low  # shares are read from zero
        room = 0.04 * (high - low)
        low, high = (low if low == 0 else low - room), (high if high == 1 else high + room)
    return Scale(low, high, start, end, log)


def _drawn(curve: Curve, x: Scale, y: Scale, rows: bool, aside: float) -> Drawn:
    keep = np.isfinite(curve.x) & np.isfinite(curve.y)
    keep &= ((curve.x > SIX_SIGMA) | (not x.log)) & ((curve.y > SIX_SIGMA) | (not y.log))
    if curve.style == "dots":
        return Drawn(curve.name, "dots", [], "", list(_marks(curve, keep, x, y, rows, aside)))
    lines = []
    for inside, part in groupby(range(curve.x.size), key=lambda k: bool(keep[k])):
        if inside:
            lines.append(_line([(x.at(curve.x[k]), y.at(curve.y[k])) for k in part], curve.style))
    band = ""
    if curve.low is not None and curve.high is not None:
        ends = [k for k in np.flatnonzero(keep) if np.isfinite(curve.low[k] + curve.high[k])]
        lower = [(x.at(curve.x[k]), y.at(curve.low[k])) for k in ends]
        upper = [(x.at(curve.x[k]), y.at(curve.high[k])) for k in reversed(ends)]
        band = _line(lower + upper, "line")
    return Drawn(curve.name, curve.style, lines, band, [])


def _marks(
    curve: Curve, keep: NDArray[np.bool_], x: Scale, y: Scale, rows: bool, aside: float
) -> Iterator[Mark]:
    along = x if rows else y  # curves of one row are placed side by side
    for k in np.flatnonzero(keep):
        ends: list[float | None] = [None, None]
        if curve.low is not None and curve.high is not None:
            known = np.isfinite(curve.low[k] + curve.high[k])
            ends = [along.at(float(e[k])) for e in (curve.low, curve.high)] if known else ends
        label = f"{curve.name}: {curve.x[k]:.4g}" + ("" if rows else f", {curve.y[k]:.4g}")
        yield Mark(
            x.at(float(curve.x[k])),
            y.at(float(curve.y[k])) + (aside if rows else 0.0),
            ends[0],
            ends[1],
            label,
        )


def _line(points: Sequence[tuple[float, float]], style: str) -> str:
    if style == "steps":
        corners = [(b[0], a[1]) for a, b in pairwise(points)]
        mixed = [p for pair in zip(points, [*corners, points[-1]], strict=False) for p in pair]
        points = mixed
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)

"""Layout of series over time for SVG: lines with gaps for missing measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mien.types import Doubles

WIDTH = 1000.0  # units of a timeline
MOST = 600  # points of one line: more cannot be distinguished on a screen


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: segments of points, each "x,y x,y ..."."""

    name: str
    pieces: tuple[str, ...]
    last: str  # its mean, as text


@dataclass(frozen=True, slots=True)
class Panel:
    """One small chart over the whole duration."""

    title: str
    unit: str
    height: float
    low: str  # label at the lower end
    high: str
    zero: float | None  # place of 0, if it is inside
    lines: tuple[Line, ...]
    band: tuple[str, ...] = ()  # polygons of an interval


def pieces(times: Doubles, values: Doubles, gap: float) -> list[tuple[Doubles, Doubles]]:
    """Split into segments without a gap; NaN samples are omitted.

    Args:
        times: (T,) seconds, rising.
        values: (T,).
        gap: seconds between two samples above which a segment ends.
    """
    seen = np.isfinite(values)
    times, values = times[seen], values[seen]
    apart = np.flatnonzero(np.diff(times) > gap) + 1
    parts = zip(np.split(times, apart), np.split(values, apart), strict=True)
    return [(t, v) for t, v in parts if len(t)]


def thinned(times: Doubles, values: Doubles, most: int = MOST) -> tuple[Doubles, Doubles]:
    """Reduce to `most` samples; keep the minimum and maximum of each interval."""
    if len(times) <= most:
        return times, values
    edges = np.linspace(0, len(times), most // 2 + 1).astype(int)
    kept: set[int] = {0, len(times) - 1}
    for start, end in pairwise(edges):
        part = values[start:end]
        kept |= {int(start + part.argmin()), int(start + part.argmax())}
    order = sorted(kept)
    return times[order], values[order]


def panel(
    title: str,
    unit: str,
    times: Doubles,
    curves: Sequence[tuple[str, Doubles]],
    *,
    seconds: float,
    span: tuple[float, float] | None = None,
    least: float = 0.0,
    interval: tuple[Doubles, Doubles] | None = None,
    height: float = 90.0,
    digits: int = 1,
) -> Panel | None:
    """Lay out one chart; None if nothing was measured.

    Args:
        title: of the chart.
        unit: of its values.
        times: (T,) seconds.
        curves: name and (T,) values.
        seconds: length of the axis.
        span: lowest and highest value; default: those of the curves.
        least: minimum range, so that noise does not fill the chart.
        interval: (T,) lower and upper ends of the first curve.
        height: units.
        digits: of the labels.
    """
    every = [v for _, v in curves] + list(interval or ())
    numbers = np.concatenate([v[np.isfinite(v)] for v in every] or [np.zeros(0)])
    if not numbers.size:
        return None
    low, high = span or _span(numbers, least)
    gap = _gap(times, curves[0][1])

    def place(t: Doubles, v: Doubles) -> list[str]:
        share = np.clip((v - low) / (high - low), 0, 1)
        xs, ys = WIDTH * t / seconds, height * (1 - share)
        return [f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True)]

    lines = [
        Line(
            name,
            tuple(" ".join(_wide(place(*thinned(t, v)))) for t, v in pieces(times, values, gap)),
            f"{np.nanmean(values):.{digits}f}" if np.isfinite(values).any() else "-",
        )
        for name, values in curves
    ]
    bands = []
    if interval is not None:
        for t, v in pieces(times, interval[0], gap):
            inside = np.isin(times, t)
            forth, back = place(t, v), place(t, interval[1][inside])[::-1]
            bands.append(" ".join(forth + back))
    zero = height * (1 - (0 - low) / (high - low)) if low < 0 < high else None
    ends = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return Panel(title, unit, height, *ends, zero, tuple(lines), tuple(bands))


def ridge(
    times: Doubles, values: Doubles, *, seconds: float, top: float, height: float
) -> list[str]:
    """Return polygons of the area under a curve, 0 to `top`; one per segment."""
    found = []
    for t, v in pieces(times, values, _gap(times, values)):
        t, v = thinned(t, v)
        xs = WIDTH * t / seconds
        ys = height * (1 - np.clip(v / top, 0, 1))
        points = [f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True)]
        found.append(" ".join([f"{xs[0]:.1f},{height}", *points, f"{xs[-1]:.1f},{height}"]))
    return found


def _wide(points: list[str]) -> list[str]:
    """Draw a single point as a short visible line."""
    if len(points) > 1:
        return points
    x, y = points[0].split(",")
    return [points[0], f"{float(x) + 1.5:.1f},{y}"]


def _gap(times: Doubles, values: Doubles) -> float:
    """Return the maximum seconds between samples: 2.5 times the usual step."""
    seen = times[np.isfinite(values)]
    step = float(np.median(np.diff(seen))) if len(seen) > 1 else 0.0
    return max(0.15, 2.5 * step)


def _span(numbers: Doubles, least: float) -> tuple[float, float]:
    low, high = (float(v) for v in np.quantile(numbers, [0.001, 0.999]))
    room = max(least - (high - low), 0.1 * (high - low), 1e-6) / 2
    return (low - room if low < 0 else max(0.0, low - room)), high + room

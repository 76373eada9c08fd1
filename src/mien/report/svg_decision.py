"""Layout of the small plots of a report: numbers in, coordinates out, no drawing."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mien.decision import Calibration, Point
from mien.decision.decide import REVIEW
from mien.types import Basis, Decision

WIDTH, MARGIN = 270.0, 8.0  # of a similarity scale, in SVG units
PLOT_WIDTH, PLOT_HEIGHT = 560.0, 220.0  # of the plot of error rates
PLOT_LEFT, PLOT_BELOW = 90.0, 40.0  # room for its labels


@dataclass(frozen=True, slots=True)
class Axis:
    """The range of similarities that all scales of one report share."""

    low: float
    high: float = 1.0

    @classmethod
    def around(cls, values: Iterable[float]) -> "Axis":
        """Return an axis for all values, from a rounded lower end to 1."""
        least = min(values, default=0.0)
        step = 0.05 if least > 0.5 else 0.25
        return cls(max(-1.0, math.floor((least - 0.3 * step) / step) * step))

    def at(self, value: float) -> float:
        """Return the x of a similarity, limited to the axis."""
        share = (value - self.low) / (self.high - self.low)
        return MARGIN + min(max(share, 0.0), 1.0) * (WIDTH - 2 * MARGIN)


@dataclass(frozen=True, slots=True)
class Scale:
    """The x coordinates of one similarity scale."""

    start: float
    end: float
    marker: float
    threshold: float
    low: float  # 95 % interval of the threshold
    high: float
    review: float | None  # lower end of the review zone; None: unknown
    second: float | None  # the runner-up, if there is one


def scale(decision: Decision, axis: Axis, calibration: Calibration | None) -> Scale | None:
    """Lay out one decision; None without a threshold, as with an empty gallery."""
    basis = decision.basis
    if basis is None or decision.similarity is None:
        return None
    lower = review_from(basis, calibration)
    others = decision.candidates[1:2]
    return Scale(
        axis.at(axis.low),
        axis.at(axis.high),
        axis.at(decision.similarity),
        axis.at(basis.threshold),
        axis.at(basis.low),
        axis.at(basis.high),
        None if lower is None else axis.at(lower),
        axis.at(others[0].similarity) if others else None,
    )


def review_from(basis: Basis, calibration: Calibration | None) -> float | None:
    """Return the similarity above which the outcome is review (mien.decision.decide)."""
    if calibration is None or calibration.name != basis.calibration:
        return None
    return calibration.at_fmr(min(REVIEW * basis.fmr, calibration.points[0].fmr)).threshold


def values(decision: Decision, calibration: Calibration | None) -> list[float]:
    """Return all similarities of one decision that the axis must contain."""
    basis = decision.basis
    found = [candidate.similarity for candidate in decision.candidates[1:2]]
    found += [] if decision.similarity is None else [decision.similarity]
    if basis:
        lower = review_from(basis, calibration)
        found += [basis.low] + ([] if lower is None else [lower])
    return found


@dataclass(frozen=True, slots=True)
class Plot:
    """The plot of the false match rate against the similarity."""

    left: float  # left edge of the plot
    line: str  # points of an SVG polyline
    band: str  # points of an SVG polygon, the 95 % interval
    across: list[tuple[float, str]]  # x and label of similarities
    up: list[tuple[float, str]]  # y and label of rates
    marks: list[tuple[float, float, str]]  # x, y and label of the thresholds in use


def plot(calibration: Calibration, bases: Sequence[Basis]) -> Plot:
    """Lay out the error rates of a calibration, and the thresholds that were used."""
    points = calibration.points
    first, last = points[0], points[-1]
    left = math.floor(min(point.low for point in points) * 20) / 20
    decades = [10.0**k for k in range(math.ceil(math.log10(last.fmr) - 1e-9), 1)]
    top, bottom = math.log10(first.fmr), math.log10(min(last.fmr, decades[0]))

    def x(value: float) -> float:
        return PLOT_LEFT + (value - left) / (1 - left) * (PLOT_WIDTH - PLOT_LEFT - 12)

    def y(rate: float) -> float:
        return 12 + (top - math.log10(rate)) / (top - bottom) * (PLOT_HEIGHT - PLOT_BELOW - 12)

    def path(side: str, chosen: Iterable[Point]) -> str:
        return " ".join(f"{x(getattr(p, side)):.1f},{y(p.fmr):.1f}" for p in chosen)

    steps = max(1, round((1 - left) / 0.05 / 6))
    count = round((1 - left) / 0.05)
    return Plot(
        PLOT_LEFT,
        path("threshold", points),
        f"{path('low', points)} {path('high', reversed(points))}",
        [(x(left + 0.05 * k), f"{left + 0.05 * k:.2f}") for k in range(0, count + 1, steps)],
        [(y(rate), f"1 in {round(1 / rate):,}") for rate in decades if rate <= first.fmr],
        [(x(b.threshold), y(b.fmr), f"{b.threshold:.3f}") for b in bases],
    )

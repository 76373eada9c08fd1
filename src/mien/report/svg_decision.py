"""Layout of the small plots of a report: numbers in, coordinates out, no drawing."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mien.decision import Calibration
from mien.decision.calibration import Rate
from mien.decision.decide import REVIEW
from mien.types import Basis, Decision

WIDTH, MARGIN = 270.0, 8.0  # of a scale of scores, in SVG units
LONGEST = 12  # highest end of an axis: rarer than this, the order of magnitude says nothing
PLOT_WIDTH, PLOT_HEIGHT = 560.0, 220.0  # of the plot of error rates
PLOT_LEFT, PLOT_BELOW = 90.0, 40.0  # room for its labels


@dataclass(frozen=True, slots=True)
class Axis:
    """The range of scores that all scales of one report share; it begins at 0."""

    high: float

    @classmethod
    def around(cls, values: Iterable[float]) -> "Axis":
        """Return an axis for all values, from 0 to a whole number; the highest scores end there."""
        return cls(float(min(math.ceil(max(values, default=4.0) + 0.5), LONGEST)))

    def at(self, value: float) -> float:
        """Return the x of a score, limited to the axis."""
        return MARGIN + min(max(value / self.high, 0.0), 1.0) * (WIDTH - 2 * MARGIN)


@dataclass(frozen=True, slots=True)
class Scale:
    """The x coordinates of one scale of scores."""

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
    if basis is None or decision.score is None:
        return None
    lower = review_from(basis, calibration)
    others = decision.candidates[1:2]
    return Scale(
        axis.at(0.0),
        axis.at(axis.high),
        axis.at(decision.score),
        axis.at(basis.threshold),
        axis.at(basis.low),
        axis.at(basis.high),
        None if lower is None else axis.at(lower),
        axis.at(others[0].score or 0.0) if others else None,
    )


def review_from(basis: Basis, calibration: Calibration | None) -> float | None:
    """Return the score above which the outcome is review (mien.decision.decide)."""
    if calibration is None or calibration.name != basis.calibration:
        return None
    return -math.log10(min(REVIEW * basis.fmr, calibration.points[0].fmr))


def values(decision: Decision) -> list[float]:
    """Return all scores of one decision that the axis must contain."""
    found = [candidate.score or 0.0 for candidate in decision.candidates[1:2]]
    found += [] if decision.score is None else [decision.score]
    return found + ([decision.basis.high] if decision.basis else [])


@dataclass(frozen=True, slots=True)
class Plot:
    """The plot of the false match rate that was measured on other people, against that asked for.

    Both axes are logarithmic.
    """

    left: float  # left edge of the plot
    line: str  # points of an SVG polyline
    band: str  # points of an SVG polygon, the 95 % interval
    promise: str  # the polyline on which both rates are equal
    across: list[tuple[float, str]]  # x and label of rates
    up: list[tuple[float, str]]  # y and label of rates


def plot(calibration: Calibration) -> Plot | None:
    """Lay out the check of a calibration; None if it has none of two rates."""
    rates = [
        rate for rate in (calibration.check.rates if calibration.check else ()) if rate.low > 0
    ]
    if len(rates) < 2:
        return None
    top = math.ceil(math.log10(max(rate.high for rate in rates)) - 1e-9)
    bottom = math.floor(math.log10(min(min(r.low, r.fmr) for r in rates)) + 1e-9)

    def x(rate: float) -> float:
        share = (top - math.log10(rate)) / (top - bottom)
        return PLOT_LEFT + share * (PLOT_WIDTH - PLOT_LEFT - 12)

    def y(rate: float) -> float:
        share = (top - math.log10(rate)) / (top - bottom)
        return 12 + share * (PLOT_HEIGHT - PLOT_BELOW - 12)

    def path(side: str, chosen: Iterable[Rate]) -> str:
        return " ".join(f"{x(rate.fmr):.1f},{y(getattr(rate, side)):.1f}" for rate in chosen)

    decades = [10.0**k for k in range(bottom, top + 1)]
    labels = [f"1 in {round(1 / rate):,}" for rate in decades]
    return Plot(
        PLOT_LEFT,
        path("measured", rates),
        f"{path('low', rates)} {path('high', reversed(rates))}",
        " ".join(f"{x(rate):.1f},{y(rate):.1f}" for rate in (decades[0], decades[-1])),
        [(x(rate), label) for rate, label in zip(decades, labels, strict=True)],
        [(y(rate), label) for rate, label in zip(decades, labels, strict=True)],
    )

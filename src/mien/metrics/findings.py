"""Findings of a measurement: numbers with intervals, tables, curves, and their basis.

Every evaluation returns one of these; mien.report makes a page of it, `plain` a JSON object.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from mien.errors import MienError
from mien.metrics.estimates import Estimate
from mien.types import Doubles

Kind = Literal["text", "count", "rate", "number"]  # how a cell is shown
Cell = str | int | float | Estimate | None
POINTS = 400  # of a reported curve; steps between them are not visible


@dataclass(frozen=True, slots=True)
class Fact:
    """One number at the top of a report."""

    name: str
    value: Estimate
    kind: Kind
    meaning: str  # in a few words


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of numbers; a cell that is None was not measured."""

    title: str
    columns: tuple[tuple[str, Kind], ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points to be drawn; NaN breaks a line."""

    name: str
    x: Doubles  # (K,)
    y: Doubles  # (K,)
    low: Doubles | None = None  # (K,) 95 % interval of y (of x where a plot has names)
    high: Doubles | None = None
    style: Literal["line", "dots", "dashed", "steps"] = "line"


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """Curves on one pair of axes."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    x_log: bool = False
    y_log: bool = False
    names: tuple[str, ...] = ()  # of rows: y is then their number from 0, from the top
    caption: str = ""
    percent: tuple[bool, bool] = (False, False)  # whether x and y are shares


@dataclass(frozen=True, slots=True)
class Risk:
    """The conclusion of an audit."""

    level: Literal["none found", "low", "medium", "high"]
    reason: str  # the number that it rests on, in a sentence


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """One report."""

    title: str
    lead: str  # what was measured, in a sentence or two
    headline: tuple[Fact, ...]
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...] = ()
    warnings: tuple[str, ...] = ()  # limits that the reader must know
    notes: tuple[str, ...] = ()  # how to read it
    basis: tuple[tuple[str, str], ...] = ()  # data, people, model with digest, command line
    risk: Risk | None = None  # of an audit


def graded(value: Estimate, limits: tuple[float, float, float], what: str) -> Risk:
    """Grade a figure by the lower end of its interval: what is shown, not what is feared.

    Args:
        value: higher is worse.
        limits: rising; the lower end must exceed them for low, medium and high.
        what: the figure is, in words that begin a sentence: "The worst group's error".

    Raises:
        MienError: the limits do not rise.
    """
    if not limits[0] < limits[1] < limits[2]:
        raise MienError(f"Limits of a risk must rise, got {limits}.")
    if not (value.known and math.isfinite(value.low)):
        return Risk("none found", f"{what} has no interval: {value.reason or 'too few data'}.")
    count = sum(value.low > limit for limit in limits)
    levels: tuple[Literal["none found", "low", "medium", "high"], ...]
    levels = ("none found", "low", "medium", "high")
    return Risk(
        levels[count],
        f"{what} is {value.value:.3g}, at least {value.low:.3g} (95 %); limits for low, medium and "
        f"high: {', '.join(f'{limit:g}' for limit in limits)}.",
    )


def mitigation_table(
    figure: str, rows: Sequence[tuple[str, Estimate, str]], kind: Kind = "rate"
) -> Table:
    """Return the table of an audit that lists what lowers a figure, the first row without.

    Args:
        figure: name of the figure.
        rows: mitigation, the figure with it, and its cost in words.
        kind: of the figure.
    """
    return Table(
        "Mitigations",
        (("Mitigation", "text"), (figure, kind), ("Cost", "text")),
        tuple(rows),
        "Each row is measured in the same way; the first one is the model as it is.",
    )


def plain(findings: Findings) -> dict[str, Any]:
    """The findings as an object for JSON: NaN becomes None, arrays become lists."""
    return {
        "title": findings.title,
        "lead": findings.lead,
        "headline": {fact.name: _cell(fact.value) for fact in findings.headline},
        "tables": [
            {
                "title": table.title,
                "rows": [
                    {name: _cell(cell) for (name, _), cell in zip(table.columns, row, strict=True)}
                    for row in table.rows
                ],
            }
            for table in findings.tables
        ],
        "plots": [
            {
                "title": p.title,
                "x": p.x_label,
                "y": p.y_label,
                "curves": [_curve(c) for c in p.curves],
            }
            for p in findings.plots
        ],
        "warnings": list(findings.warnings),
        "notes": list(findings.notes),
        "basis": dict(findings.basis),
    } | ({"risk": asdict(findings.risk)} if findings.risk else {})


def thinned(x: Doubles, y: Doubles, points: int = POINTS) -> tuple[Doubles, Doubles]:
    """Reduce a long curve to at most `points` points, including the first and the last."""
    if x.size <= points:
        return x, y
    keep = np.unique(np.linspace(0, x.size - 1, points).round().astype(int))
    return x[keep], y[keep]


def _curve(curve: Curve) -> dict[str, Any]:
    columns = {"x": curve.x, "y": curve.y, "low": curve.low, "high": curve.high}
    return {"name": curve.name} | {
        name: [_number(v) for v in values.tolist()]
        for name, values in columns.items()
        if values is not None
    }


def _cell(cell: Cell) -> Any:
    if isinstance(cell, Estimate):
        cell_values: dict[str, Any] = {"value": _number(cell.value)}
        cell_values |= {"low": _number(cell.low), "high": _number(cell.high)}
        cell_values |= {"trials": cell.trials, "people": cell.people}
        return cell_values | ({"reason": cell.reason} if cell.reason else {})
    return _number(cell) if isinstance(cell, float) else cell


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None

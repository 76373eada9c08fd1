"""Findings of a measurement: numbers with intervals, tables, curves, and their basis.

Every evaluation returns one of these; mien.report makes a page of it, `plain` a JSON object.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

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

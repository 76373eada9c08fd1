"""Findings as one self-contained HTML page, and as JSON."""

import json
import math
import os
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien.media import write_bytes
from mien.metrics.estimates import Estimate
from mien.metrics.findings import Cell, Findings, Kind, plain
from mien.report.svg_chart import chart
from mien.report.templates import render

TEMPLATE = "findings.html.jinja"


def write_findings(path: str | os.PathLike[str], findings: Findings) -> None:
    """Write findings as HTML and as JSON (NAME.html, NAME.json).

    Raises:
        MienError: the name does not end in .html, or a file cannot be written.
    """
    page = Path(path)
    if page.suffix.lower() != ".html":
        raise MienError(f"Report path '{page}' is not supported: the file name must end in .html.")
    text = json.dumps(plain(findings), ensure_ascii=False, allow_nan=False, indent=1)
    write_bytes(page, page_of(findings).encode("utf-8", "replace"))
    write_bytes(page.with_suffix(".json"), text.encode("utf-8", "replace"))


def page_of(findings: Findings) -> str:
    """Return the page as text."""
    facts: dict[str, Any] = {
        "findings": findings,
        "charts": [chart(plot) for plot in findings.plots],
    }
    return render(TEMPLATE, facts, shown=shown, interval=interval)


def shown(cell: Cell, kind: Kind) -> str:
    """Format a cell; a dash if nothing was measured."""
    if isinstance(cell, Estimate):
        cell = cell.value
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if isinstance(cell, str) or kind == "text":
        return str(cell)
    if kind == "count":
        return f"{cell:,.0f}"
    return rate(float(cell)) if kind == "rate" else number(float(cell))


def interval(cell: Cell, kind: Kind) -> str:
    """Return the interval of an estimate, or the reason for its absence; "" for others."""
    if not isinstance(cell, Estimate):
        return ""
    if math.isnan(cell.low):
        return cell.reason
    write = rate if kind == "rate" else number
    return f"{write(cell.low).removesuffix(' %')} to {write(cell.high)}"


def rate(value: float) -> str:
    """Format a share in percent, with digits that suit its size."""
    percent = 100 * value
    if percent == 0:
        return "0 %"
    digits = 1 if abs(percent) >= 9.95 else 2 if abs(percent) >= 0.095 else 4
    return f"{percent:.{digits}f} %" if abs(percent) >= 1e-3 else f"{percent:.1e} %"


def number(value: float) -> str:
    """Format a number with four digits."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"

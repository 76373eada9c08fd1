"""HTML report about images: one self-contained file that needs no network."""

import os
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from mien.decision import Calibration
from mien.media import write_bytes
from mien.photo import Pipeline
from mien.report import labels, templates
from mien.report.entries import Entry
from mien.report.summary import summarise
from mien.report.svg_decision import Axis, plot, scale, values

TEMPLATE = "page.html.jinja"
ROOMY = 60  # with more images than this, each entry is folded
LINKS = 12  # images linked per person; further images are counted


def write_answers(
    path: str | os.PathLike[str],
    entries: Iterable[Entry],
    pipeline: Pipeline,
    *,
    title: str = "Identification report",
    lead: str = "",
) -> None:
    """Write a report about images: results, probabilities and reasons.

    The file is complete and self-contained, or absent.

    Args:
        path: the HTML file.
        entries: one per image, in the order of the report; those of a group in sequence.
        pipeline: that gave the answers; its calibration is the origin of thresholds.
        title: heading of the report.
        lead: one or two sentences below it.

    Raises:
        MienError: the file cannot be written.
    """
    pictures = list(entries)
    asked = any(one.face.decision for each in pictures for one in each.faces)
    html = render(pictures, pipeline.calibrated() if asked else None, title=title, lead=lead)
    write_bytes(path, html.encode("utf-8", "replace"))


def render(
    entries: list[Entry], calibration: Calibration | None, *, title: str, lead: str = ""
) -> str:
    """Return the page as text."""
    return templates.render(
        TEMPLATE,
        _facts(entries, calibration) | {"title": title, "lead": lead},
        component=labels.component,
        one_in=labels.one_in,
        percent=labels.percent,
        step=labels.step,
        time=labels.time,
    )


def _facts(entries: list[Entry], calibration: Calibration | None) -> dict[str, Any]:
    """Compute the values of the template."""
    summary = summarise(entries)
    decisions = [s.face.decision for one in entries for s in one.faces if s.face.decision]
    axis = Axis.around(v for decision in decisions for v in values(decision, calibration))
    numbered = list(enumerate(entries, 1))
    return {
        "summary": summary,
        "groups": [(key, list(rows)) for key, rows in groupby(numbered, lambda r: r[1].group)],
        "names": [one.name for one in entries],
        "axis": axis,
        "scale": lambda decision: scale(decision, axis, calibration),
        "calibration": calibration,
        "plot": plot(calibration, summary.bases) if calibration and summary.bases else None,
        "folded": len(entries) > ROOMY,
        "links": LINKS,
        "outcomes": labels.OUTCOMES,
        "meanings": labels.MEANINGS,
        "counted": labels.counted,
    }

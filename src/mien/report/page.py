"""The page: one HTML file that needs nothing beside it, and no network."""

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
ROOMY = 60  # with more pictures than this, each is folded up until somebody opens it
LINKS = 12  # pictures that are linked beside a person; the others are counted


def write_answers(
    path: str | os.PathLike[str],
    entries: Iterable[Entry],
    pipeline: Pipeline,
    *,
    title: str = "Who is in these pictures?",
    lead: str = "",
) -> None:
    """Write a report about pictures: what was found in each, how sure, and why.

    The file is whole or not there; everything it shows is inside it.

    Args:
        path: the HTML file.
        entries: one a picture, in the order of the page; those of a group next to each other.
        pipeline: that gave the answers; tells where the thresholds come from.
        title: heading of the page.
        lead: a sentence or two below it.

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
    """The page as text."""
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
    """All that the template shows, computed."""
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

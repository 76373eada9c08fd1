"""HTML report about images, which needs no network: one file, or one with a folder of images."""

import os
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mien.decision import Calibration
from mien.errors import MienError
from mien.media import write_bytes
from mien.photo import Pipeline
from mien.report import labels, templates
from mien.report.entries import Entry
from mien.report.summary import summarise
from mien.report.svg_decision import Axis, plot, scale, values

TEMPLATE = "page.html.jinja"
ROOMY = 60  # with more images than this, each entry is folded, and a page shows as many
LINKS = 12  # images linked per person; further images are counted
PEOPLE = 12  # people with a row in the summary; further people are folded
ALONE = 24 << 20  # bytes of images in the file itself, as many as can be mailed; else a folder
PREFIX = "mien-"  # of the images in that folder, which the next report of this name replaces


def write_answers(
    path: str | os.PathLike[str],
    entries: Iterable[Entry],
    pipeline: Pipeline,
    *,
    title: str = "Identification report",
    lead: str = "",
) -> None:
    """Write a report about images: results, probabilities and reasons.

    The file is complete, or absent. Above 24 MB the images are not in it, but in the folder
    `NAME_files` beside it.

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
    calibration = pipeline.calibrated() if asked else None
    path, folder = Path(path), ""
    if sum(one.weight for one in pictures) > ALONE:
        folder = f"{path.stem}_files"
        pictures = _outside(pictures, path.parent / folder, quote(folder))
    html = render(pictures, calibration, title=title, lead=lead, folder=folder)
    write_bytes(path, html.encode("utf-8", "replace"))


def _outside(entries: list[Entry], folder: Path, link: str) -> list[Entry]:
    """Write the images of all entries into a folder; return the entries with links to them."""
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob(f"{PREFIX}*.jpg"):
            old.unlink()
    except OSError as error:
        raise MienError(f"Folder {folder} cannot be used: {error.strerror}.") from error

    def saved(uri: str | None, name: str) -> str | None:
        if uri is None:
            return None
        write_bytes(folder / f"{PREFIX}{name}.jpg", b64decode(uri.partition(",")[2]))
        return f"{link}/{PREFIX}{name}.jpg"

    return [
        replace(
            one,
            picture=saved(one.picture, f"{number:06d}"),
            faces=tuple(
                replace(face, chip=saved(face.chip, f"{number:06d}-{place}"))
                for place, face in enumerate(one.faces, 1)
            ),
        )
        for number, one in enumerate(entries, 1)
    ]


def render(
    entries: list[Entry],
    calibration: Calibration | None,
    *,
    title: str,
    lead: str = "",
    folder: str = "",
) -> str:
    """Return the page as text; `folder` is that of its images, if they are not in it."""
    return templates.render(
        TEMPLATE,
        _facts(entries, calibration) | {"title": title, "lead": lead, "folder": folder},
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
    axis = Axis.around(v for decision in decisions for v in values(decision))
    numbered = list(enumerate(entries, 1))
    return {
        "summary": summary,
        "groups": [(key, list(rows)) for key, rows in groupby(numbered, lambda r: r[1].group)],
        "names": [one.name for one in entries],
        "axis": axis,
        "scale": lambda decision: scale(decision, axis, calibration),
        "calibration": calibration,
        "plot": plot(calibration) if calibration and summary.bases else None,
        "folded": len(entries) > ROOMY,
        "ordered": sorted(numbered, key=lambda row: row[1].rank),
        "kinds": Counter(kind for one in entries for kind in one.outcomes),
        "page_size": ROOMY,
        "shown_people": PEOPLE,
        "links": LINKS,
        "outcomes": labels.OUTCOMES,
        "meanings": labels.MEANINGS,
        "counted": labels.counted,
    }

"""HTML report about a film: people, times on screen, one image per person, links to moments."""

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from mien.decision import Calibration
from mien.media import encode_image, open_film, thumbnail, write_bytes
from mien.media.film import REASONS
from mien.photo import Pipeline
from mien.report import labels
from mien.report.entries import QUALITY
from mien.report.svg_decision import Axis, scale, values
from mien.report.templates import render
from mien.types import Appearance, FilmAnswer, Floats, Identity, Pixels

TEMPLATE = "film.html.jinja"
SHOWN = 40  # people with their own row; further people are folded
POSTER = 960  # px: the longer side of the poster image
PORTRAIT, ROOM = 168, 1.7  # px; side of the square as a multiple of the face
PORTRAITS = 200  # people with an image from the film, longest on screen first
WIDTH = 1000.0  # units of a timeline
THINNEST = 1.5  # units: so that half a second in two hours remains visible
COLOURS = 8  # of the style sheet, for named people


@dataclass(frozen=True, slots=True, eq=False)
class Bar:
    """One segment of one timeline."""

    x: float
    width: float
    start: float  # s
    end: float  # s
    person: str
    colour: str  # class of the style sheet


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One person of the report."""

    person: Identity
    portrait: str | None  # data: URI
    outcome: str  # a key of labels.OUTCOMES
    bars: tuple[Bar, ...]


def portraits(source: str | os.PathLike[str], answer: FilmAnswer) -> dict[str, Pixels]:
    """Fetch an image of each person from the film, at the best key face.

    The frame of the first person is included under "", as the poster of the film.

    Args:
        source: the film.
        answer: of `identify_film`.

    Returns:
        Person -> (S, S, 3); limited to the first two hundred people.
    """
    wanted = sorted(
        answer.people[:PORTRAITS],
        key=lambda person: person.best.time or 0.0,
    )
    found: dict[str, Pixels] = {}
    with open_film(source) as film:
        for person in wanted:
            time = (person.best.time or 0.0) - 1e-4
            frame = next(film.frames(start=max(time, 0.0)), None)
            if frame is not None:
                found[person.person] = cut_out(frame.image, person.best.box)
                if person is answer.people[0]:
                    found[""] = thumbnail(frame.image, POSTER)
    return found


def write_film(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    answer: FilmAnswer,
    pipeline: Pipeline,
    pictures: dict[str, Pixels],
) -> None:
    """Write the report; the page plays the film from its own file.

    Args:
        path: the HTML file.
        source: the film.
        answer: of `identify_film`.
        pipeline: that gave the answer; its calibration is the origin of thresholds.
        pictures: of `portraits`.

    Raises:
        MienError: the file cannot be written.
    """
    asked = any(person.decision for person in answer.people)
    calibration = pipeline.calibrated() if asked else None
    beside = os.path.relpath(Path(source).resolve(), Path(path).resolve().parent)
    shown = facts(answer, pictures, calibration)
    shown |= {"name": Path(source).name, "film": quote(beside.replace(os.sep, "/"))}
    html = render(
        TEMPLATE, shown, clock=clock, percent=labels.percent, step=labels.step, time=labels.time
    )
    write_bytes(path, html.encode("utf-8", "replace"))


def facts(
    answer: FilmAnswer, pictures: dict[str, Pixels], calibration: Calibration | None
) -> dict[str, Any]:
    """Compute the values of the template."""
    seconds = max(answer.seconds, 1e-3)
    colours = _colours(answer)
    rows = [
        Row(
            person,
            uri(pictures.get(person.person)),
            person.decision.outcome if person.decision else "found",
            _bars([a for a in answer.appearances if a.person == person.person], seconds, colours),
        )
        for person in answer.people
    ]
    decisions = [person.decision for person in answer.people if person.decision]
    axis = Axis.around(v for decision in decisions for v in values(decision))
    named = [row for row in rows if row.outcome == "match"]
    return {
        "answer": answer,
        "reason": REASONS.get(answer.reason or "", ""),
        "poster": uri(pictures.get("")),
        "rows": rows[:SHOWN],
        "others": rows[SHOWN:],
        "named": len(named),
        "prominent": _bars(list(answer.prominent), seconds, colours),
        "cuts": [WIDTH * cut / seconds for cut in answer.cuts],
        "ticks": [(WIDTH * tick / seconds, tick) for tick in ticks(seconds)],
        "axis": axis,
        "scale": lambda decision: scale(decision, axis, calibration),
        "outcomes": labels.OUTCOMES,
        "counted": labels.counted,
    }


def clock(seconds: float) -> str:
    """Format a time as in video players: 1:02:03.4."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def ticks(seconds: float) -> list[float]:
    """Return rounded times for the axis of a timeline, at most ten."""
    for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200):
        if seconds / step <= 10:
            break
    return [float(tick) for tick in range(0, int(seconds) + 1, step)]


def cut_out(image: Pixels, box: Floats) -> Pixels:
    """Cut a square around a face, (S, S, 3), inside the image as far as possible.

    Faces are not turned upright: many faces in films are profiles, with unreliable points.
    """
    height, width = image.shape[:2]
    side = int(min(ROOM * float((box[2:] - box[:2]).max()), height, width))
    left, top = (int(v) for v in (box[:2] + box[2:]) / 2 - side / 2)
    left, top = min(max(left, 0), width - side), min(max(top, 0), height - side)
    return thumbnail(np.ascontiguousarray(image[top : top + side, left : left + side]), PORTRAIT)


def _colours(answer: FilmAnswer) -> dict[str, str]:
    """Return a CSS class per person: colours for named people, greys for others."""
    found: dict[str, str] = {}
    for person in answer.people:
        known = person.decision is not None and person.decision.outcome == "match"
        kind = "c" if known else "g"
        count = sum(value.startswith(kind) for value in found.values())
        found[person.person] = f"{kind}{count % (COLOURS if known else 2)}"
    return found


def _bars(spans: list[Appearance], seconds: float, colours: dict[str, str]) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            WIDTH * one.start / seconds,
            max(WIDTH * (one.end - one.start) / seconds, THINNEST),
            one.start,
            one.end,
            one.person,
            colours[one.person],
        )
        for one in spans
    )


def uri(image: Pixels | None) -> str | None:
    """Return an image as a data: URI; None for None."""
    if image is None:
        return None
    return "data:image/jpeg;base64," + b64encode(encode_image(image, "jpeg", QUALITY)).decode()

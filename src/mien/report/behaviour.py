"""HTML report about behaviour: charts over time, events with images, missing measures."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

import numpy as np

from mien.behaviour import AU_NAMES
from mien.film.annotate_table import TableAnnotator
from mien.media import encode_image, is_film, open_film, read_image, thumbnail, write_bytes
from mien.report import labels
from mien.report.film import POSTER, clock, cut_out, ticks, uri
from mien.report.person_charts import KNOWN, ROW, Span, Unit, episodes_of, panels, spans, units
from mien.report.svg_series import WIDTH, Panel
from mien.report.templates import check_name, render
from mien.tables import REASONS, Table
from mien.types import Pixels

TEMPLATE = "behaviour.html.jinja"
PEOPLE = 12  # with charts, per input; further people are counted
MOMENTS = 10  # images of events, per person
PICTURES = 60  # images in the report, of all inputs
LANES = (
    "blink", "eyes-closed", "mouth-open", "talking", "gaze-shift", "nod", "shake", "micro-movement",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """One event with an image."""

    kind: str
    side: str
    time: float
    picture: str | None
    caption: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person of one input."""

    who: str
    key: str
    portrait: str | None
    facts: dict[str, Any]
    gaps: list[Span]
    panels: list[Panel]
    units: list[Unit]
    lanes: list[tuple[str, list[Span]]]
    moments: list[Moment]
    baseline: str


@dataclass(frozen=True, slots=True)
class Part:
    """One film of the report."""

    name: str
    link: str
    seconds: float
    people: list[Person]
    more: int  # people without charts
    recording: dict[str, Any]
    ticks: list[tuple[float, float]]
    poster: str | None


def write_behaviour(path: str | os.PathLike[str], table: Table) -> None:
    """Write the report; the page plays the films from their own files.

    Args:
        path: the HTML file.
        table: of `mien.analyze`.

    Raises:
        MienError: the file cannot be written.
    """
    check_name(path)
    html = render(TEMPLATE, facts(table, Path(path)), clock=clock)
    write_bytes(path, html.encode("utf-8", "replace"))


def facts(table: Table, path: Path) -> dict[str, Any]:
    """Compute the values of the template."""
    recordings = {row["input"]: row for row in table.recordings.to_dict("records")}
    films = [n for n, row in recordings.items() if row.get("kind") == "film" and is_film(n)]
    shown = [_part(table, name, recordings[name], path) for name in films
             if recordings[name].get("reason") != "unreadable"]  # fmt: skip
    pictures = [n for n, row in recordings.items() if row.get("kind") == "picture"]
    rows = table.data
    counts = rows["reason"].value_counts()
    return {
        "parts": shown,
        "pictures": [_picture(table, name) for name in pictures[:PICTURES]],
        "left_out": max(0, len(pictures) - PICTURES),
        "unread": [row for row in recordings.values() if row.get("reason") == "unreadable"],
        "rows": len(rows),
        "reasons": [(name, int(n), REASONS.get(name, "")) for name, n in counts.items()],
        "people": len(table.people),
        "events": len(table.events),
        "facts": table.facts,
        "summary": _summary(table),
        "counted": labels.counted,
        "row_height": ROW,
        "missing": lambda value: value is None or value != value,
    }


def _part(table: Table, name: str, recording: dict[str, Any], path: Path) -> Part:
    inside = table.data["input"] == name
    data = table.data[inside].assign(who=table.who[inside])
    seconds = max(_number(recording.get("duration")), float(data["time"].max()) + 1e-3)
    people = table.people[table.people["input"] == name]
    people = people.sort_values("measured", ascending=False)
    chosen = people.to_dict("records")[:PEOPLE]
    moments = {row["who"]: _selected(table, name, row["who"]) for row in chosen}
    stills = _stills(name, data, moments)
    beside = os.path.relpath(Path(name).resolve(), path.resolve().parent)
    nobody = spans(data[data["track"].isna()], seconds, "")
    return Part(
        Path(name).name,
        quote(beside.replace(os.sep, "/")),
        seconds,
        [
            _person(table, name, row, data, moments[row["who"]], stills, seconds, nobody)
            for row in chosen
        ],
        len(people) - len(chosen),
        {
            key: None if value != value else value
            for key, value in {"frames": 0, "dropped": 0, "cuts": 0, **recording}.items()
        },
        [(WIDTH * tick / seconds, tick) for tick in ticks(seconds)],
        uri(stills.get(("", 0.0))),
    )


def _person(
    table: Table,
    name: str,
    row: dict[str, Any],
    data: Any,
    moments: list[dict[str, Any]],
    stills: dict[tuple[str, float], Pixels],
    seconds: float,
    nobody: list[Span],
) -> Person:
    who = row["who"]
    mine = data[data["who"] == who].sort_values("time").drop_duplicates("time")
    events = table.events[(table.events["input"] == name) & (table.events["who"] == who)]
    times = mine["time"].to_numpy(float)
    used = next((b for b in table.facts.get("baselines", ())
                 if (b["input"], b["who"]) == (name, who)), {"why": "none"})  # fmt: skip
    lanes = [(kind, episodes_of(events, kind, seconds)) for kind in LANES]
    best = stills.get((who, -1.0))
    return Person(
        who,
        f"p{crc32(f'{name}/{who}'.encode('utf-8', 'replace'))}",
        uri(best),
        row,
        spans(mine, seconds, "ok") + nobody,
        panels(table, mine, times, seconds),
        units(mine, times, events, seconds),
        [(kind, spans) for kind, spans in lanes if spans],
        [_moment(event, stills.get((who, event["apex"]))) for event in moments],
        used["why"],
    )


def _selected(table: Table, name: str, who: str) -> list[dict[str, Any]]:
    """Select the events with an image: the strongest of each kind first; in order of time."""
    mine = table.events[(table.events["input"] == name) & (table.events["who"] == who)]
    rows = mine.assign(rank=mine.groupby("kind")["peak"].rank(ascending=False, method="first"))
    rows = rows.sort_values(["rank", "peak"], ascending=[True, False])
    chosen = rows.to_dict("records")[:MOMENTS]
    return sorted(chosen, key=lambda event: event["apex"])


def _stills(
    name: str, data: Any, moments: dict[str, list[dict[str, Any]]]
) -> dict[tuple[str, float], Pixels]:
    """Cut out faces: (person, time) -> image; time -1 is the portrait."""
    wanted: list[tuple[float, str, float]] = []
    for who, events in moments.items():
        mine = data[(data["who"] == who) & data["box_left"].notna()]
        if not len(mine):
            continue
        frontal = mine[mine["reason"] == "ok"] if (mine["reason"] == "ok").any() else mine
        calm = frontal.loc[(frontal["yaw"].abs() - 0.1 * frontal["eye_distance"]).idxmin()]
        wanted.append((float(calm["time"]), who, -1.0))
        wanted += [(float(event["apex"]), who, event["apex"]) for event in events]
    found: dict[tuple[str, float], Pixels] = {}
    with open_film(name) as film:
        start = min((time for time, _, _ in wanted), default=0.0)
        first = next(film.frames(start=max(start - 1e-3, 0.0)), None)
        if first is not None:
            found["", 0.0] = thumbnail(first.image, POSTER)
        for time, who, key in sorted(wanted):
            frame = next(film.frames(start=max(time - 1e-3, 0.0)), None)
            mine = data[(data["who"] == who) & data["box_left"].notna()]
            if frame is None or not len(mine):
                continue
            row = mine.iloc[int((mine["time"] - frame.time).abs().argmin())]
            box = row[["box_left", "box_top", "box_right", "box_bottom"]].to_numpy(np.float32)
            found[who, key] = cut_out(frame.image, box)
    return found


def _moment(event: dict[str, Any], picture: Pixels | None) -> Moment:
    side = event["side"] if isinstance(event["side"], str) else ""
    caption = f"{clock(event['apex'])}, {event['offset'] - event['onset']:.2f} s"
    return Moment(event["kind"], side, event["apex"], uri(picture), caption)


def _picture(table: Table, name: str) -> dict[str, Any]:
    """Return one image with its measures drawn on it, and its rows."""
    inside = table.data["input"] == name
    rows = table.data[inside].assign(who=table.who[inside])
    found: dict[str, Any] = {"name": Path(name).name, "picture": None, "faces": []}
    if (rows["reason"] != "unreadable").all():
        painted = thumbnail(TableAnnotator(table, name)(read_image(name), None), 900)
        data = encode_image(painted, "jpeg", 85)
        found["picture"] = uri(painted)
        found["size"] = (painted.shape[1], painted.shape[0], len(data))
    for row in rows.to_dict("records"):
        facts = {key: row[key] for key in ("who", "reason")}
        found["faces"].append(
            {**facts, "why": REASONS.get(row["reason"], ""), **_shown(table, row)}
        )
    return found


def _shown(table: Table, row: dict[str, Any]) -> dict[str, str]:
    """Return the measures of one face as lines; empty if it was not measured."""
    if row["yaw"] != row["yaw"]:
        return {"pose": "", "units": "", "heads": ""}
    pose = ", ".join(f"{name} {row[name]:.0f}°" for name in ("yaw", "pitch", "roll"))
    peaks = {name: row[f"{name}_r"] for name in AU_NAMES if row.get(f"{name}_r", 0) >= 1}
    units = sorted(peaks, key=lambda name: -peaks[name])[:5]
    peak_texts = [f"{name} ({labels.UNITS[name]}) {peaks[name]:.1f}" for name in units]
    heads = [
        f"{name.removeprefix('expression_')} {row[name]:.2f}"
        for name, column in table.columns.items()
        if column.group not in KNOWN
        and not name.endswith(("_lo", "_hi"))
        and row[name] == row[name]
    ]
    return {"pose": pose, "units": ", ".join(peak_texts), "heads": ", ".join(heads)}


def _summary(table: Table) -> list[dict[str, Any]]:
    """Return means per person of a film, without places and measures of lids and lips."""
    columns = table.columns
    hidden = {"quality", "measures"}
    rows = table.summary()
    if not len(rows):
        return []
    films = set(table.recordings[table.recordings["kind"] == "film"]["input"])
    people = []
    for (where, who), part in rows[rows["input"].isin(films)].groupby(["input", "who"], sort=False):
        lines = []
        for row in part.to_dict("records"):
            column = columns[row["column"]]
            if column.group in hidden or row["n"] == 0 or row["column"].endswith(("_lo", "_hi")):
                continue
            gone = [
                f"{key.removeprefix('missing_')} {value:.0%}"
                for key, value in row.items()
                if key.startswith("missing_") and value > 0
            ]
            unit = column.unit.split(";")[0]
            lines.append({**row, "unit": unit, "why": ", ".join(gone), "group": column.group})
        people.append({"input": Path(where).name, "who": who, "lines": lines})
    return people[:PEOPLE]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value == value else 0.0

"""Charts of one person: series over time, action units, events, missing measures."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.behaviour import AU_NAMES
from mien.report import labels
from mien.report.film import clock
from mien.report.svg_series import WIDTH, Panel, panel, ridge
from mien.tables import REASONS, Table
from mien.types import Doubles

# Units that are not drawn: decisions (the probabilities behind them are), and times of windows.
NOT_DRAWN = ("0 or 1", "s")
MANY = 3  # columns whose names fit into a title
KNOWN = ("keys", "boxes", "points", "landmarks", "quality", "poses", "gazes", "measures", "aus")
ROW, TOP = 26.0, 5.0  # height of the row of an action unit; intensity that fills it


@dataclass(frozen=True, slots=True)
class Span:
    """One segment of a timeline."""

    x: float
    width: float
    start: float
    end: float
    kind: str  # reason, or kind of the event
    label: str


@dataclass(frozen=True, slots=True)
class Unit:
    """The row of one action unit."""

    name: str
    meaning: str
    areas: list[str]
    peak: str
    mean: str
    spans: list[Span]  # its events


def panels(table: Table, mine: Any, times: Doubles, seconds: float) -> list[Panel]:
    """Lay out the panels: head pose, gaze, eyes, mouth, and each head model."""

    def take(*names: str) -> list[tuple[str, Doubles]]:
        short = {n: n.replace("eye_aperture_", "").replace("mouth_", "") for n in names}
        return [(short[n], mine[n].to_numpy(float)) for n in names if n in mine]

    def both(angle: str) -> tuple[str, Doubles]:
        sides = [mine[f"gaze_{angle}_{side}"].to_numpy(float) for side in ("left", "right")]
        return angle, np.mean(sides, axis=0)

    found = [
        panel("head", "degree", times, take("yaw", "pitch", "roll"), seconds=seconds, least=30),
        panel("gaze", "degree, mean of both eyes", times, [both("yaw"), both("pitch")],
              seconds=seconds, least=30),
        panel("open eyes", "of the eye distance", times,
              take("eye_aperture_left", "eye_aperture_right"), seconds=seconds, least=0.1,
              digits=2),
        panel("mouth", "of the eye distance", times, take("mouth_aperture", "mouth_width"),
              seconds=seconds, least=0.3, digits=2),
    ]  # fmt: skip
    for task in dict.fromkeys(column.group for column in table.columns.values()):
        found += _of_head(table, task, mine, times, seconds)
    return [one for one in found if one is not None]


def _of_head(
    table: Table, task: str, mine: Any, times: Doubles, seconds: float
) -> list[Panel | None]:
    """Lay out one head model: labels with one unit share a chart."""
    columns = [c for c in table.columns.values() if c.group == task and c.kind != "text"]
    if task in KNOWN:
        return []
    of_unit: dict[str, list[str]] = {}
    for column in columns:
        if not column.name.endswith(("_lo", "_hi")):
            of_unit.setdefault(column.unit, []).append(column.name)
    found = []
    for unit, names in of_unit.items():
        if unit in NOT_DRAWN:
            continue
        stem = task.replace("-", "_")
        curves = [(n.removeprefix(f"{stem}_"), mine[n].to_numpy(float)) for n in names]
        ends = [f"{names[0]}_{end}" for end in ("lo", "hi")]
        interval = None
        if len(names) == 1 and all(end in mine for end in ends):
            interval = (mine[ends[0]].to_numpy(float), mine[ends[1]].to_numpy(float))
        span = (0.0, 1.0) if unit == "probability" else None
        span = (-1.0, 1.0) if unit.startswith("-1 to 1") else span
        title = task if unit == "probability" or len(of_unit) == 1 else ", ".join(names)
        if len(names) > MANY and title != task:
            title = names[0].rpartition("_")[0]  # "valence_by" of valence_by_au01 and its like
            curves = [(n.removeprefix(f"{title}_"), mine[n].to_numpy(float)) for n in names]
        wide = interval is not None and span is None  # such as years
        found.append(
            panel(title, unit.split(";")[0], times, curves, seconds=seconds, span=span,
                  interval=interval, least=10 if wide else 0.0, digits=0 if wide else 2)
        )  # fmt: skip
    return found


def units(mine: Any, times: Doubles, events: Any, seconds: float) -> list[Unit]:
    """Return the rows of the action units that were measured."""
    found = []
    for name in AU_NAMES:
        if f"{name}_r" not in mine:
            continue
        values = mine[f"{name}_r"].to_numpy(float)
        if not np.isfinite(values).any():
            continue
        areas = ridge(times, values, seconds=seconds, top=TOP, height=ROW)
        peak, mean = np.nanmax(values), np.nanmean(values)
        found.append(
            Unit(
                name,
                labels.UNITS[name],
                areas,
                f"{peak:.1f}",
                f"{mean:.1f}",
                episodes_of(events, name, seconds),
            )
        )
    return found


def episodes_of(events: Any, kind: str, seconds: float) -> list[Span]:
    """Return the events of one kind on the timeline."""
    return [
        Span(
            WIDTH * row["onset"] / seconds,
            max(WIDTH * (row["offset"] - row["onset"]) / seconds, 1.5),
            row["onset"],
            row["offset"],
            kind,
            f"{kind}{_side(row['side'])}, {clock(row['onset'])} to {clock(row['offset'])}, "
            f"peak {row['peak']:.2f}",
        )
        for row in events[events["kind"] == kind].to_dict("records")
    ]


def _side(side: Any) -> str:
    return f", {side}" if isinstance(side, str) and side != "both" else ""


def spans(rows: Any, seconds: float, but: str) -> list[Span]:
    """Return segments of rows with the same reason, except one reason."""
    times, reasons = rows["time"].to_numpy(float), rows["reason"].tolist()
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
    found: list[Span] = []
    for time, reason in zip(times.tolist(), reasons, strict=True):
        end = time + step
        last = found[-1] if found else None
        if reason == but:
            continue
        if last and last.kind == reason and time - last.end < step * 0.6 + 1e-6:
            start = last.start
            found.pop()
        else:
            start = time
        label = f"{reason}, {clock(start)} to {clock(end)}: {REASONS.get(reason, '')}"
        width = WIDTH * (end - start) / seconds
        found.append(Span(WIDTH * start / seconds, width, start, end, reason, label))
    return found

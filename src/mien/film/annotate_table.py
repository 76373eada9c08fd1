"""Annotated copies of films and photos from a table: mesh, axes, gaze, bars."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mien.behaviour import AU_NAMES
from mien.film.annotate import write_copy
from mien.film.readings import card_of
from mien.geometry import ahead, rotation
from mien.landmarks import names
from mien.media import Film, Frame, is_film, read_image, write_image
from mien.media.overlays import BLUE, GREEN, ORANGE, RED, Bar, Overlay, draw_overlays
from mien.tables import REASONS, Table
from mien.types import Floats, OnStep, Pixels
from mien.zoo import Draw

COLOURS = {"measure": BLUE, "head": ORANGE, "good": GREEN, "warning": RED}
UNITS = 7  # action units with a bar: the strongest of the person
RINGS = (names.LEFT_EYE, names.RIGHT_EYE, names.OUTER_LIPS, names.INNER_LIPS, names.OVAL)
PATHS = (names.LEFT_BROW, names.RIGHT_BROW, names.LEFT_BROW_BELOW, names.RIGHT_BROW_BELOW,
         names.NOSE)  # fmt: skip
IRISES = (names.LEFT_IRIS, names.RIGHT_IRIS)
Row = Mapping[str, Any]


def write_annotated(
    table: Table,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    on_step: OnStep = lambda name, done, total: None,
) -> None:
    """Write a copy of a film or image with the values of the table drawn on it.

    Args:
        table: the mesh is drawn if the table was made with points="mesh".
        source: one of its inputs.
        out: .mp4, .mov or .mkv for a film; .jpg, .png ... for an image.
        on_step: called with seconds done and total.

    Raises:
        MienError: the file cannot be written.
    """
    annotator = TableAnnotator(table, str(source))
    if not is_film(source):
        write_image(out, annotator(read_image(source), None))
        return

    def annotated(film: Film) -> Iterator[tuple[Frame, Pixels]]:
        for frame in film.frames():
            yield frame, annotator(frame.image, frame.time)

    write_copy(source, out, annotated, "draw", on_step)


class TableAnnotator:
    """Draw the rows of one input on its frames."""

    def __init__(self, table: Table, where: str) -> None:
        """Select the bars once for the whole film, so that they do not flicker."""
        mine = table.data["input"] == where
        data = table.data[mine].assign(who=table.who[mine])
        self._mesh = "mesh_x_0" in table.columns
        self._rows: dict[float | None, list[Row]] = {}
        times = data["time"].to_numpy(float)
        self._places: dict[float | None, list[int]] = {}
        for place, time in enumerate(times.tolist()):
            self._places.setdefault(None if np.isnan(time) else round(time, 4), []).append(place)
        light = [n for n in data.columns if not n.startswith("mesh_")]
        self._data = data[light]
        self._points = _mesh(data) if self._mesh else None
        self._units = {who: _strongest(part) for who, part in data.groupby("who", sort=False)}
        self._draws = _draws(table)
        self._last: dict[tuple[str, str], float] = {}  # who and column -> the last number read

    def __call__(self, image: Pixels, time: float | None) -> Pixels:
        """Draw on a copy of one frame; time None: an image."""
        places = self._places.get(None if time is None else round(time, 4), [])
        overlays, notes = [], []
        for place in places:
            row = self._data.iloc[place].to_dict()
            if np.isnan(row["box_left"]):
                notes.append(_note(row))
            else:
                points = self._points[place] if self._points is not None else None
                overlays.append(self._overlay(row, points))
        return draw_overlays(image, overlays, "" if overlays else "; ".join(dict.fromkeys(notes)))

    def _overlay(self, row: Row, points: Floats | None) -> Overlay:
        box = np.array([row[f"box_{side}"] for side in ("left", "top", "right", "bottom")])
        lines = []
        if points is not None:
            flat = points[:, :2]
            paths = [[*ring, ring[0]] for ring in RINGS] + [list(path) for path in PATHS]
            lines = [flat[path] for path in paths]
        who = row["who"]
        label = str(who) if row["reason"] == "ok" else f"{who}: {row['reason']}"
        return Overlay(
            box.astype(np.float32),
            label,
            None if points is None else points[:468, :2],
            lines,
            _axes(row, float(box[2] - box[0])) + _gaze(row, points, float(box[2] - box[0])),
            self._bars(row),
        )

    def _bars(self, row: Row) -> list[Bar]:
        bars = [
            Bar(name, row[f"{name}_r"] / 5, _number_text(row[f"{name}_r"], 1))
            for name in self._units.get(row["who"], [])
        ]
        for draw in self._draws:
            key, value = (row["who"], draw.column), row[draw.column]
            if not _gone(value) or key not in self._last:
                self._last[key] = value
            shown = self._last[key] if row["reason"] == "ok" else value
            share = (shown - draw.low) / (draw.high - draw.low)
            bars.append(Bar(draw.label, share, _number_text(shown, 2), COLOURS[draw.colour]))
        return bars


def _draws(table: Table) -> list[Draw]:
    """Return the bars that the cards of the models declare, if the columns exist."""
    models = dict.fromkeys(column.model for column in table.columns.values())
    known = [card for card in map(card_of, models) if card is not None]
    return [draw for card in known for draw in card.draw if draw.column in table.columns]


def _strongest(part: Any) -> list[str]:
    """Return the strongest units of a person, in the order of their numbers."""
    peaks = {}
    for name in AU_NAMES:
        if f"{name}_r" in part:
            values = part[f"{name}_r"].to_numpy(float)
            seen = values[np.isfinite(values)]
            if seen.size:
                peaks[name] = float(np.quantile(seen, 0.95))
    chosen = sorted(peaks, key=lambda name: -peaks[name])[:UNITS]
    return sorted(chosen)


def _mesh(data: Any) -> Floats:
    """Return the meshes of all rows, (N, 478, 3)."""
    flat = data[[f"mesh_{axis}_{i}" for axis in "xyz" for i in range(478)]].to_numpy(np.float32)
    points: Floats = flat.reshape(-1, 3, 478).transpose(0, 2, 1)
    return points


def _axes(row: Row, wide: float) -> list[Any]:
    """Return the axes of the head: right, up, forward."""
    if _gone(row["yaw"]):
        return []
    turn = rotation(row["yaw"], row["pitch"], row["roll"])
    start = np.array([(row["left_eye_x"] + row["right_eye_x"]) / 2,
                      (row["left_eye_y"] + row["right_eye_y"]) / 2])  # fmt: skip
    ways = ((turn[:2, 0], RED), (-turn[:2, 1], GREEN), (-turn[:2, 2], BLUE))
    return [(start, start + 0.42 * wide * way, colour) for way, colour in ways]


def _gaze(row: Row, points: Floats | None, wide: float) -> list[Any]:
    """Return a gaze ray from each open eye."""
    rays = []
    for side, iris in zip(("left", "right"), IRISES, strict=True):
        if _gone(row.get(f"gaze_yaw_{side}", np.nan)):
            continue
        start = np.array([row[f"{side}_eye_x"], row[f"{side}_eye_y"]])
        if points is not None:
            start = points[iris, :2].astype(float)
        way = ahead(row[f"gaze_yaw_{side}"], row[f"gaze_pitch_{side}"])[:2]
        rays.append((start, start + 0.6 * wide * way, ORANGE))
    return rays


def _note(row: Row) -> str:
    """Return the reason why nothing is drawn, for the corner of the frame."""
    return f"{row['reason']}: {REASONS.get(row['reason'], '')}".split(".")[0]


def _gone(value: Any) -> bool:
    return value is None or value != value


def _number_text(value: float, digits: int) -> str:
    return "-" if _gone(value) else f"{value:.{digits}f}"


def annotated_path(folder: Path, source: str, taken: set[Path]) -> Path:
    """Return the path of the copy of a source; names are unique within a run."""
    suffix = ".mp4" if is_film(source) else ".jpg"
    wish = folder / f"{Path(source).stem}.analyzed{suffix}"
    number = 2
    while wish in taken:
        wish = folder / f"{Path(source).stem}.analyzed-{number}{suffix}"
        number += 1
    taken.add(wish)
    return wish

"""Rows of a table during the analysis of a film: one per face per frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mien.tables import Column
from mien.types import Face, Floats


@dataclass(slots=True, eq=False)
class FaceRow:
    """One face in one frame."""

    values: dict[str, Any]  # column -> number or text; absent columns are missing values
    dense: dict[str, Floats] = field(default_factory=dict)  # "68": (68, 5), "mesh": (478, 3)
    face: Face | None = None  # box and five points of the mesh; None if there is no mesh
    mesh: Floats | None = None  # (L, 3) px; for clip heads

    @property
    def track(self) -> int | None:
        """Return the number of the track."""
        number: int | None = self.values.get("track")
        return number

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Apply the new number of a split track."""
        number = numbers.get(self.track) if self.track is not None else None
        if number is not None:
            self.values["track"] = number
            self.face = self.face and replace(self.face, track=number)


def values_of(columns: list[Column], rows: list[FaceRow]) -> dict[str, Any]:
    """Convert rows to columns: lists, and arrays if no number is missing."""
    found: dict[str, Any] = {}
    missing = {"float": np.nan, "single": np.nan, "int": None, "text": None}
    spread = {kind: _spread(kind, rows) for kind in ("68", "mesh")}
    for column in columns:
        name, blank = column.name, missing[column.kind]
        kind, axis, point = _place(name) if column.group == "landmarks" else ("", 0, 0)
        if kind:
            found[name] = spread[kind][:, point, axis]
        else:
            found[name] = [row.values.get(name, blank) for row in rows]
    return found


def _spread(kind: str, rows: list[FaceRow]) -> Floats:
    """Return the points of all rows, (N, L, D), NaN if a row has none."""
    shape = (68, 5) if kind == "68" else (478, 3)
    if not any(kind in row.dense for row in rows):
        return np.full((len(rows), *shape), np.nan, np.float32)
    gone = np.full(shape, np.nan, np.float32)
    return np.stack([row.dense.get(kind, gone) for row in rows])


def _place(name: str) -> tuple[str, int, int]:
    """Return the place of a column in its block: "Y_3" is the fourth of 68, axis 3."""
    *head, axis, point = name.split("_")
    return (
        ("mesh", "xyz".index(axis), int(point)) if head else ("68", "xyXYZ".index(axis), int(point))
    )

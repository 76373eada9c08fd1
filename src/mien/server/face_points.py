"""Endpoint about where the points of a face are in a film, to draw a mesh over it."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mien.server.access import Caller, Reviewer
from mien.server.films import folder, row_of
from mien.server.problems import ApiError, absent

router = APIRouter(prefix="/v1/films/{film}/readings", tags=["readings"])
FILE, GROUP = "points.parquet", "landmarks"  # beside the table; columns that are in this file
COLUMNS = [f"{axis}_{point}" for point in range(68) for axis in "xy"]
MOST = 300  # rows of one answer, about 250 kB


class FacePoints(BaseModel):
    """The 68 points of iBUG of one person, of a part of a film."""

    size: list[int] = Field(description="height and width of the film, px")
    times: list[float] = Field(description="seconds; frames without points are left out")
    points: list[list[float]] = Field(
        description="per time x, y of point 0, x, y of point 1 ..., px"
    )
    until: float | None = Field(
        description="where the next part begins; None: this is the last one"
    )


def split_points(table: Any, path: Any) -> Any:
    """Store the 68 points of a table in a file; return the table without points."""
    points = [name for name, column in table.columns.items() if column.group == GROUP]
    keys = {name for name, column in table.columns.items() if column.group == "keys"}
    others = [name for name in table.columns if name not in keys and name not in COLUMNS]
    table.without(others).save(path)
    return table.without(points)


@router.get("/points")
def face_points(
    film: str,
    caller: Reviewer,
    who: Annotated[str, Query(description="A person of the list.")],
    start: Annotated[float, Query(ge=0, le=1e6, description="Seconds.")] = 0,
) -> FacePoints:
    """Show where the points of a face are, from a time on: at most 300 frames."""
    table = _read(caller, row_of(caller, film)[0])
    mine = table.data[table.who == who].sort_values("time")
    if not len(mine):
        raise absent(f"Person {who[:60]!r}")
    rows = mine[mine["time"] >= start]
    part, rest = rows.iloc[:MOST], rows.iloc[MOST:]
    points = part[COLUMNS].to_numpy(np.float32)
    whole = np.isfinite(points).all(axis=1)
    [recording] = table.recordings.to_dict("records")
    return FacePoints(
        size=[int(recording["height"]), int(recording["width"])],
        times=[round(float(time), 3) for time in part["time"][whole]],
        points=[[round(float(v), 1) for v in row] for row in points[whole]],
        until=float(rest["time"].iloc[0]) if len(rest) else None,
    )


def _read(caller: Caller, film: str) -> Any:
    from mien.tables import Table

    path = folder(caller.state, caller.tenant, film) / FILE
    if not path.exists():
        raise ApiError(409, "not-ready", "The film has no points yet; measure it again.")
    return Table.read(path, COLUMNS)

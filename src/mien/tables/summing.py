"""Summary of a table: means by person, segment or event, with missing shares and reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mien.errors import MienError
from mien.tables.columns import NOT_READ, Column
from mien.tables.engines import pandas

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = {"keys", "boxes", "points", "landmarks"}  # positions: their means have no meaning


def summed(
    data: pd.DataFrame,
    columns: dict[str, Column],
    events: pd.DataFrame,
    by: str,
    seconds: float,
) -> pd.DataFrame:
    """The summary of a table; see mien.tables.Table.summary.

    Args:
        data: rows with a column `who`; rows without a person are not counted.
        columns: of the table.
        events: with input, who, onset and offset in seconds.
        by: "person", "segment" or "event".
        seconds: length of a segment.
    """
    pd = pandas()
    names = [
        name
        for name, column in columns.items()
        if column.group not in LEFT_OUT and column.kind in ("float", "single")
    ]
    rows = [
        {**keys, **facts}
        for keys, part in _parts(data[data["who"].notna()], events, by, seconds)
        for facts in _facts(part, names)
    ]
    found = pd.DataFrame(rows)
    missing = [name for name in found.columns if name.startswith("missing_")]
    return found.fillna(dict.fromkeys(missing, 0.0))


def _parts(
    data: pd.DataFrame, events: pd.DataFrame, by: str, seconds: float
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield each group of rows with its keys."""
    if by == "person":
        for (where, who), part in data.groupby(["input", "who"], sort=False):
            yield {"input": where, "who": who}, part
    elif by == "segment":
        if not seconds > 0:
            raise MienError(f"Segment length {seconds:g} s is not valid: expected a value above 0.")
        number = (data["time"] // seconds).rename("segment")
        for (where, who, n), part in data.groupby(["input", "who", number], sort=False):
            start = float(n) * seconds
            yield {"input": where, "who": who, "start": start, "end": start + seconds}, part
    elif by == "event":
        groups = dict(tuple(data.groupby(["input", "who"], sort=False)))
        for event in events.to_dict("records"):
            rows = groups.get((event["input"], event["who"]))
            if rows is None:
                continue
            inside = rows["time"].between(event["onset"], event["offset"])
            keys = ("input", "who", "kind", "side", "onset", "offset")
            yield {key: event[key] for key in keys}, rows[inside]
    else:
        raise MienError(f"Summary by '{by}' is not supported: expected person, segment or event.")


def _facts(part: pd.DataFrame, names: list[str]) -> Iterator[dict[str, Any]]:
    """Yield one row per column."""
    count = max(len(part), 1)
    why = part["reason"].where(part["reason"] != "ok", NOT_READ)
    for name in names:
        values = part[name].astype(float)
        gone = values.isna()
        shares = why[gone].value_counts() / count
        yield {
            "column": name,
            "mean": float(values.mean()),
            "sd": float(values.std()),
            "n": int((~gone).sum()),
            "missing": float(gone.mean()) if len(part) else 1.0,
            **{f"missing_{reason}": float(share) for reason, share in shares.items()},
        }

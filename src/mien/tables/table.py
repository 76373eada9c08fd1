"""The table: rows of faces, with units, events, and the facts of each recording."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mien.errors import MienError
from mien.tables import files, openface, pyfeat
from mien.tables.columns import Column
from mien.tables.contents import TableData
from mien.tables.engines import pandas
from mien.tables.parts import Part, joined
from mien.tables.summing import summed

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["parquet", "csv", "openface", "pyfeat"]
By = Literal["person", "segment", "event"]


@dataclass(frozen=True, slots=True, eq=False)
class Table(TableData):
    """One row per face per frame; a frame without a face has a row with the reason.

    `data` is a pandas DataFrame. Missing values are NaN, never 0, and
    `reason` has the code.
    """

    @classmethod
    def of(
        cls,
        parts: Iterable[Part],
        columns: Sequence[Column],
        *,
        recordings: Sequence[dict[str, Any]] = (),
        facts: dict[str, Any] | None = None,
    ) -> Table:
        """Assemble a table from parts."""
        pd = pandas()
        named = {column.name: column for column in columns}
        data = joined(parts, columns)
        return cls(data, named, _events([]), pd.DataFrame(list(recordings)), facts or {})

    def with_columns(self, columns: Sequence[Column], values: dict[str, Any]) -> Table:
        """Return the table with additional or replaced columns."""
        pd = pandas()
        found = {c.name: _typed(values[c.name], c.kind) for c in columns}
        if self.columns.keys() & found.keys():
            data = self.data.assign(**found)
        else:  # all at once: single inserts take a millisecond each
            new = pd.DataFrame({name: one.array for name, one in found.items()})
            data = pd.concat([self.data, new.set_axis(self.data.index)], axis=1)
        return replace(self, data=data, columns=self.columns | {c.name: c for c in columns})

    def with_recordings(self, rows: Sequence[dict[str, Any]]) -> Table:
        """Return the table with these facts of each input."""
        pd = pandas()
        return replace(self, recordings=pd.DataFrame(list(rows)))

    def without(self, names: Iterable[str]) -> Table:
        """Return the table without some columns."""
        gone = set(names)
        columns = {name: column for name, column in self.columns.items() if name not in gone}
        return replace(self, data=self.data[list(columns)], columns=columns)

    def with_events(self, rows: Sequence[dict[str, Any]]) -> Table:
        """Return the table with these events: input, who, kind, side, onset, apex, offset ..."""
        return replace(self, events=_events(rows))

    @property
    def aus(self) -> pd.DataFrame:
        """Return action units: `AU12_r` (0 to 5), one-sided ones, calibrated probabilities."""
        return self.group("aus")

    @property
    def poses(self) -> pd.DataFrame:
        """Return yaw, pitch, roll in degrees; x, y, z in mm."""
        return self.group("poses")

    @property
    def gazes(self) -> pd.DataFrame:
        """Return yaw and pitch of each eye in degrees."""
        return self.group("gazes")

    @property
    def measures(self) -> pd.DataFrame:
        """Return measures of lids, brows and lips in inter-ocular distances."""
        return self.group("measures")

    @property
    def emotions(self) -> pd.DataFrame:
        """Return the readings of the expression head: labels of raters, not feelings."""
        return self.group("expression")

    @property
    def landmarks(self) -> pd.DataFrame:
        """Return the points: five, 68 or the mesh, as requested."""
        return self.group("points", "landmarks")

    @property
    def boxes(self) -> pd.DataFrame:
        """Return left, top, right, bottom in px."""
        return self.group("boxes")

    @property
    def people(self) -> pd.DataFrame:
        """Return the people of each input: tracks, frames, seconds of the first and last one."""
        seen = self.data[self.data["track"].notna()].assign(who=self.who)
        groups = seen.groupby(["input", "who"], sort=False)
        found = groups.agg(
            tracks=("track", "nunique"),
            frames=("frame", "nunique"),
            measured=("reason", lambda reasons: int((reasons == "ok").sum())),
            first=("time", "min"),
            last=("time", "max"),
        ).reset_index()
        minutes = [_minutes(part) for _, part in groups]
        blinks = self.events[self.events["kind"] == "blink"].groupby(["input", "who"]).size()
        pairs = zip(zip(found["input"], found["who"], strict=True), minutes, strict=True)
        rates = [blinks.get(key, 0) / m if m else float("nan") for key, m in pairs]
        return found.assign(blinks_per_minute=rates)

    @property
    def reasons(self) -> pd.DataFrame:
        """Return the number of rows per input and reason."""
        counts = self.data.groupby(["input", "reason"], sort=False).size().rename("rows")
        return counts.reset_index()

    @property
    def units(self) -> dict[str, str]:
        """Return the unit of each column."""
        return {name: column.unit for name, column in self.columns.items()}

    def group(self, *groups: str) -> pd.DataFrame:
        """Return the columns of groups: names of mien.tables.GROUPS, or tasks of heads."""
        names = [name for name, column in self.columns.items() if column.group in groups]
        return self.data[names]

    def summary(self, by: By = "person", *, seconds: float = 10.0) -> pd.DataFrame:
        """Return mean, standard deviation, count and missing share of each measure.

        Args:
            by: "person": over all rows of one person in one input. "segment": over intervals of
                `seconds`. "event": over the rows of a person from onset to offset of each event.
            seconds: length of a segment.

        Returns:
            One row per person (segment, event) and column: `mean`, `sd` (of the sample), `n`,
            `missing` (share of rows), and that share by reason in `missing_<reason>`.
        """
        return summed(self.data.assign(who=self.who), self.columns, self.events, by, seconds)

    def save(self, path: str | os.PathLike[str], format: Format | None = None) -> list[str]:
        """Write the table; each file is complete or absent.

        Args:
            path: .parquet or .csv. Events and recordings are written beside it as NAME.events and
                NAME.recordings; a CSV gets a NAME.json with units, models and settings, too.
            format: default: from the suffix; "openface" and "pyfeat" write the columns of
                these tools, one CSV per input: with several inputs the path is a folder.

        Returns:
            The files that were written.

        Raises:
            MienError: the suffix is unknown, or a file cannot be written.
        """
        kind = format or files.format_of(path)
        if kind in ("parquet", "csv"):
            return files.save(self, path, kind)
        writers = {"openface": openface.as_openface, "pyfeat": pyfeat.as_pyfeat}
        if kind not in writers:
            raise MienError(
                f"Format '{kind}' is not supported: expected parquet, csv, openface or pyfeat."
            )
        return files.save_each(self, path, kind, writers[kind])

    @classmethod
    def read(cls, path: str | os.PathLike[str], only: Collection[str] | None = None) -> Table:
        """Read a .parquet or .csv table from `save`, with its events and recordings.

        Args:
            path: the file.
            only: columns whose rows are read, beside the keys; None: all. `columns` describes all.
                A CSV table is read whole.

        Raises:
            MienError: the file does not exist, or is not a table of mien.
        """
        return cls(*files.load(path, only))


EVENT = ("input", "who", "kind", "side", "onset", "apex", "offset", "peak", "begun", "ended")


def _events(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return events in the order of input and time; the peak has the unit of its kind."""
    pd = pandas()
    return pd.DataFrame(list(rows), columns=list(EVENT))


def _typed(values: Any, kind: str) -> pd.Series[Any]:
    pd = pandas()
    names = {"int": "Int32", "text": "str", "single": "float32"}
    return pd.Series(values, dtype=names.get(kind, "float64"))


def _minutes(rows: pd.DataFrame) -> float:
    """Return the measured minutes of a face; gaps over 0.15 s do not count, as in blinks."""
    steps = rows["time"][rows["reason"] == "ok"].drop_duplicates().sort_values().diff()
    return float(steps[steps <= 0.15].sum()) / 60

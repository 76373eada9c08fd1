"""What a table holds; tables to files and to other tools' columns need no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mien.tables.columns import Column
from mien.tables.engines import pandas

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class TableData:
    """Rows of faces with their units, events and the facts of each recording."""

    data: pd.DataFrame
    columns: dict[str, Column]  # by name, in the order of `data`
    events: pd.DataFrame  # blinks, action units ...: one row per event
    recordings: pd.DataFrame  # one row per film or photo: seconds, frames, complete ...
    facts: dict[str, Any] = field(default_factory=dict)  # version, models, licences, settings

    @property
    def who(self) -> pd.Series[Any]:
        """Person of each row, None for nobody; `track-3` where people were not identified."""
        pd = pandas()
        persons = self.data["person"].astype(object)
        if persons.notna().any():  # a face without a person was seen too shortly to be one
            return persons.where(persons.notna(), None).rename("who")
        tracks = self.data["track"].map(lambda n: None if pd.isna(n) else f"track-{int(n)}")
        return persons.where(persons.notna(), tracks.astype(object)).rename("who")

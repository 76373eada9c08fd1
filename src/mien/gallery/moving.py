"""Whole rows of an engine that stores tables, with their numbers: given to another, and taken."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from mien.gallery.besides import Besides

PAGE = 500  # rows of one transaction
COLUMNS = {  # of each table, in the order in which rows refer to each other
    "people": ("id", "name", "sealed", "wrapped"),
    "templates": (
        *("id", "person", "vector", "crc", "source"),
        *("digest", "quality", "box", "added", "beside", "beside_crc"),
    ),
    "refusals": ("id", "person", "digest", "reason", "source", "added"),
    "facts": ("id", "kind", "person", "text"),
}
TEXTS = ("source", "text")  # columns of text that hold sealed bytes if the gallery is encrypted
ABOUT = (
    "dimension",
    "changes",
    "epoch",
    "lookup",
    "generation",
    "ident",
    "protected",
    "protect_check",
    *("beside", "origin", "beside_dimension", "beside_check", "switched"),
)

Row = tuple[Any, ...]


class Moving(Besides):
    """The part of an engine that gives and takes whole rows."""

    def reading(self) -> AbstractContextManager[None]:
        """Give all rows within the block from one state."""
        return self._store.reading()

    def state(self) -> str:
        """Return a text that differs after each change, also of facts."""
        with self._store.reading():
            changes, epoch = self._must("SELECT changes, epoch FROM about")
            numbers = self._store.numbers()
        return json.dumps({"changes": changes, "epoch": epoch, **numbers}, sort_keys=True)

    def rows(self, table: str, after: int = 0, *, sealed: bool | None = None) -> Iterator[Row]:
        """Yield the rows of a table in the order of ids; sealed texts are bytes.

        Args:
            table: one of COLUMNS.
            after: id below those of the rows.
            sealed: whether they are encrypted; None: as the gallery is.
        """
        armour = self._sealing.armour and (self.encrypted if sealed is None else sealed)
        columns = COLUMNS[table]
        places = [columns.index(name) for name in TEXTS if name in columns]
        owner = columns.index("person") if "person" in columns else 0
        while True:
            with self._store.reading():
                page = self._run(
                    f"SELECT {', '.join(columns)} FROM {table} WHERE id > ? "
                    f"ORDER BY id LIMIT {PAGE}",
                    after,
                ).fetchall()
            if not page:
                return
            for row in map(list, page):
                if armour and row[owner] is not None:
                    for place in places:
                        row[place] = b64decode(row[place])
                yield tuple(row)
            after = page[-1][0]

    def take(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows with their ids, in one transaction."""
        columns = COLUMNS[table]
        if self._sealing.armour:
            texts = [columns.index(name) for name in TEXTS if name in columns]
            rows = [
                tuple(
                    b64encode(value).decode() if i in texts and isinstance(value, bytes) else value
                    for i, value in enumerate(row)
                )
                for row in rows
            ]
        marks = ", ".join("?" * len(columns))
        with self._store.change(counts=False):
            self._store.many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
            self._taken(table, rows)

    def _taken(self, table: str, rows: Sequence[Row]) -> None:
        """Complete rows that were stored."""

    def arriving(self) -> str | None:
        """Return the state of the source whose rows arrive here; None if this is a gallery."""
        with self._store.reading():
            found = self._must("SELECT arriving FROM about")[0]
        return None if found is None else str(found)

    def expect(self, state: str) -> None:
        """Let the rows of a source arrive; what arrived before is deleted."""
        with self._store.change(counts=False, erases=True):
            for table in reversed(COLUMNS):
                self._run(f"DELETE FROM {table}")
            self._run("UPDATE about SET arriving = ?", state)

    def highest(self, table: str) -> int:
        """Return the highest id of a table; 0 if it is empty."""
        with self._store.reading():
            return int(self._must(f"SELECT coalesce(max(id), 0) FROM {table}")[0])

    def about(self) -> Row:
        """Return what is stored about the gallery itself, with the last number of each table."""
        with self._store.reading():
            row = self._must(f"SELECT {', '.join(ABOUT)} FROM about")
            return (*row, self._store.numbers())

    def settle(self, about: Row) -> None:
        """Become a gallery; open it again to use it."""
        *values, numbers = about
        with self._store.change(counts=False):
            self._store.set_numbers(numbers)
            sets = ", ".join(f"{name} = ?" for name in ABOUT)
            self._run(f"UPDATE about SET {sets}, arriving = NULL", *values)

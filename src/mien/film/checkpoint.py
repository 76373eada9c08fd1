"""Checkpoints of rows: parts on disk until a film is over, from which the same command resumes."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien.film.rows import FaceRow, values_of
from mien.film.segment_log import segment_from_row
from mien.tables import Column, Part, part_of, read_part, write_part
from mien.track import Segment

OFTEN = 10.0  # s of work that a killed run may lose
MANY = 2000  # rows that are held in memory at most, until the next half second ends
State = dict[str, Any]


class RowCheckpoint:
    """A folder of parts. It holds what faces look like if people are named: mode 700."""

    def __init__(self, folder: Path, columns: Sequence[Column], settings: dict[str, Any]) -> None:
        """Open or begin a folder.

        Args:
            folder: made if it is not there.
            columns: of the rows.
            settings: all that decides what is seen; must be the same to go on.

        Raises:
            MienError: the folder belongs to other films or settings, or cannot be written.
        """
        self.folder, self.columns = folder, list(columns)
        head = folder / "settings.json"
        told = json.dumps(settings, sort_keys=True)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if head.exists() and head.read_text("utf-8") != told:
                raise MienError(
                    f"{folder} holds rows of other films or other settings; choose another "
                    "folder, or delete it."
                )
            head.write_text(told, "utf-8")
        except OSError as error:
            raise MienError(f"{folder} cannot be written: {error.strerror}.") from error
        self._last: State | None = None
        self._count = self._whole()
        for path in [*self._paths()[self._count :], *folder.glob(".*.part")]:
            path.unlink()  # broken, or behind a broken one
        self._rows: list[tuple[str, FaceRow]] = []
        self._states: list[State] = []
        self._written = time.monotonic()

    def _whole(self) -> int:
        """How many parts there are until the first that cannot be read."""
        count = 0
        for path in self._paths():
            part = read_part(path)
            if part is None:
                break
            self._last, count = part.state["last"], count + 1
        return count

    @property
    def last(self) -> State | None:
        """The state to go on from; None at the beginning."""
        return self._states[-1] if self._states else self._last

    def segments(self, source: int) -> Iterator[Segment]:
        """The segments of one source that are on disk, in the order of time."""
        for path in self._paths()[: self._count]:
            part = read_part(path)
            for state in part.state["all"] if part else ():
                if state["source"] == source:
                    yield from (segment_from_row(row) for row in state["segments"])

    def add(self, name: str, rows: list[FaceRow], state: State, *, now: bool = False) -> None:
        """Take rows that end at a state; write when enough have come together.

        Raises:
            MienError: the disk is full or gone; what was written before stays whole.
        """
        self._rows += [(name, row) for row in rows]
        self._states.append(state)
        late = time.monotonic() - self._written > OFTEN
        if now or late or len(self._rows) >= MANY:
            self.flush()

    def flush(self) -> None:
        """Write what is held in memory."""
        if not self._states:
            return
        path = self.folder / f"{self._count:06d}.parquet"
        write_part(path, self._pending())
        self._count += 1
        self._last = self._states[-1]
        self._rows, self._states = [], []
        self._written = time.monotonic()

    def _pending(self) -> Part:
        """What is held in memory."""
        values = values_of(self.columns, [row for _, row in self._rows])
        values["input"] = [name for name, _ in self._rows]
        states = {"last": self._states[-1], "all": [_lean(state) for state in self._states]}
        return part_of(self.columns, values, states)

    def parts(self) -> Iterator[Part]:
        """All parts, and what could not be written, in their order; one in memory at a time."""
        for path in self._paths()[: self._count]:
            part = read_part(path)
            if part is None:
                raise MienError(f"{path} has changed while it was used; run the command again.")
            yield part
        if self._states:
            yield self._pending()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def delete(self) -> None:
        """Delete the folder: the film is done."""
        for path in [*self._paths(), self.folder / "settings.json"]:
            path.unlink(missing_ok=True)
        self.folder.rmdir()


def _lean(state: State) -> State:
    """A state without what only the next frame needs."""
    return {key: value for key, value in state.items() if key != "observing"}

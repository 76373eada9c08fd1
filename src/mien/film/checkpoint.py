"""Checkpoints of rows: parts on disk from which the same command resumes."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from mien.errors import MienError
from mien.film.rows import FaceRow, values_of
from mien.film.segment_log import segment_from_row
from mien.tables import Column, Part, part_of, read_part, write_part
from mien.track import Segment

OFTEN = 10.0  # s of work that a killed run can lose
MANY = 2000  # maximum number of rows in memory, until the segment ends
State = dict[str, Any]


class Rows(Protocol):
    """Takes the rows of sources."""

    @property
    def last(self) -> State | None: ...

    def segments(self, source: int) -> Iterator[Segment]: ...

    def add(self, name: str, rows: list[FaceRow], state: State) -> None: ...


class RowCheckpoint:
    """A folder of parts. It holds embeddings if people are named: mode 700."""

    def __init__(self, folder: Path, columns: Sequence[Column], settings: dict[str, Any]) -> None:
        """Open or create a folder.

        Args:
            folder: created if it does not exist.
            columns: of the rows.
            settings: all settings that the rows depend on; a resumed run must have the same.

        Raises:
            MienError: the folder belongs to other films or settings, or cannot be written.
        """
        self.folder, self.columns = folder, list(columns)
        head = folder / "settings.json"
        header = json.dumps(settings, sort_keys=True)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if head.exists() and head.read_text("utf-8") != header:
                raise MienError(
                    f"Folder '{folder}' holds rows of other films or other settings; choose "
                    "another "
                    "folder, or delete it."
                )
            head.write_text(header, "utf-8")
        except OSError as error:
            raise MienError(f"Folder '{folder}' cannot be written: {error.strerror}.") from error
        self._last: State | None = None
        self._count = self._whole()
        for path in [*self._paths()[self._count :], *folder.glob(".*.part")]:
            path.unlink()  # damaged, or after a damaged one
        self._rows: list[tuple[str, FaceRow]] = []
        self._states: list[State] = []
        self._written = time.monotonic()

    def _whole(self) -> int:
        """Return the number of parts before the first unreadable one."""
        count = 0
        for path in self._paths():
            part = read_part(path)
            if part is None:
                break
            self._last, count = part.state["last"], count + 1
        return count

    @property
    def last(self) -> State | None:
        """Return the state to continue from; None at the beginning."""
        return self._states[-1] if self._states else self._last

    def segments(self, source: int) -> Iterator[Segment]:
        """Read the segments of one source from disk, in the order of time."""
        for path in self._paths()[: self._count]:
            part = read_part(path)
            for state in part.state["all"] if part else ():
                if state["source"] == source:
                    yield from (segment_from_row(row) for row in state["segments"])

    def add(self, name: str, rows: list[FaceRow], state: State, *, now: bool = False) -> None:
        """Add rows that end at a state; write them if there are enough.

        Raises:
            MienError: the disk is full or lost; earlier parts remain complete.
        """
        self._rows += [(name, row) for row in rows]
        self._states.append(state)
        late = time.monotonic() - self._written > OFTEN
        if now or late or len(self._rows) >= MANY:
            self.flush()

    def flush(self) -> None:
        """Write the pending rows."""
        if not self._states:
            return
        path = self.folder / f"{self._count:06d}.parquet"
        write_part(path, self._pending())
        self._count += 1
        self._last = self._states[-1]
        self._rows, self._states = [], []
        self._written = time.monotonic()

    def _pending(self) -> Part:
        """Return the pending rows."""
        values = values_of(self.columns, [row for _, row in self._rows])
        values["input"] = [name for name, _ in self._rows]
        states = {"last": self._states[-1], "all": [_lean(state) for state in self._states]}
        return part_of(self.columns, values, states)

    def parts(self) -> Iterator[Part]:
        """Read all parts, and the pending rows, in order; one in memory at a time."""
        for path in self._paths()[: self._count]:
            part = read_part(path)
            if part is None:
                raise MienError(f"'{path}' was modified during the run; run the command again.")
            yield part
        if self._states:
            yield self._pending()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def delete(self) -> None:
        """Delete the folder of a completed film."""
        for path in [*self._paths(), self.folder / "settings.json"]:
            path.unlink(missing_ok=True)
        self.folder.rmdir()


def _lean(state: State) -> State:
    """Return a state without the parts that only the next frame needs."""
    return {key: value for key, value in state.items() if key != "observing"}

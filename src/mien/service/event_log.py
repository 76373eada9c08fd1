"""Events on disk: each is there before the next is told, and a reader goes on from a cursor."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from mien.errors import FilmError

Row = dict[str, Any]


class EventLog:
    """A file of JSON lines, each with a number `seq` that rises by one, also over restarts."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or begin a log.

        Raises:
            FilmError: the file is something else, or cannot be written.
        """
        self.path = Path(path)
        try:
            self._file = open(self.path, "a+b")  # noqa: SIM115
        except OSError as error:
            raise FilmError(f"{self.path} cannot be opened: {error.strerror}.") from error
        try:
            self._seq = self._last()
        except Exception:
            self._file.close()
            raise

    def _last(self) -> int:
        """The number of the last event; half a line that a killed run left is cut off."""
        self._file.seek(0)
        last, end = 0, 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            last = _number(line, self.path)
            end += len(line)
        self._file.truncate(end)
        return last

    def append(self, row: Row) -> Row:
        """Write one event to the disk; give it with its number.

        Raises:
            FilmError: the disk is full or gone; what is written stays whole.
        """
        numbered = {"seq": self._seq + 1, **row}
        try:
            self._file.write((json.dumps(numbered, ensure_ascii=False) + "\n").encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise FilmError(f"{self.path} cannot be written: {error.strerror}.") from error
        self._seq += 1
        return numbered

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read_events(path: str | os.PathLike[str], after: int = 0) -> Iterator[Row]:
    """The events of a log, the first after a cursor first.

    Args:
        path: the file.
        after: `seq` of the last event that is known already; 0 for all.

    Raises:
        FilmError: there is no such file, or it is no log.
    """
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n") and _number(line, Path(path)) > after:
                    yield json.loads(line)
    except OSError as error:
        raise FilmError(f"{path} cannot be read: {error.strerror}.") from error


def _number(line: bytes, path: Path) -> int:
    try:
        return int(json.loads(line)["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise FilmError(f"{path} is no log of events; choose another file.") from error

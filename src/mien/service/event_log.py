"""Events on disk: each is there before the next is reported; readers go on from a cursor."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mien.errors import FilmError
from mien.media.json_log import JsonLog, Row, read_rows


class EventLog:
    """A file of JSON lines, each with a number `seq` that rises by one, also over restarts."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or begin a log.

        Raises:
            FilmError: the file is something else, or cannot be written.
        """
        self._log = JsonLog(path, error=FilmError, sync=True)
        self._seq = 0
        try:
            for row in self._log.rows():
                self._seq = _number(row, Path(path))
        except BaseException:
            self._log.close()
            raise

    def append(self, row: Row) -> Row:
        """Write one event to the disk; give it with its number.

        Raises:
            FilmError: the disk is full or gone; what is written stays whole.
        """
        numbered = {"seq": self._seq + 1, **row}
        self._log.append(numbered)
        self._seq += 1
        return numbered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._log.close()


def read_events(path: str | os.PathLike[str], after: int = 0) -> Iterator[Row]:
    """The events of a log, the first after a cursor first.

    Args:
        path: the file.
        after: `seq` of the last event that is known already; 0 for all.

    Raises:
        FilmError: there is no such file, or it is no log.
    """
    try:
        for row in read_rows(path, settings=False):
            if _number(row, Path(path)) > after:
                yield row
    except OSError as error:
        raise FilmError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise FilmError(f"{path} is no log of events; choose another file.") from error


def _number(row: Row, path: Path) -> int:
    try:
        return int(row["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise FilmError(f"{path} is no log of events; choose another file.") from error

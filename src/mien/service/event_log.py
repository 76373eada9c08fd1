"""Log of presence events: each event is stored before it is reported; readers use a cursor."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mien.errors import FilmError
from mien.media.json_log import JsonLog, Row, read_rows


class EventLog:
    """A file of JSON lines; `seq` rises by one per line, also after restarts."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or create a log.

        Raises:
            FilmError: the file is not a log of events, or cannot be written.
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
        """Write one event to disk; return it with its number.

        Raises:
            FilmError: the disk is full or lost; earlier lines remain complete.
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
    """Read the events of a log after a cursor, in order.

    Args:
        path: the file.
        after: `seq` of the last known event; 0 for all.

    Raises:
        FilmError: the file does not exist, or is not a log of events.
    """
    try:
        for row in read_rows(path, settings=False):
            if _number(row, Path(path)) > after:
                yield row
    except OSError as error:
        raise FilmError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise FilmError(f"'{path}' is not a log of events; choose another file.") from error


def _number(row: Row, path: Path) -> int:
    try:
        return int(row["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise FilmError(f"'{path}' is not a log of events; choose another file.") from error

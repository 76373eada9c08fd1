"""JSON lines on disk that survive a kill: the log of all resumable work."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from mien.errors import MienError

Row = dict[str, Any]


class JsonLog:
    """A file of JSON lines: open it, read its rows, then append.

    A line is flushed to disk before `append` returns. An incomplete line of a killed run is removed
    when the file is opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        settings: Row | None = None,
        *,
        error: type[MienError] = MienError,
        sync: bool = False,
    ) -> None:
        """Open or create a log; only its owner can read it (mode 600).

        Args:
            path: the file.
            settings: the settings of the rows, stored in the first line. A log with other
                settings is refused. None: the log has no such first line.
            error: raised on failure.
            sync: wait for the disk after each row.

        Raises:
            error: the file is not a log, has other settings, or cannot be written.
        """
        self.path, self._error, self._sync = Path(path), error, sync
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as failure:
            raise error(f"'{self.path}' cannot be opened: {failure.strerror}.") from failure
        self._file = os.fdopen(handle, "r+b")
        try:
            self._start = self._check(settings)
        except BaseException:
            self._file.close()
            raise

    def _check(self, settings: Row | None) -> int:
        """Check the first line, remove an incomplete line; return the start of the rows."""
        head = b"" if settings is None else json_line({"mien": settings})
        first = self._file.readline()
        if head and first.endswith(b"\n") and first != head:
            raise self._error(
                f"'{self.path}' holds results of other sources or other settings, and one file "
                "must not mix two runs. Choose another file, or delete it."
            )
        if not head and first.endswith(b"\n") and not _is_row(first):
            raise self._error(
                f"'{self.path}' is not a log of events or results (JSON lines); "
                "choose another file."
            )
        end = 0
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
        self._file.seek(end)
        self._file.truncate()
        if head and not end:
            self._file.write(head)
            self._file.flush()
        return len(head)

    def rows(self) -> Iterator[Row]:
        """Read all rows from disk, one in memory at a time."""
        with self.path.open("rb") as file:
            file.seek(self._start)
            for line in file:
                yield json.loads(line)

    def append(self, row: Row) -> None:
        """Write one row.

        Raises:
            error: the disk is full or lost; earlier lines remain complete.
        """
        try:
            self._file.write(json_line(row))
            self._file.flush()
            if self._sync:
                os.fsync(self._file.fileno())
        except OSError as failure:
            raise self._error(
                f"'{self.path}' cannot be written ({failure.strerror}). Its lines are complete, "
                "and "
                "the same command continues the run."
            ) from failure

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read_rows(path: str | os.PathLike[str], *, settings: bool) -> Iterator[Row]:
    """Read the complete rows of a log that may be open for writing.

    Args:
        path: the file.
        settings: whether the first line holds settings instead of a row.
    """
    with open(path, "rb") as file:
        if settings:
            next(file, None)
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def json_line(row: Row) -> bytes:
    """Encode one row as a line of a log."""
    for escape in (False, True):  # a name that is not UTF-8 has to be escaped
        text = json.dumps(row, ensure_ascii=escape, allow_nan=False, separators=(",", ":"))
        with suppress(UnicodeEncodeError):
            return f"{text}\n".encode()
    raise AssertionError("escaped JSON is ASCII")


def _is_row(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False

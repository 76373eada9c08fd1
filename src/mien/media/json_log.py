"""JSON lines on disk that survive a kill: the one log of all work that can be resumed."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from mien.errors import MienError

Row = dict[str, Any]


class JsonLog:
    """A file of JSON lines. Open it, read what it holds, then append.

    A line is on its way to the disk before `append` returns. Half a line that a killed run left
    behind is cut off when the file is opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        settings: Row | None = None,
        *,
        error: type[MienError] = MienError,
        sync: bool = False,
    ) -> None:
        """Open or begin a log; only its owner may read it (mode 600).

        Args:
            path: the file.
            settings: all that decides what the rows say: the first line. A log that was begun
                with other settings is refused. None: the log has no first line of its own.
            error: raised on failure.
            sync: wait for the disk after each row.

        Raises:
            error: the file is something else, has other settings, or cannot be written.
        """
        self.path, self._error, self._sync = Path(path), error, sync
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as failure:
            raise error(f"{self.path} cannot be opened: {failure.strerror}.") from failure
        self._file = os.fdopen(handle, "r+b")
        try:
            self._start = self._check(settings)
        except BaseException:
            self._file.close()
            raise

    def _check(self, settings: Row | None) -> int:
        """Check the first line, cut off half a line; give where the rows begin."""
        head = b"" if settings is None else json_line({"mien": settings})
        first = self._file.readline()
        if head and first.endswith(b"\n") and first != head:
            raise self._error(
                f"{self.path} holds results of other sources or other settings; continuing it "
                "would mix two runs. Choose another file, or delete it."
            )
        if not head and first.endswith(b"\n") and not _is_row(first):
            raise self._error(
                f"{self.path} is no log of JSON lines, so it is no log of events or results; "
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
        """All rows that are on disk, one in memory at a time."""
        with self.path.open("rb") as file:
            file.seek(self._start)
            for line in file:
                yield json.loads(line)

    def append(self, row: Row) -> None:
        """Write one row.

        Raises:
            error: the disk is full or gone; what was written before stays whole.
        """
        try:
            self._file.write(json_line(row))
            self._file.flush()
            if self._sync:
                os.fsync(self._file.fileno())
        except OSError as failure:
            raise self._error(
                f"{self.path} cannot be written ({failure.strerror}). What it holds is whole, and "
                "the same command continues it."
            ) from failure

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read_rows(path: str | os.PathLike[str], *, settings: bool) -> Iterator[Row]:
    """The whole rows of a log that may still be written to.

    Args:
        path: the file.
        settings: whether its first line holds settings, and is no row.
    """
    with open(path, "rb") as file:
        if settings:
            next(file, None)
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def json_line(row: Row) -> bytes:
    """One row as it stands in a log."""
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

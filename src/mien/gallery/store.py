"""An open SQLite file: transactions, consistent reads, and overwriting of erased bytes."""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery.held import Key, hold, release
from mien.gallery.pages import has_remains
from mien.gallery.schema import (
    WAIT,
    check_present,
    connect,
    damaged_file,
    new_epoch,
    outdated,
    prepare,
    recognise,
    sentence,
    spoken,
)

NUMBERED = ("people", "templates", "refusals", "facts")  # tables with AUTOINCREMENT
SPARE = 4  # a file with more than 1 / SPARE unused pages is rebuilt
ASKING = 0.001, 0.005  # seconds between two questions whether a change can begin
SCRUB_WAIT = 2.0  # seconds that scrubbing waits for readers before it reports a failure


class Store:
    """The file of a gallery. One lock guards the connection, so threads can share it."""

    def __init__(self, path: Path, embedder: str | None, *, create: bool, read_only: bool) -> None:
        self.path, self.where = path, str(path)
        recognise(path, create)
        self.read_only = read_only or not may_write(path)
        self._lock, self.closed = threading.RLock(), False
        self._changing = False  # whether a transaction of `change` is open
        self._held: Key | None = None
        self._inside: list[AbstractContextManager[None]] = []  # of the next change
        if read_only and may_write(path) and outdated(path):
            Store(path, None, create=False, read_only=False).close()  # migrates the file
        with spoken(self.where):
            self.db, immutable = connect(path, create=create, read_only=self.read_only)
            try:
                prepare(self.db, self.where, embedder, self.read_only)
                self._file = self._identity()
                self._held = hold(path)
                self.embedder, due, self.generation, self.protected = self.must(
                    "SELECT embedder, scrub_due, generation, protected FROM about"
                )
                if embedder not in (None, self.embedder):
                    raise GalleryMismatchError(self.embedder, str(embedder), self.where)
                if not self.read_only:
                    self._tidy(due)
            except BaseException:
                self._end()
                raise
        self._fixed = self._marks() if immutable else None

    def run(self, query: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement, inside `change` or `reading`."""
        return self.db.execute(query, values)

    def one(self, query: str, *values: Any) -> Any:
        """Run one statement; return its first row, or None."""
        return self.db.execute(query, values).fetchone()

    def must(self, query: str, *values: Any) -> Any:
        """Run one statement that a sound file answers; return its first row."""
        row = self.one(query, *values)
        if row is None:
            raise GalleryError(damaged_file(self.where, "a row is missing"))
        return row

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; return its id."""
        marks = ", ".join("?" * len(values))
        query = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        return int(self.run(query, *values.values()).lastrowid or 0)

    def many(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        self.db.executemany(query, rows)

    def numbers(self) -> dict[str, int]:
        """Return the highest id that a row of each table ever had, inside a transaction."""
        found = dict(self.run("SELECT name, seq FROM sqlite_sequence").fetchall())
        return {table: int(found.get(table, 0)) for table in NUMBERED}

    def set_numbers(self, numbers: Mapping[str, int]) -> None:
        """Set them, inside `change`."""
        for table, number in numbers.items():
            self.run("DELETE FROM sqlite_sequence WHERE name = ?", table)
            self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, number)

    @contextmanager
    def change(self, *, erases: bool = False, counts: bool = True) -> Iterator[int]:
        """Run one transaction: on disk at the end; see `mien.gallery.database.Database`."""
        with self._lock, spoken(self.where):
            if self._changing:
                yield int(self.must("SELECT epoch FROM about")[0])
                return
            self._writable()
            self._in_place()
            self._begin()
            self._changing = True
            try:
                self._same_key()
                before = int(self.must("SELECT epoch FROM about")[0])
                if erases:
                    self.db.execute("UPDATE about SET epoch = ?", (new_epoch(),))
                with ExitStack() as both:
                    while self._inside:
                        both.enter_context(self._inside.pop(0))
                    yield before
                if counts:
                    self.db.execute("UPDATE about SET changes = changes + 1")
                if erases:
                    self.db.execute("UPDATE about SET scrub_due = changes")
                self._in_place()
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            finally:
                self._changing = False

    def _begin(self) -> None:
        """Begin a change; ask often, since SQLite gives the file to whoever asks when it is free.

        Its own waiting asks every tenth of a second, and can find the file in use for WAIT seconds
        while several others write.
        """
        end = time.monotonic() + WAIT
        while True:
            try:
                with self._waiting(0):
                    self.db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(random.uniform(*ASKING))

    @contextmanager
    def inside(self, manager: AbstractContextManager[None]) -> Iterator[None]:
        """Enter a context manager at the begin of the next change, and leave it before its end.

        What it writes is part of the same transaction; an error of it undoes the change.
        """
        with self._lock:
            self._inside.append(manager)
            try:
                yield
            finally:
                self._inside.clear()  # a call that changed nothing has not entered it

    @contextmanager
    def reading(self, *, alone: bool = False) -> Iterator[None]:
        """Read one consistent state of the file with several statements, without other threads."""
        with self._lock, spoken(self.where):
            if self.db.in_transaction:  # of this thread, which reads or changes already
                yield
                return
            self._in_place()
            if self._fixed is not None and self._fixed != self._marks():
                raise GalleryError(
                    f"Gallery {self.where} was changed by another program while it was open "
                    "without write permission for its folder; open it again."
                )
            self.db.execute("BEGIN")
            try:
                self._same_key()
                yield
            finally:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    def renew(self, epoch: int, last: int, after: int) -> bool:
        """Set the epoch of an unchanged file, without waiting for other processes.

        Args:
            epoch: the expected present epoch.
            last: the expected number of the last template.
            after: the new epoch.

        Returns:
            Whether the epoch was set; False if the file has changed or is in use.
        """
        with self._lock, spoken(self.where), self._waiting(0):
            self._in_place()
            self.db.execute("BEGIN IMMEDIATE")
            try:
                same = self.must("SELECT epoch FROM about")[0] == epoch and self.last() == last
                if same:
                    self.db.execute("UPDATE about SET epoch = ?", (after,))
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            return same

    def _same_key(self) -> None:
        """Refuse to go on with an old key, or without one."""
        now = self.must("SELECT generation, protected, embedder FROM about")
        check_present(now, (self.generation, self.protected, self.embedder), self.where)

    def last(self) -> int:
        """Return the highest template number that was ever given, inside `change` or `reading`."""
        row = self.one("SELECT seq FROM sqlite_sequence WHERE name = 'templates'")
        return int(row[0]) if row else 0

    def scrub(self) -> str | None:
        """Overwrite deleted data; return the reason if that is incomplete.

        `secure_delete` overwrites a row where it was deleted. That is not sufficient: a row that
        SQLite moved to another page leaves an old copy behind (3 of 21,662 erased values in a file
        of 8 MB). The write-ahead log, which has old pages, is therefore emptied, all unused bytes
        of the file are read, and if any is not zero, the file is rebuilt with VACUUM.
        """
        with self._lock, spoken(self.where):
            self._writable()
            self._in_place()
            (due,) = self.must("SELECT scrub_due FROM about")
            try:
                with self._waiting(SCRUB_WAIT):
                    busy = self._emptied()
                    if not busy and self._wasteful():
                        self.db.execute("VACUUM")
                        busy = self._emptied()
                    if not busy:
                        # Only if no other process has erased data meanwhile.
                        done = "UPDATE about SET scrub_due = 0 WHERE scrub_due = ?"
                        self.db.execute(done, (due,))
            except sqlite3.OperationalError as error:
                return f"Data of erased rows may remain in the file. {sentence(error, self.where)}"
        if not busy:
            return None
        return (
            f"Another program is reading gallery {self.where}, so erased data remain in "
            f"{self.where}-wal; end that program, then scrub or open the gallery again."
        )

    def copy(self, target: Path) -> None:
        """Write one state of the file to a new file."""
        with self._lock, spoken(self.where):
            self.db.execute("VACUUM INTO ?", (str(target),))

    def _emptied(self) -> bool:
        """Move the write-ahead log to the file; return whether another process prevents that."""
        return bool(self.must("PRAGMA wal_checkpoint(TRUNCATE)")[0])

    def _wasteful(self) -> bool:
        """Return whether the file has remains of old data, or much unused space."""
        (free,), (pages,) = self.must("PRAGMA freelist_count"), self.must("PRAGMA page_count")
        return free * SPARE > pages or has_remains(self.path)

    def _tidy(self, due: int) -> None:
        """Overwrite data that a killed process left."""
        if due:
            self.scrub()  # an erasure was interrupted before its bytes were overwritten
            return
        # The log may have part of an unfinished change, and so people who cannot be forgotten. If
        # others use the file, or the disk is full, this is repeated at the next opening.
        with suppress(sqlite3.OperationalError), self._waiting(0):
            self._emptied()

    @contextmanager
    def _waiting(self, seconds: float) -> Iterator[None]:
        """Wait this long for other processes during the block."""
        self.db.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
        try:
            yield
        finally:
            self.db.execute(f"PRAGMA busy_timeout = {int(WAIT * 1000)}")

    def close(self) -> None:
        """Close the file; later use is an error."""
        with self._lock:
            self.closed = True
            self._end()

    def _end(self) -> None:
        self.db.close()
        if self._held:
            release(self._held)
            self._held = None

    def _writable(self) -> None:
        if self.read_only:
            raise GalleryError(
                f"Gallery {self.where} is open read-only; open it for writing, and make the file "
                "and "
                "its folder writable."
            )

    def _in_place(self) -> None:
        """Refuse a file that another one replaced: a change would go to a file without a name."""
        if self._identity() != self._file:
            raise GalleryError(
                f"Gallery {self.where} was replaced or deleted by another program while it was "
                "open. This change was not stored; open the gallery again."
            )

    def _identity(self) -> tuple[int, int] | None:
        """Which file lies at the path now; None if there is none."""
        try:
            file = self.path.stat()
        except FileNotFoundError:
            return None
        return file.st_dev, file.st_ino

    def _marks(self) -> tuple[int, ...]:
        """Return the properties of the files that change on a write."""
        wal = self.path.with_name(self.path.name + "-wal")
        file = self.path.stat()
        size = wal.stat().st_size if wal.exists() else 0
        return file.st_ino, file.st_size, file.st_mtime_ns, size


def may_write(path: Path) -> bool:
    """Return whether the file (if it exists) and its folder are writable."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))

"""The SQLite file of photo groups: photos, faces, groups, constraints and a journal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mien.errors import GalleryError
from mien.gallery.schema import connect, spoken, write_ahead

CONFIRMED = "told"  # column of faces; its name belongs to the file format
APPLICATION = 0x6D696767  # "migg", the application id of SQLite; galleries have another one
VERSION = 1
TABLES = (
    """
    CREATE TABLE about (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        contract TEXT NOT NULL,  -- of the embedder
        detector TEXT NOT NULL   -- card that found the faces
    )
    """,
    """
    CREATE TABLE pictures (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest TEXT NOT NULL UNIQUE,  -- SHA-256 of the bytes, hex
        reason TEXT                   -- why there is no face in it; NULL if there is one
    )
    """,
    """
    CREATE TABLE paths (
        path TEXT PRIMARY KEY,
        stamp TEXT NOT NULL,  -- size and time of the file: unchanged = the same bytes
        picture INTEGER NOT NULL REFERENCES pictures (id),
        here INTEGER NOT NULL DEFAULT 1  -- whether the last run saw it
    )
    """,
    """
    CREATE TABLE groups (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE  -- NFC; NULL until somebody names it
    )
    """,
    f"""
    CREATE TABLE faces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        picture INTEGER NOT NULL REFERENCES pictures (id),
        box BLOB NOT NULL,     -- 4 little-endian float32
        points BLOB NOT NULL,  -- 10 of them
        vector BLOB NOT NULL,  -- D of them, unit length
        reason TEXT,           -- why it is not grouped; NULL if it is
        grouped INTEGER REFERENCES groups (id),
        {CONFIRMED} INTEGER NOT NULL DEFAULT 0  -- whether a person put it there
    )
    """,
    """
    CREATE TABLE nots (  -- a person excluded the face from that group
        face INTEGER NOT NULL REFERENCES faces (id),
        grouped INTEGER NOT NULL REFERENCES groups (id),
        PRIMARY KEY (face, grouped)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,    -- ISO 8601, UTC
        edit TEXT NOT NULL,  -- a sentence
        before TEXT,         -- JSON: what undoing puts back; NULL: a run, not an edit
        undone INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX faces_of_picture ON faces (picture)",
    "CREATE INDEX faces_of_group ON faces (grouped)",
)


class GroupsFile:
    """An open file of groups; each change is one transaction, on disk at its end."""

    def __init__(self, path: Path, *, made_by: tuple[str, str] | None, read_only: bool) -> None:
        """Open a file.

        Args:
            path: of the file; created if `made_by` is given.
            made_by: contract of the embedder and card of the detector; None: those of the file.
            read_only: whether changes are refused.

        Raises:
            GalleryError: the file is missing, not a file of groups, or belongs to other models.
        """
        self.path, self.where = path, str(path)
        if path.is_dir() or not path.parent.is_dir():
            raise GalleryError(
                f"'{path}' cannot be a file of groups; give a file in an existing folder."
            )
        fresh = not path.exists() or not path.stat().st_size
        if fresh and made_by is None:
            raise GalleryError(f"{path} has no groups yet; create them: mien cluster FOLDER")
        with spoken(self.where):
            self.db, _ = connect(path, create=fresh, read_only=read_only)
            try:
                self._prepare(fresh, made_by, read_only)
                self.contract, self.detector = self.one("SELECT contract, detector FROM about")
            except BaseException:
                self.db.close()
                raise
        if made_by not in (None, (self.contract, self.detector)):
            self.db.close()
            assert made_by is not None
            raise GalleryError(
                f"{path} holds faces of detector '{self.detector}' and embedder '{self.contract}', "
                f"not of '{made_by[1]}' and '{made_by[0]}'; use the same models, or another file."
            )

    def _prepare(self, fresh: bool, made_by: tuple[str, str] | None, read_only: bool) -> None:
        owner, version = (
            int(self.one(f"PRAGMA {key}")[0]) for key in ("application_id", "user_version")
        )
        if not fresh and owner != APPLICATION:
            raise GalleryError(
                f"{self.path} is not a file of groups; it was not changed. Choose another file."
            )
        if version > VERSION:
            raise GalleryError(
                f"{self.path} was written by a newer version of mien; install that version."
            )
        if fresh:
            assert made_by is not None
            self.db.execute("BEGIN EXCLUSIVE")
            for statement in TABLES:
                self.db.execute(statement)
            self.db.execute("INSERT INTO about VALUES (1, ?, ?)", made_by)
            self.db.execute(f"PRAGMA application_id = {APPLICATION}")
            self.db.execute(f"PRAGMA user_version = {VERSION}")
            self.db.execute("COMMIT")
        if not read_only:
            write_ahead(self.db)

    def one(self, query: str, *values: Any) -> Any:
        """Return the first row of a query, or None."""
        return self.db.execute(query, values).fetchone()

    def all(self, query: str, *values: Any) -> list[Any]:
        """Return all rows of a query."""
        with spoken(self.where):
            return self.db.execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Run one transaction: it is on disk at the end; after an error nothing has changed."""
        with spoken(self.where):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def note(self, edit: str, before: str | None) -> int:
        """Write a line of the journal, inside `change`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        row = self.db.execute(
            "INSERT INTO journal (at, edit, before) VALUES (?, ?, ?)", (at, edit, before)
        )
        return int(row.lastrowid or 0)

    def scrub(self) -> None:
        """Overwrite deleted data, by rebuilding the file.

        Raises:
            GalleryError: another program is using the file.
        """
        with spoken(self.where):
            self.db.execute("VACUUM")
            busy = self.one("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if busy:
            raise GalleryError(
                f"Another program is reading {self.where}, so erased data remain in "
                f"{self.where}-wal; end that program, then run the same command again."
            )

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

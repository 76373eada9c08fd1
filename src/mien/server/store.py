"""The SQLite file of a server: keys, sessions, jobs, albums, questions and idempotency keys.

Statements are plain enough for PostgreSQL, too: see `mien.server.store_postgres`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mien.errors import GalleryError, MienError, StorageError
from mien.gallery.schema import connect, spoken, write_ahead

APPLICATION = 0x6D696773  # "migs", the application id of SQLite
TABLES = (
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,   -- SHA-256 of the secret, which has 256 random bits
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,     -- who holds it, for the journal
        scopes TEXT NOT NULL,   -- separated by spaces
        rate INTEGER NOT NULL,  -- requests per minute
        budget INTEGER NOT NULL,  -- faces searched per day
        made REAL NOT NULL,     -- s since 1970, as all times here
        expires REAL,
        revoked REAL
    )
    """,
    """
    CREATE TABLE sessions (
        digest TEXT PRIMARY KEY,  -- SHA-256 of the cookie
        key TEXT NOT NULL REFERENCES keys (id),
        expires REAL NOT NULL
    )
    """,
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,      -- film, cluster
        subject TEXT NOT NULL,   -- id of the film or album
        spec TEXT NOT NULL,      -- JSON: what is asked for, and by whom
        state TEXT NOT NULL,     -- queued, running, done, failed, cancelled
        step TEXT NOT NULL DEFAULT '{}',  -- JSON: what is counted, done, total
        error TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        worker TEXT,
        lease REAL,              -- until when the worker has it
        cancel INTEGER NOT NULL DEFAULT 0,
        made REAL NOT NULL,
        ended REAL
    )
    """,
    """
    CREATE TABLE films (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        gallery TEXT NOT NULL,
        name TEXT NOT NULL,      -- of the uploaded file
        bytes INTEGER NOT NULL,
        made REAL NOT NULL,
        result TEXT              -- JSON row of mien identify; NULL before the first run
    )
    """,
    """
    CREATE TABLE albums (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        gallery TEXT NOT NULL,
        name TEXT NOT NULL,
        made REAL NOT NULL
    )
    """,
    """
    CREATE TABLE questions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        album TEXT NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,      -- same: are two groups one person; who: is a group this person
        first INTEGER NOT NULL,  -- group
        second INTEGER NOT NULL DEFAULT 0,  -- group, for `same`
        person INTEGER NOT NULL DEFAULT 0,  -- id in the gallery, for `who`
        score REAL,              -- of the comparison; the closest to its threshold comes first
        threshold REAL,
        answer TEXT,             -- yes, no, skip; NULL: open
        undo TEXT,               -- JSON: what undoing takes back
        by TEXT,                 -- id of the key that answered
        at REAL,
        UNIQUE (album, kind, first, second, person)
    )
    """,
    """
    CREATE TABLE repeats (
        key TEXT NOT NULL,       -- SHA-256 of the credentials
        token TEXT NOT NULL,     -- the Idempotency-Key
        request TEXT NOT NULL,   -- method, path, query and length of the body
        tenant TEXT,
        status INTEGER,          -- NULL: still being answered
        kind TEXT,               -- media type of the body
        body BLOB,
        made REAL NOT NULL,
        PRIMARY KEY (key, token)
    )
    """,
    "CREATE INDEX jobs_by_state ON jobs (state, made)",
    "CREATE INDEX questions_open ON questions (tenant, answer)",
)

EVENTS = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        camera TEXT NOT NULL,
        kind TEXT NOT NULL,      -- start, enter, name, exit, end, lost
        person TEXT,             -- name in the gallery, or unknown-3
        at REAL NOT NULL,        -- when it was stored
        row TEXT NOT NULL        -- JSON, as `mien watch` prints it
    )
    """,
    """
    CREATE TABLE hooks (
        tenant TEXT NOT NULL,
        camera TEXT NOT NULL,
        last INTEGER NOT NULL,   -- id of the last event that was delivered
        PRIMARY KEY (tenant, camera)
    )
    """,
    "CREATE INDEX events_by_camera ON events (tenant, camera, id)",
)
SIGHTINGS = (
    """
    CREATE TABLE sightings (  -- who is on screen in which film
        tenant TEXT NOT NULL,
        gallery TEXT NOT NULL,
        person INTEGER NOT NULL,  -- id in the gallery
        was INTEGER NOT NULL,     -- id before a merge
        film TEXT NOT NULL REFERENCES films (id) ON DELETE CASCADE,
        first REAL NOT NULL,      -- s from the start of the film
        seconds REAL NOT NULL,
        at REAL NOT NULL          -- when the film was identified
    )
    """,
    "CREATE INDEX sightings_of ON sightings (tenant, gallery, person)",
    "CREATE INDEX sightings_in ON sightings (film)",
    "ALTER TABLE questions ADD COLUMN others TEXT NOT NULL DEFAULT '[]'",  # JSON: ids of people
    # A planted question has a known answer, yes or no, and JSON of the two lists of faces it shows.
    "ALTER TABLE questions ADD COLUMN planted TEXT",
    "ALTER TABLE questions ADD COLUMN shown TEXT",
    "ALTER TABLE films ADD COLUMN digest TEXT",  # SHA-256; NULL: stored by an older version
    """
    CREATE TABLE galleries (   -- of a server whose galleries are in PostgreSQL
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        place TEXT NOT NULL,   -- name of the gallery in the database
        PRIMARY KEY (tenant, name)
    )
    """,
    "CREATE INDEX events_of ON events (tenant, camera, person, at)",
)
STEPS = (
    TABLES,
    EVENTS,
    SIGHTINGS,
)  # of the version of the file: a step is never changed once released


@contextmanager
def speaking(where: str) -> Iterator[None]:
    """Convert errors of SQLite to one of mien: it is about the server, not about a request."""
    try:
        with spoken(where):
            yield
    except GalleryError as error:
        name = Path(where).name
        raise StorageError(f"The file {name} of the server cannot be used: {error}") from error


class Store:
    """An open file; used from several threads and processes. Each change is one transaction."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._lock = threading.RLock()
        with speaking(self.where):
            self.db, _ = connect(path, create=True, read_only=False)
            self.db.execute("BEGIN EXCLUSIVE")
            try:
                self._prepare()
                self.db.execute("COMMIT")
            except BaseException:
                self.db.execute("ROLLBACK")
                self.db.close()
                raise
            write_ahead(self.db)

    def _prepare(self) -> None:
        version = int(self.db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(STEPS):
            raise MienError(
                f"{self.where} was written by a newer version of mien; install that version."
            )
        for step in STEPS[version:]:
            for statement in step:
                self.db.execute(statement)
        self.db.execute(f"PRAGMA application_id = {APPLICATION}")
        self.db.execute(f"PRAGMA user_version = {len(STEPS)}")

    def one(self, query: str, *values: Any) -> Any:
        """Return the first row of a query, or None."""
        with self._lock, speaking(self.where):
            return self.db.execute(query, values).fetchone()

    def all(self, query: str, *values: Any) -> list[Any]:
        """Return all rows of a query."""
        with self._lock, speaking(self.where):
            return self.db.execute(query, values).fetchall()

    def run(self, query: str, *values: Any) -> int:
        """Run one change; return the number of rows that it concerns."""
        with self.change(), speaking(self.where):
            return self.db.execute(query, values).rowcount

    @contextmanager
    def change(self) -> Iterator[None]:
        """Run one transaction: it is on disk at the end; after an error nothing has changed."""
        with self._lock:
            if self.db.in_transaction:  # a part of a larger one
                yield
                return
            with speaking(self.where):
                self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                with speaking(self.where):
                    self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self.db.close()

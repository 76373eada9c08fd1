"""A gallery in a PostgreSQL database: its schema, transactions, and messages for errors.

Each gallery has a schema of its own, so that privileges of the server separate tenants. Changes of
one gallery wait for each other; reading does not wait.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import psycopg
import psycopg_pool
from pgvector.psycopg import register_vector

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery.database import Result
from mien.gallery.postgres_schema import (
    TABLES,
    WAIT,
    Db,
    may_write,
    parse,
    prepare,
    search_path,
    spoken,
    summary,
)
from mien.gallery.postgres_tenants import check_tenant, secure
from mien.gallery.schema import check_present, damaged_file, new_epoch

SCRUB_WAIT = 2.0  # seconds that scrubbing waits for readers before it reports a failure
CONNECTIONS = 8  # at most, of one open gallery


def exists(url: str) -> bool:
    """Return whether a database has a gallery.

    Raises:
        GalleryError: the server cannot be reached.
    """
    address = parse(url)
    with spoken(address.where), psycopg.connect(address.conninfo, autocommit=True) as db:
        found = db.execute("SELECT to_regnamespace(%s) IS NOT NULL", (address.schema,)).fetchone()
    return found == (True,)


class _Thread(threading.local):
    """What one thread does at present."""

    def __init__(self) -> None:
        self.db: Db | None = None
        self.numbers: dict[str, int] | None = None  # last number by table, during a change
        self.inside: list[AbstractContextManager[None]] = []  # of the next change


class PostgresStore:
    """The schema of a gallery; see `mien.gallery.database.Database`. Thread-safe."""

    def __init__(self, url: str, embedder: str | None, *, create: bool, read_only: bool) -> None:
        self.address = parse(url)
        self.where, self.closed = self.address.where, False
        self._mine, self._guard = _Thread(), threading.RLock()
        with spoken(self.where), psycopg.connect(self.address.conninfo, autocommit=True) as db:
            check_tenant(db, self.address)
            self.read_only = read_only or not may_write(db, self.address, create)
            if not self.read_only:
                prepare(db, self.address, embedder if create else None)
                secure(db, self.address)
            self._path = search_path(db, self.address)
            query = "SELECT embedder, generation, protected, scrub_due FROM "
            row = db.execute(f"{query}{self.address.schema}.about").fetchone()
        if row is None:
            raise GalleryError(damaged_file(self.where, "a row is missing"))
        self.embedder, self.generation, self.protected, due = row
        if embedder not in (None, self.embedder):
            raise GalleryMismatchError(self.embedder, str(embedder), self.where)
        self._pool = psycopg_pool.ConnectionPool(
            self.address.conninfo,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT,
            configure=self._configure,
            check=psycopg_pool.ConnectionPool.check_connection,
            open=True,
        )
        if due and not self.read_only:
            self.scrub()  # an erasure was interrupted before its bytes were removed

    def _configure(self, db: Db) -> None:
        """Prepare a new connection."""
        db.execute(f"SET search_path TO {self._path}")
        db.execute(f"SET lock_timeout TO {int(WAIT * 1000)}")
        db.execute("SET synchronous_commit TO on")  # an acknowledged change is on disk
        register_vector(db)

    # ------------------------------------------------------------------ statements

    def run(self, query: str, *values: Any) -> Result:
        """Run one statement, inside `change` or `reading`."""
        assert self._mine.db is not None
        return self._mine.db.execute(query.replace("?", "%s"), values)

    def one(self, query: str, *values: Any) -> Any:
        """Run one statement; return its first row, or None."""
        return self.run(query, *values).fetchone()

    def must(self, query: str, *values: Any) -> Any:
        """Run one statement that a sound gallery answers; return its first row."""
        row = self.one(query, *values)
        if row is None:
            raise GalleryError(damaged_file(self.where, "a row is missing"))
        return row

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; return its id."""
        assert self._mine.numbers is not None
        self._mine.numbers[table] += 1
        row = {"id": self._mine.numbers[table], **values}
        marks = ", ".join("?" * len(row))
        self.run(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())
        return self._mine.numbers[table]

    def many(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        assert self._mine.db is not None
        self._mine.db.cursor().executemany(query.replace("?", "%s"), rows)

    def numbers(self) -> dict[str, int]:
        """Return the highest id that a row of each table ever had, inside a transaction."""
        if self._mine.numbers is not None:
            return dict(self._mine.numbers)
        columns = ", ".join(f"last_{table}" for table in TABLES)
        return dict(zip(TABLES, self.must(f"SELECT {columns} FROM about"), strict=True))

    def set_numbers(self, numbers: Mapping[str, int]) -> None:
        """Set them, inside `change`."""
        assert self._mine.numbers is not None
        self._mine.numbers.update(numbers)

    def last(self) -> int:
        """Return the highest template number that was ever given, inside `change` or `reading`."""
        return self.numbers()["templates"]

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def change(self, *, erases: bool = False, counts: bool = True) -> Iterator[int]:
        """Run one transaction; see `Database`. Others of this gallery wait for its end."""
        if self._mine.numbers is not None:
            yield int(self.must("SELECT epoch FROM about")[0])
            return
        self._writable()
        with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"):
            epoch = int(self.must("SELECT epoch FROM about FOR UPDATE")[0])
            self._same_key()
            if erases:
                self.run("UPDATE about SET epoch = ?", new_epoch())
            before = self.numbers()
            self._mine.numbers = dict(before)
            try:
                with ExitStack() as both:
                    while self._mine.inside:
                        both.enter_context(self._mine.inside.pop(0))
                    yield epoch
                self._store(before, erases, counts)
            finally:
                self._mine.numbers = None

    def _store(self, before: dict[str, int], erases: bool, counts: bool) -> None:
        """Write what a change has counted."""
        now = self._mine.numbers or {}
        new: dict[str, int] = {f"last_{t}": now[t] for t in TABLES if now[t] != before[t]}
        sets = [f"{name} = ?" for name in new]
        sets += ["changes = changes + 1"] if counts else []
        sets += ["scrub_due = changes + 1"] if erases else []
        if sets:
            self.run(f"UPDATE about SET {', '.join(sets)}", *new.values())

    @contextmanager
    def inside(self, manager: AbstractContextManager[None]) -> Iterator[None]:
        """Enter a context manager with the next change of this thread; see `Database`."""
        self._mine.inside.append(manager)
        try:
            yield
        finally:
            self._mine.inside.clear()  # a call that changed nothing has not entered it

    @contextmanager
    def reading(self, *, alone: bool = False) -> Iterator[None]:
        """Read one consistent state with several statements; see `Database`."""
        with ExitStack() as both:
            if alone:
                both.enter_context(self._guard)
            if self._mine.db is None:
                both.enter_context(
                    self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                )
                self._same_key()
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with spoken(self.where), self._pool.connection() as db:
            db.execute(begin)
            self._mine.db = db
            try:
                yield
                db.execute("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):  # the connection broke: nothing was stored
                    db.execute("ROLLBACK")
                raise
            finally:
                self._mine.db = None

    def _same_key(self) -> None:
        """Refuse to go on with an old key, or without one."""
        now = self.must("SELECT generation, protected, embedder FROM about")
        check_present(now, (self.generation, self.protected, self.embedder), self.where)

    def _writable(self) -> None:
        if self.read_only:
            raise GalleryError(
                f"Gallery {self.where} is open read-only; open it for writing, as a user of the "
                "server who may change it."
            )

    # ------------------------------------------------------------------ the end

    def scrub(self) -> str | None:
        """Rewrite the tables without erased rows; return the reason if that is incomplete.

        PostgreSQL keeps an erased row in its file until the space is used again. VACUUM FULL
        writes new files without it, and deletes the old ones. The write-ahead log, copies on other
        servers and backups keep it for as long as they are kept: see docs/guide/governance.md.
        """
        self._writable()
        with self.reading():
            if not self.must("SELECT scrub_due FROM about")[0]:
                return None
        turn = f"scrub {self.address.schema}"
        with spoken(self.where), self._pool.connection() as db:
            # Those who wait here have erased before the next one begins, who works for all of them.
            try:
                db.execute("SELECT pg_advisory_lock(hashtext(%s))", (turn,))
            except psycopg.errors.LockNotAvailable:
                return (
                    f"Other programs have erased data of gallery {self.where} for {WAIT:g} s, and "
                    "the data of this erasure remain in its tables; scrub it later."
                )
            try:
                return self._rewritten(db)
            finally:
                with suppress(psycopg.Error):
                    db.execute(f"SET lock_timeout TO {int(WAIT * 1000)}")
                    db.execute("SELECT pg_advisory_unlock(hashtext(%s))", (turn,))

    def _rewritten(self, db: Db) -> str | None:
        """Rewrite all tables if that is still due; return the reason if it is incomplete."""
        row = db.execute("SELECT scrub_due FROM about").fetchone()
        if row == (0,):
            return None
        if not self._unseen(db):
            return (
                f"Another program is reading gallery {self.where}, so erased data remain in its "
                "tables; end that program, then scrub or open the gallery again."
            )
        db.execute(f"SET lock_timeout TO {int(SCRUB_WAIT * 1000)}")
        try:
            for table in (*TABLES, "search", "about"):
                db.execute(f"VACUUM (FULL) {table}")
            # Only if no other process has erased data meanwhile.
            db.execute("UPDATE about SET scrub_due = 0 WHERE scrub_due = %s", row)
        except psycopg.OperationalError as error:
            return f"Data of erased rows may remain in {self.where} ({summary(error)})."
        return None

    def _unseen(self, db: Db) -> bool:
        """Wait until no transaction can see what was erased before now; return whether none can."""
        now = db.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        older = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND age(backend_xmin) > age(%s::xid)"
        )
        end = time.monotonic() + SCRUB_WAIT
        while db.execute(older, now).fetchone() != (0,):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Close all connections; later use is an error."""
        self.closed = True
        self._pool.close()

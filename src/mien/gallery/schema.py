"""The SQLite file of a gallery: recognition, creation, opening, and error messages."""

import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.held import held, read_at

MAGIC = b"SQLite format 3\0"
APPLICATION = 0x6D69656E  # "mien", in the header the application id of SQLite
WAIT = 30.0  # seconds that a change waits for another process

# Step n migrates a file from version n to n + 1; a new file takes all steps. Never edit a released
# step: add one. Person ids and template numbers are never reused (AUTOINCREMENT), so a number that
# a user wrote down never refers to another person.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE about (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            embedder TEXT NOT NULL,              -- contract id
            dimension INTEGER,                   -- NULL until the first template
            changes INTEGER NOT NULL DEFAULT 0,  -- counts all changes
            epoch INTEGER NOT NULL DEFAULT 0,    -- counts those that remove or regroup rows
            scrub_due INTEGER NOT NULL DEFAULT 0 -- `changes` when bytes were left behind; 0 = none
        )
        """,
        """
        CREATE TABLE people (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE            -- NFC
        )
        """,
        """
        CREATE TABLE templates (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            vector BLOB NOT NULL,                -- D little-endian float32
            crc INTEGER NOT NULL,                -- CRC-32 of the vector; SQLite has no checksums
            source TEXT,
            digest TEXT,                         -- SHA-256 of the picture, hex
            quality TEXT,                        -- JSON object
            box BLOB,                            -- 4 little-endian float32
            added TEXT NOT NULL                  -- ISO 8601, UTC
        )
        """,
        """
        CREATE UNIQUE INDEX pictures ON templates (person, digest)
        """,
        """
        CREATE TABLE refusals (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            digest TEXT NOT NULL,
            reason TEXT NOT NULL,
            source TEXT,
            added TEXT NOT NULL,
            UNIQUE (person, digest)
        )
        """,
    ),
    (
        """
        CREATE TABLE facts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,                  -- "journal", "settings", ...
            person INTEGER REFERENCES people (id) ON DELETE CASCADE,
            text TEXT NOT NULL                   -- JSON; see mien.gallery.guarded
        )
        """,
        """
        CREATE INDEX kinds ON facts (kind, id)
        """,
        """
        CREATE INDEX owners ON facts (person)
        """,
    ),
    (
        "ALTER TABLE about ADD COLUMN lookup BLOB",  # wrapped key of digests; NULL: not encrypted
        "ALTER TABLE about ADD COLUMN generation INTEGER NOT NULL DEFAULT 0",  # of the key; 0: none
        "ALTER TABLE about ADD COLUMN ident TEXT",  # random, names the gallery in the keyring
        # An encrypted gallery has a keyed digest in `name` and in each `digest`, and all else that
        # identifies somebody sealed in `vector`, `source` and `text`; see mien.gallery.sealing.
        "ALTER TABLE people ADD COLUMN sealed BLOB",  # the name
        "ALTER TABLE people ADD COLUMN wrapped BLOB",  # the data key
    ),
    # NULL; or the state of a gallery whose rows arrive here, and this is none yet: see migrating.
    ("ALTER TABLE about ADD COLUMN arriving TEXT",),
    (
        "ALTER TABLE about ADD COLUMN protected INTEGER NOT NULL DEFAULT 0",  # counts the keys
        "ALTER TABLE about ADD COLUMN protect_check TEXT",  # of the present key; NULL: none
    ),
    (  # a second vector per template, while the model changes: see besides
        "ALTER TABLE about ADD COLUMN beside TEXT",  # its contract id; NULL: no change is under way
        "ALTER TABLE about ADD COLUMN origin TEXT",  # that the keys name; NULL: the present one
        "ALTER TABLE about ADD COLUMN beside_dimension INTEGER",
        "ALTER TABLE about ADD COLUMN beside_check TEXT",  # of the key of protected templates
        "ALTER TABLE about ADD COLUMN switched INTEGER NOT NULL DEFAULT 0",  # 1: `beside` is old
        "ALTER TABLE templates ADD COLUMN beside BLOB",
        "ALTER TABLE templates ADD COLUMN beside_crc INTEGER",
    ),
)


class OutdatedError(GalleryError):
    """An open gallery got another key or another model by another program."""


@contextmanager
def spoken(where: str) -> Iterator[None]:
    """Convert errors of SQLite to messages of mien."""
    try:
        yield
    except sqlite3.Error as error:
        raise GalleryError(sentence(error, where)) from error
    except UnicodeDecodeError as error:  # a name or an error text of SQLite with a flipped bit
        raise GalleryError(damaged_file(where, "text that is not UTF-8")) from error


def damaged_file(where: str, why: object) -> str:
    """That the file cannot be trusted, and what to do next."""
    return (
        f"Gallery {where} is damaged ({why}). Nothing was changed; put a backup in its "
        "place, or enrol the pictures into a new file."
    )


def sentence(error: sqlite3.Error, where: str) -> str:
    """Return what is wrong, where, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    safe = "This change was not stored; all earlier changes are safe"
    match code:
        case sqlite3.SQLITE_FULL:
            return (
                f"Gallery {where} cannot be written because the disk is full. {safe}; "
                "free some space and run the same command again."
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"Gallery {where} has been locked by another program for {WAIT:g} s. {safe}; "
                "wait for that program, or end it, and try again."
            )
        # Our statements never change, so one that SQLite does not understand met another schema.
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_ERROR:
            return damaged_file(where, error)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return (
                f"Gallery {where} cannot be written ({error}). {safe}; "
                "make the file and its folder writable."
            )
        case sqlite3.SQLITE_CANTOPEN:
            return (
                f"Gallery {where} cannot be opened ({error}); check that the file and its folder "
                "are readable. If it was copied while in use, also copy the file that ends in -wal."
            )
    if isinstance(error, sqlite3.ProgrammingError):
        return f"Gallery {where} cannot be used ({error}); open it again."
    return f"Gallery {where} cannot be read or written ({error}). {safe}; check the disk."


def check_present(now: Sequence[object], known: Sequence[object], where: str) -> None:
    """Refuse to go on with an old key, without one, or with the embedder of before.

    Args:
        now: number of the key, number of the key of protected templates, contract id.
        known: those with which the gallery was opened.
        where: the gallery, for messages.
    """
    if tuple(now) != tuple(known):
        what = "was encrypted, or got a new key," if now[2] == known[2] else "got another model"
        raise OutdatedError(
            f"Gallery {where} {what} while it was open; this change was not stored. Open the "
            "gallery again."
        )


def recognise(path: Path, create: bool) -> None:
    """Raise an error for a file that is not a gallery, by its first 100 bytes, read-only.

    Source: sqlite.org/fileformat2.html, section 1.3; the application id is at byte 68.
    """
    if path.is_dir():
        raise GalleryError(f"Gallery {path} is a folder; give a file in it, such as people.mien.")
    if not path.exists():
        if create and path.parent.is_dir():
            return
        missing = path if path.parent.is_dir() else f"folder {path.parent}"
        raise GalleryError(
            f"Gallery {path} cannot be opened because {missing} does not exist; "
            "check the path, or create it first."
        )
    try:
        with held(path) as file:
            head = read_at(file, 100, 0)
    except OSError as error:
        raise GalleryError(
            f"Gallery {path} cannot be read ({error.strerror}); change its permissions."
        ) from error
    if not head and create:
        return  # an interrupted creation leaves an empty file
    if len(head) < 100 or not head.startswith(MAGIC):
        raise GalleryError(
            f"The file {path} is not a gallery: it has no SQLite header. "
            "It was not changed; choose another file."
        )
    if int.from_bytes(head[68:72], "big") != APPLICATION:
        raise GalleryError(
            f"The file {path} is an SQLite file of another program, not a gallery. "
            "It was not changed; choose another file."
        )


def connect(path: Path, *, create: bool, read_only: bool) -> tuple[sqlite3.Connection, bool]:
    """Open the file; also return whether it is without locks (folder not writable)."""
    beside = path.with_name(path.name + "-wal")
    # Readers of a WAL file share a small file beside it. If that is not writable, SQLite reads it
    # only as immutable; with rows still in the WAL, results would be wrong.
    immutable = (
        read_only
        and not os.access(path.parent, os.W_OK)
        and not (beside.exists() and beside.stat().st_size)
    )
    mode = "mode=ro" if read_only else "mode=rwc" if create else "mode=rw"
    uri = f"{path.absolute().as_uri()}?{mode}{'&immutable=1' if immutable else ''}"
    db = sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "cell_size_check = ON"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("PRAGMA temp_store = MEMORY")  # no face data in temporary files
        if not read_only:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("PRAGMA synchronous = FULL")  # an acknowledged change is on disk
    except BaseException:
        db.close()
        raise
    return db, immutable


def outdated(path: Path) -> bool:
    """Return whether an existing gallery was written by an older version of mien.

    Source: sqlite.org/fileformat2.html, section 1.3; the user version is at byte 60. A migration
    empties the write-ahead log, so the file itself has it.
    """
    with held(path) as file:
        head = read_at(file, 100, 0)
    return 0 < int.from_bytes(head[60:64], "big") < len(STEPS)


def prepare(db: sqlite3.Connection, where: str, embedder: str | None, read_only: bool) -> None:
    """Create the tables of a new file, or migrate an older file."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        raise GalleryError(
            f"Gallery {where} was written by a newer version of mien (file version {version}; "
            "this one reads "
            f"up to {len(STEPS)}); install that version."
        )
    if read_only:
        if version < len(STEPS):
            raise GalleryError(
                f"Gallery {where} has file version {version} and is open read-only; "
                f"open it once for writing to migrate it to version {len(STEPS)}."
            )
        return
    if version < len(STEPS):
        upgrade(db, where, embedder)
    write_ahead(db)


def upgrade(db: sqlite3.Connection, where: str, embedder: str | None) -> None:
    """Run the missing steps in one transaction; another process may have run them."""
    db.execute("BEGIN EXCLUSIVE")
    try:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        for step in STEPS[version:]:
            for statement in step:
                db.execute(statement)
        if version == 0:
            if embedder is None:
                raise GalleryError(f"Gallery {where} is new; name its embedder.")
            values = (embedder, new_epoch())
            db.execute("INSERT INTO about (id, embedder, epoch) VALUES (1, ?, ?)", values)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {len(STEPS)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def new_epoch() -> int:
    """Return a number that no state of any gallery had before; files of 0.1 counted from 0."""
    return secrets.randbits(62)


def write_ahead(db: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, in which readers and a writer do not block each other.

    SQLite does not wait for locks in this statement, so this function does.
    """
    end = time.monotonic() + WAIT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)

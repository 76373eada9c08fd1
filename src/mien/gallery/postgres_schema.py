"""The schema of a gallery in PostgreSQL: its address, tables, and messages for errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlunsplit

import psycopg
import psycopg.errors as wrong
import psycopg_pool

from mien.errors import GalleryError
from mien.gallery.checks import split_address
from mien.gallery.schema import damaged_file, new_epoch

WAIT = 30.0  # seconds that a change waits for another one, and a call for a connection
Db = psycopg.Connection[Any]
TABLES = ("people", "templates", "refusals", "facts")  # with numbers that are never reused
NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
DEFAULT = "people"  # name of the gallery, if the address has none

# Step n migrates a gallery from version n to n + 1; a new one takes all steps. Never edit a
# released step: add one. The tables are those of mien.gallery.schema.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE about (
            id integer PRIMARY KEY CHECK (id = 1),
            version integer NOT NULL,
            embedder text NOT NULL,
            dimension integer,
            changes bigint NOT NULL DEFAULT 0,
            epoch bigint NOT NULL,
            scrub_due bigint NOT NULL DEFAULT 0,
            lookup bytea,
            generation integer NOT NULL DEFAULT 0,
            ident text,
            arriving text,
            protected integer NOT NULL DEFAULT 0,
            protect_check text,
            last_people bigint NOT NULL DEFAULT 0,
            last_templates bigint NOT NULL DEFAULT 0,
            last_refusals bigint NOT NULL DEFAULT 0,
            last_facts bigint NOT NULL DEFAULT 0
        )
        """,
        """
        CREATE TABLE people (
            id bigint PRIMARY KEY,
            name text NOT NULL UNIQUE,
            sealed bytea,
            wrapped bytea
        )
        """,
        """
        CREATE TABLE templates (
            id bigint PRIMARY KEY,
            person bigint NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            vector bytea NOT NULL,
            crc bigint NOT NULL,
            source text,
            digest text,
            quality text,
            box bytea,
            added text NOT NULL,
            UNIQUE (person, digest),
            UNIQUE (id, person)
        )
        """,
        """
        CREATE TABLE refusals (
            id bigint PRIMARY KEY,
            person bigint NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            digest text NOT NULL,
            reason text NOT NULL,
            source text,
            added text NOT NULL,
            UNIQUE (person, digest)
        )
        """,
        """
        CREATE TABLE facts (
            id bigint PRIMARY KEY,
            kind text NOT NULL,
            person bigint REFERENCES people (id) ON DELETE CASCADE,
            text text NOT NULL
        )
        """,
        "CREATE INDEX kinds ON facts (kind, id)",
        "CREATE INDEX owners ON facts (person)",
        # What is compared in the database; empty if the gallery is encrypted.
        """
        CREATE TABLE search (
            template bigint PRIMARY KEY,
            person bigint NOT NULL,
            embedding vector NOT NULL,
            FOREIGN KEY (template, person) REFERENCES templates (id, person)
                ON UPDATE CASCADE ON DELETE CASCADE
        )
        """,
        "ALTER TABLE search ALTER COLUMN embedding SET STORAGE PLAIN",  # compared without detour
    ),
    (
        "ALTER TABLE about ADD COLUMN beside text, ADD COLUMN origin text, "
        "ADD COLUMN beside_dimension integer, ADD COLUMN beside_check text, "
        "ADD COLUMN switched integer NOT NULL DEFAULT 0",
        "ALTER TABLE templates ADD COLUMN beside bytea, ADD COLUMN beside_crc bigint",
    ),
)


class Address(NamedTuple):
    """What the address of a gallery states."""

    conninfo: str  # for libpq
    schema: str
    where: str  # for messages: without the password
    approximate: bool  # whether an approximate index is used
    tenant: str | None = None  # role of the server whose members alone see the rows


def parse(url: str) -> Address:
    """Read `postgresql://USER@HOST/DATABASE?gallery=NAME`, with further parameters of libpq.

    Raises:
        GalleryError: it is not an address of a gallery.
    """
    parts = split_address(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    name, index = given.pop("gallery", DEFAULT), given.pop("index", "exact")
    if not NAME.fullmatch(name):
        raise GalleryError(
            f"The gallery name {name[:60]!r} is not possible in PostgreSQL: expected up to 41 of "
            "a-z, 0-9 and '_', beginning with a letter."
        )
    if index not in ("exact", "hnsw"):
        raise GalleryError(f"index={index[:40]} is not known; expected index=exact or index=hnsw.")
    tenant = given.pop("tenant", None)
    if tenant is not None and not NAME.fullmatch(tenant):
        raise GalleryError(
            f"tenant={tenant[:40]} is not possible: expected a role of up to 41 of a-z, 0-9 and "
            "'_', beginning with a letter."
        )
    shown = {key: value for key, value in given.items() if key != "password"} | {"gallery": name}
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    place = f"{user}@{host}" if user else host
    where = urlunsplit(parts._replace(netloc=place, query=urlencode(shown, safe="/")))
    conninfo = urlunsplit(parts._replace(query=urlencode(given)))
    return Address(conninfo, f"mien_{name}", where, index == "hnsw", tenant)


@contextmanager
def spoken(where: str) -> Iterator[None]:
    """Convert errors of PostgreSQL to messages of mien."""
    try:
        yield
    except (psycopg_pool.PoolClosed, psycopg.ProgrammingError, psycopg.DataError) as error:
        if isinstance(error, psycopg_pool.PoolClosed):
            message = f"Gallery {where} is closed and cannot be used; open it again."
        elif isinstance(error, wrong.InsufficientPrivilege):
            message = (
                f"Gallery {where}: the server permits this not to this user ({summary(error)})."
            )
        elif isinstance(error, psycopg.ProgrammingError):
            message = damaged_file(where, summary(error))
        else:
            message = f"Gallery {where} cannot store this ({summary(error)}). Nothing was changed."
        raise GalleryError(message) from error
    except psycopg.Error as error:
        raise GalleryError(sentence(error, where)) from error


def summary(error: BaseException) -> str:
    """Return the first line of a message of the server."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def sentence(error: psycopg.Error, where: str) -> str:
    """Return what is wrong, where, and what to do."""
    safe = "This change was not stored; all earlier changes are safe"
    if isinstance(error, wrong.DiskFull):
        return (
            f"Gallery {where} cannot be written because the disk of the server is full. {safe}; "
            "free some space and run the same command again."
        )
    if isinstance(error, wrong.LockNotAvailable):
        return (
            f"Gallery {where} has been locked by another program for {WAIT:g} s. {safe}; "
            "wait for that program, or end it, and try again."
        )
    if isinstance(error, psycopg.OperationalError):
        return (
            f"Gallery {where}: the server cannot be reached, or the connection broke "
            f"({summary(error)}). All acknowledged changes are safe; run the same command again."
        )
    return f"Gallery {where} cannot be read or written ({summary(error)}). {safe}."


def may_write(db: Db, address: Address, create: bool) -> bool:
    """Return whether this user may change the gallery, or create it.

    Raises:
        GalleryError: it belongs to another user.
    """
    schema = address.schema
    if db.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        return False
    if db.execute("SELECT to_regnamespace(%s) IS NULL", (schema,)).fetchone() == (True,):
        return create
    query = "SELECT has_schema_privilege(%s, 'USAGE')"
    if db.execute(query, (schema,)).fetchone() != (True,):
        raise GalleryError(
            f"Gallery {address.where} belongs to somebody else: the server permits it not to this "
            "user. Connect as its owner, or let the owner grant the schema and its tables."
        )
    if db.execute("SELECT to_regclass(%s) IS NULL", (f"{schema}.about",)).fetchone() == (True,):
        return create
    query = "SELECT has_table_privilege(%s, 'UPDATE')"
    return db.execute(query, (f"{schema}.about",)).fetchone() == (True,)


def prepare(db: Db, address: Address, embedder: str | None) -> None:
    """Create the schema, or run the missing steps, in one transaction."""
    schema = address.schema
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (schema,))
        there = db.execute("SELECT to_regclass(%s)", (f"{schema}.about",)).fetchone()
        version = 0
        if there != (None,):
            row = db.execute(f"SELECT version FROM {schema}.about").fetchone()
            version = int(row[0]) if row else 0
        if version > len(STEPS):
            raise GalleryError(
                f"Gallery {address.where} was written by a newer version of mien (version "
                f"{version}; this one reads up to {len(STEPS)}); install that version."
            )
        if version == len(STEPS) or (not version and embedder is None):
            return
        extension(db, address.where)
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        db.execute(f"SET LOCAL search_path TO {schema}, {home_of_vector(db)}")
        for step in STEPS[version:]:
            for statement in step:
                db.execute(statement)
        if not version:
            query = "INSERT INTO about (id, version, embedder, epoch) VALUES (1, %s, %s, %s)"
            db.execute(query, (len(STEPS), embedder, new_epoch()))
        db.execute("UPDATE about SET version = %s", (len(STEPS),))


def search_path(db: Db, address: Address) -> str:
    """Return the search path of an existing gallery.

    Raises:
        GalleryError: it does not exist, or is of another version of mien.
    """
    schema = address.schema
    if db.execute("SELECT to_regclass(%s)", (f"{schema}.about",)).fetchone() == (None,):
        raise GalleryError(
            f"Gallery {address.where} does not exist in this database; check the address, or "
            "create it first: mien gallery create"
        )
    row = db.execute(f"SELECT version FROM {schema}.about").fetchone()
    if row != (len(STEPS),):
        raise GalleryError(
            f"Gallery {address.where} has version {row[0] if row else 'none'} and this mien needs "
            f"{len(STEPS)}; open it once for writing, or install a newer mien."
        )
    return f"{schema}, {home_of_vector(db)}"


def extension(db: Db, where: str) -> None:
    """Make sure that the database has pgvector.

    Raises:
        GalleryError: it has not, and this user may not add it.
    """
    if home_of_vector(db):
        return
    try:
        with db.transaction():
            db.execute("CREATE EXTENSION vector")
    except psycopg.Error as error:
        raise GalleryError(
            f"Gallery {where} needs the extension pgvector in its database ({summary(error)}); let "
            "an administrator install it and run: CREATE EXTENSION vector"
        ) from error


def home_of_vector(db: Db) -> str | None:
    """Return the quoted schema of pgvector; None if the database has not got it."""
    query = "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON "
    row = db.execute(f"{query} pg_namespace.oid = extnamespace WHERE extname = 'vector'").fetchone()
    return str(row[0]) if row else None

"""Galleries of known people: one protocol, several stores.

with open_gallery("family.mien", embedder.contract, create=True) as gallery:
    gallery.add([Template("Ada", vector, embedder.contract, source="ada.jpg")])
    best, second = gallery.search(vector[None], k=2)[0]
"""

import re
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.deprecated import moved
from mien.errors import GalleryError, extra
from mien.gallery.archive import Imported, embedder_of, export_gallery, import_gallery
from mien.gallery.checks import clean_name
from mien.gallery.conflicts import Conflict, ConflictError, Limit, strictest_limit
from mien.gallery.duplicates import Pair, nearest_people, repeated_templates, similar_people
from mien.gallery.guarded import GuardedGallery
from mien.gallery.journal import Entry, Fault, Head, read_anchor, write_anchor
from mien.gallery.legal import Due, LegalBasis, NoBasisError, Settings, check_code
from mien.gallery.records import Gallery, Person, Receipt, Refusal, Seen, Stored, Template
from mien.gallery.undoing import Step

__all__ = [
    "Conflict",
    "ConflictError",
    "Due",
    "Entry",
    "Fault",
    "Gallery",
    "GuardedGallery",
    "Head",
    "Imported",
    "LegalBasis",
    "Limit",
    "NoBasisError",
    "Pair",
    "Person",
    "Receipt",
    "Refusal",
    "Seen",
    "Settings",
    "Step",
    "Stored",
    "Template",
    "clean_name",
    "embedder_of",
    "export_gallery",
    "import_gallery",
    "is_there",
    "nearest_people",
    "on_server",
    "open_engine",
    "open_gallery",
    "read_anchor",
    "repeated_templates",
    "similar_people",
    "strictest_limit",
    "write_anchor",
]

if TYPE_CHECKING:
    from mien.gallery.postgres import PostgresGallery
    from mien.gallery.sqlite import SqliteGallery
if not TYPE_CHECKING:  # a type checker shall not take every name for granted
    __getattr__ = moved(__name__)

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # at least two letters: "C:" is a drive
POSTGRES, MILVUS = ("postgresql", "postgres"), "milvus"
LONGEST_CONTRACT = 200  # characters of a contract id


def is_there(where: str | PathLike[str]) -> bool:
    """Return whether a gallery exists; one on a server is asked for.

    Raises:
        GalleryError: the engine is not known, or the server cannot be reached.
    """
    engine = engine_of(where)
    if engine == MILVUS:
        return is_there(records_of(where))
    if engine in POSTGRES:
        with extra("pgvector", "A gallery in PostgreSQL"):
            from mien.gallery.postgres_store import exists

        return exists(fspath(where))
    return Path(where).exists()


def records_of(where: str | PathLike[str]) -> str:
    """Return where the records of a gallery in Milvus are."""
    with extra("milvus", "A gallery in Milvus"):
        from mien.gallery.milvus import parse

    return parse(fspath(where)).records


def on_server(where: str | PathLike[str]) -> bool:
    """Return whether an address is that of a server, not of a file.

    Raises:
        GalleryError: the engine is not known.
    """
    return engine_of(where) is not None


def engine_of(where: str | PathLike[str]) -> str | None:
    """Return the engine that an address names; None for a file.

    Raises:
        GalleryError: the engine is not known.
    """
    address = ADDRESS.match(fspath(where))
    if address and address[1] not in (*POSTGRES, MILVUS):
        raise GalleryError(
            f"Gallery {fspath(where)}: engine '{address[1]}' is not supported. The engines are "
            "'sqlite', which expects the path of a file, such as people.mien, "
            "'postgresql', which expects postgresql://USER@HOST/DATABASE?gallery=NAME, and "
            "'milvus', which expects milvus://HOST:PORT/DATABASE?gallery=NAME&records=ADDRESS."
        )
    return address and address[1]


def open_gallery(
    where: str | PathLike[str],
    embedder: str | None,
    *,
    create: bool = False,
    read_only: bool = False,
    who: str | None = None,
    purpose: str | None = None,
    key: bytes | None = None,
    personal: bool | None = None,
) -> GuardedGallery:
    """Open the gallery at a path or address.

    If the file or its folder is not writable, it is opened read-only (see `read_only`). A new
    gallery in a file is personal, and one on a server is governed; `govern` changes that.

    Args:
        where: path of an SQLite file, or `postgresql://USER@HOST/DATABASE?gallery=NAME`, or
            `milvus://HOST:PORT/DATABASE?gallery=NAME&records=ADDRESS`.
        embedder: contract id of the embedder whose embeddings are added and searched; None
            accepts any gallery, to list or edit people.
        create: whether a missing gallery is created; an existing one is opened as it is.
        read_only: whether changes are refused; the journal of a governed gallery is still written.
        who: uses it, for the journal; default: the user of the operating system.
        purpose: code of the purpose of all searches, such as "access-control"; a governed gallery
            finds only people whose legal basis covers it.
        key: 32 bytes, of an encrypted gallery; default: from the environment, a file or the
            keyring; see `mien.gallery.keys`.
        personal: whether a new gallery is personal; default: only in a file.

    Raises:
        GalleryMismatchError: the gallery belongs to another embedder.
        GalleryError: the gallery does not exist, is none, or is damaged.
    """
    if purpose is not None:
        check_code(purpose)

    def opened(without: bool) -> GuardedGallery:
        engine = open_engine(where, embedder, create=create, read_only=without, key=key)
        try:
            if engine.arriving() is not None:
                raise GalleryError(
                    f"Gallery {engine.where} is not complete: a migration was stopped. Continue it "
                    "with the same command: mien gallery migrate"
                )
            return GuardedGallery(engine, who=who, purpose=purpose, read_only=read_only)
        except BaseException:
            engine.close()
            raise

    gallery = opened(read_only)
    kept = gallery.settings.governed or gallery.calibration() is not None or gallery.shadow()
    if read_only and kept and may_record(where):  # searches add to it
        gallery.close()
        gallery = opened(False)
    if create and not gallery.read_only:
        gallery.start(governed=on_server(where) if personal is None else not personal)
    return gallery


def may_record(where: str | PathLike[str]) -> bool:
    """Return whether the journal of a gallery can be written, as far as is known beforehand."""
    from mien.gallery.store import may_write

    engine = engine_of(where)
    if engine == MILVUS:
        return may_record(records_of(where))
    return engine is not None or may_write(Path(where))


def open_engine(
    where: str | PathLike[str],
    embedder: str | None,
    *,
    create: bool = False,
    read_only: bool = False,
    key: bytes | None = None,
) -> "SqliteGallery | PostgresGallery":
    """Open what stores a gallery, without its rules; for the arguments see `open_gallery`."""
    if create and read_only:
        raise GalleryError(f"Gallery {where} cannot be created read-only; use one of both options.")
    engine = engine_of(where)
    if create and embedder is None:
        raise GalleryError(f"Gallery {where} cannot be created without an embedder; name one.")
    if embedder is not None and not 0 < len(embedder) <= LONGEST_CONTRACT:
        raise GalleryError(
            f"The contract id {embedder[:40]!r} has {len(embedder)} characters; "
            f"expected the `contract` of the embedder, 1 to {LONGEST_CONTRACT} characters."
        )
    how: Any = {"create": create, "read_only": read_only, "key": key}
    if engine == MILVUS:  # engines are imported on use
        with extra("milvus", "A gallery in Milvus"):
            from mien.gallery.milvus import open_milvus

        return open_milvus(fspath(where), embedder, **how)
    if engine in POSTGRES:
        with extra("pgvector", "A gallery in PostgreSQL"):
            from mien.gallery.postgres import PostgresGallery

        return PostgresGallery(fspath(where), embedder, **how)
    from mien.gallery.sqlite import SqliteGallery

    return SqliteGallery(Path(where), embedder, **how)

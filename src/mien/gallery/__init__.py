"""Galleries of known people: one protocol, several stores.

with open_gallery("family.mien", embedder.contract, create=True) as gallery:
    gallery.add([Template("Ada", vector, embedder.contract, source="ada.jpg")])
    best, second = gallery.search(vector[None], k=2)[0]
"""

import re
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from mien.deprecated import moved
from mien.errors import GalleryError
from mien.gallery.archive import Imported, embedder_of, export_gallery, import_gallery
from mien.gallery.checks import clean_name
from mien.gallery.conflicts import Conflict, ConflictError, Limit, strictest_limit
from mien.gallery.duplicates import Pair, repeated_templates, similar_people
from mien.gallery.guarded import GuardedGallery
from mien.gallery.journal import Entry, Fault, Head, read_anchor, write_anchor
from mien.gallery.legal import Due, LegalBasis, NoBasisError, Settings, check_code
from mien.gallery.records import Gallery, Person, Receipt, Refusal, Seen, Stored, Template

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
    "Stored",
    "Template",
    "clean_name",
    "embedder_of",
    "export_gallery",
    "import_gallery",
    "is_there",
    "open_gallery",
    "read_anchor",
    "repeated_templates",
    "similar_people",
    "strictest_limit",
    "write_anchor",
]

if not TYPE_CHECKING:  # a type checker shall not take every name for granted
    __getattr__ = moved(__name__)

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # at least two letters: "C:" is a drive
LONGEST_CONTRACT = 200  # characters of a contract id


def is_there(where: str | PathLike[str]) -> bool:
    """Return whether a gallery exists, as far as is known without opening it."""
    return "://" in fspath(where) or Path(where).exists()


def open_gallery(
    where: str | PathLike[str],
    embedder: str | None,
    *,
    create: bool = False,
    read_only: bool = False,
    who: str | None = None,
    purpose: str | None = None,
    key: bytes | None = None,
) -> GuardedGallery:
    """Open the gallery at a path.

    If the file or its folder is not writable, it is opened read-only (see `read_only`). A new
    gallery is personal; `govern` makes it a governed one.

    Args:
        where: path of an SQLite file.
        embedder: contract id of the embedder whose embeddings are added and searched; None
            accepts any gallery, to list or edit people.
        create: whether a missing file is created; an existing one is opened as it is.
        read_only: whether changes are refused; the journal of a governed gallery is still written.
        who: uses it, for the journal; default: the user of the operating system.
        purpose: code of the purpose of all searches, such as "access-control"; a governed gallery
            finds only people whose legal basis covers it.
        key: 32 bytes, of an encrypted gallery; default: from the environment, a file or the
            keyring; see `mien.gallery.keys`.

    Raises:
        GalleryMismatchError: the gallery belongs to another embedder.
        GalleryError: the file does not exist, is not a gallery, or is damaged.
    """
    address = ADDRESS.match(fspath(where))
    if address:
        raise GalleryError(
            f"Gallery {fspath(where)}: engine '{address[1]}' is not supported. The only engine is "
            "'sqlite', which expects the path of a file, such as people.mien."
        )
    if create and read_only:
        raise GalleryError(f"Gallery {where} cannot be created read-only; use one of both options.")
    if purpose is not None:
        check_code(purpose)
    if create and embedder is None:
        raise GalleryError(f"Gallery {where} cannot be created without an embedder; name one.")
    if embedder is not None and not 0 < len(embedder) <= LONGEST_CONTRACT:
        raise GalleryError(
            f"The contract id {embedder[:40]!r} has {len(embedder)} characters; "
            f"expected the `contract` of the embedder, 1 to {LONGEST_CONTRACT} characters."
        )
    from mien.gallery.sqlite import SqliteGallery  # engines are imported on use
    from mien.gallery.store import may_write

    def opened(record: bool) -> GuardedGallery:
        without = read_only and not record
        engine = SqliteGallery(Path(where), embedder, create=create, read_only=without, key=key)
        try:
            return GuardedGallery(engine, who=who, purpose=purpose, read_only=read_only)
        except BaseException:
            engine.close()
            raise

    gallery = opened(record=False)
    if read_only and may_write(Path(where)) and gallery.settings.governed:
        gallery.close()
        gallery = opened(record=True)
    if create and not gallery.read_only:
        gallery.start()
    return gallery

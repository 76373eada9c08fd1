"""Galleries by address: a file, or a URL such as postgresql://..."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike

from mien.errors import GalleryMismatchError
from mien.gallery import Gallery, is_there, open_engine, open_gallery
from mien.gallery.migrating import Migrated, migrate
from mien.gallery.moving import Moving
from mien.photo import Pipeline
from mien.zoo import card_of_contract, load

Address = str | PathLike[str]  # a path, or ENGINE://...; a URL is not a Path, which would change it


def embedder_of(gallery: Address) -> str | None:
    """Return the card of the embedder that a gallery was made with; None if it is not known here.

    Raises:
        GalleryError: the gallery does not exist, or is damaged.
    """
    with open_gallery(gallery, None, read_only=True) as known:
        return card_of_contract(known.embedder)


def contract_of(embedder: str) -> str:
    """Return the contract id of an embedder by the name of its card; its weights are loaded."""
    model = load(embedder)
    contract: str = model.contract
    return contract


def migrate_gallery(
    source: Address,
    target: Address,
    *,
    who: str | None = None,
    key: bytes | None = None,
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> Migrated:
    """Copy a gallery to another file or server, with its numbers, rules, journal and key.

    The same call continues after an interruption. The source stays as it is.

    Args:
        source: the gallery.
        target: where there is none yet.
        who: for the journals of both.
        key: 32 bytes, of an encrypted gallery; default: see `mien.gallery.open_gallery`.
        on_step: is given the number of rows that arrived, and of all.

    Raises:
        GalleryError: the target is in use, or one of them cannot be read or written.
    """
    with open_gallery(source, None, read_only=True, who=who, key=key) as old:
        source_rows = old.engine
        assert isinstance(source_rows, Moving)  # all engines that there are
        # A run that was killed while it created the target leaves a file that is there and empty.
        try:
            engine = open_engine(target, old.embedder, create=True)
        except GalleryMismatchError:
            engine = open_engine(target, None)  # `migrate` refuses it, and states why
        with engine:
            if engine.arriving() != source_rows.state():  # a continued one is recorded already
                old.whole("migrate")
            done = migrate(source_rows, engine, on_step)
    with open_gallery(target, None, who=who, key=key) as moved:
        counts = {"people": done.people, "templates": done.templates}
        moved.journal.append("migrate", counts=counts)
    return done


@contextmanager
def target(gallery: Address, pipeline: Pipeline, *, who: str | None = None) -> Iterator[Gallery]:
    """Open a gallery to enrol in it, or create it; the pipeline embeds as it was made.

    Raises:
        GalleryError: the gallery is damaged, or belongs to another embedder.
    """
    contract = pipeline.embedder.contract if pipeline.embedder else None
    there = is_there(gallery)
    with open_gallery(gallery, None if there else contract, create=not there, who=who) as known:
        lean = replace(pipeline, gallery=None)
        lean.use(known)  # raises an error if the embedder is another one
        pipeline.embedder, pipeline.calibration = lean.embedder, lean.calibration
        yield known


@contextmanager
def searching(
    pipeline: Pipeline,
    gallery: Address | Gallery,
    *,
    who: str | None = None,
    purpose: str | None = None,
) -> Iterator[Pipeline]:
    """Return a pipeline that searches a gallery; a gallery opened here is closed.

    Args:
        pipeline: with an embedder.
        gallery: an address, or an open gallery.
        who: see `mien.gallery.open_gallery`; for an address.
        purpose: likewise.

    Raises:
        GalleryError: the gallery does not exist, or belongs to another embedder.
    """
    if not isinstance(gallery, str | PathLike):
        pipeline.use(gallery)
        yield pipeline
        return
    with open_gallery(gallery, None, read_only=True, who=who, purpose=purpose) as known:
        pipeline.use(known)
        yield pipeline

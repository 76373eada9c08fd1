"""Galleries by address: a file, or a URL such as postgresql://..."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike

from mien.gallery import Gallery, is_there, open_gallery
from mien.photo import Pipeline
from mien.zoo import cards, load

Address = str | PathLike[str]  # a path, or ENGINE://...; a URL is not a Path, which would change it


def embedder_of(gallery: Address) -> str | None:
    """Return the card of the embedder that a gallery was made with; None if it is not known here.

    Raises:
        GalleryError: the gallery does not exist, or is damaged.
    """
    with open_gallery(gallery, None, read_only=True) as known:
        return card_of(known.embedder)


def card_of(contract: str) -> str | None:
    """Return the card of the embedder of a contract id; None if it is not known here."""
    name, digest, *_ = [*contract.split("/"), ""]
    card = cards().get(name)
    return name if card is not None and card.digest == digest else None


def contract_of(embedder: str) -> str:
    """Return the contract id of an embedder by the name of its card; its weights are loaded."""
    model = load(embedder)
    contract: str = model.contract
    return contract


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

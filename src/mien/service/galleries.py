"""Galleries by address: a file, or a URL such as postgresql://..."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from mien.gallery import Gallery, open_gallery
from mien.photo import Pipeline
from mien.zoo import cards

Address = str | PathLike[str]  # a path, or ENGINE://...; a URL is not a Path, which would change it


def embedder_of(gallery: Address) -> str | None:
    """Return the card of the embedder that a gallery was made with; None if it is not known here.

    Raises:
        GalleryError: the gallery does not exist, or is damaged.
    """
    with open_gallery(gallery, None, read_only=True) as known:
        name, digest, *_ = [*known.embedder.split("/"), ""]
    card = cards().get(name)
    return name if card is not None and card.digest == digest else None


@contextmanager
def searching(pipeline: Pipeline, gallery: Address | Gallery) -> Iterator[Pipeline]:
    """Return a pipeline that searches a gallery; a gallery opened here is closed.

    Raises:
        GalleryError: the gallery does not exist, or belongs to another embedder.
    """
    if not isinstance(gallery, str | PathLike):
        pipeline.use(gallery)
        yield pipeline
        return
    contract = pipeline.embedder.contract if pipeline.embedder else None
    with open_gallery(gallery, contract, read_only=True) as known:
        pipeline.use(known)
        yield pipeline

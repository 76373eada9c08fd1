"""Galleries by address: a file, or a URL such as postgresql://..."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from mien.gallery import Gallery, open_gallery
from mien.photo import Pipeline

Address = str | PathLike[str]  # a path, or ENGINE://...; a URL is not a Path, which would change it


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

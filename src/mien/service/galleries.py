"""Open the gallery of a use-case by its address: a file, or a URL such as postgresql://..."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from mien.gallery import Gallery, open_gallery
from mien.photo import Pipeline

Address = str | PathLike[str]  # a path, or ENGINE://...; a URL must arrive whole, so it is no Path


@contextmanager
def searching(pipeline: Pipeline, gallery: Address | Gallery) -> Iterator[Pipeline]:
    """A pipeline that searches a gallery; one that was opened here is closed at the end.

    Raises:
        GalleryError: there is no such gallery, or it holds vectors of another embedder.
    """
    if not isinstance(gallery, str | PathLike):
        pipeline.use(gallery)
        yield pipeline
        return
    contract = pipeline.embedder.contract if pipeline.embedder else None
    with open_gallery(gallery, contract, read_only=True) as known:
        pipeline.use(known)
        yield pipeline

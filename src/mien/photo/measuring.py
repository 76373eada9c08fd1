"""One image: decoded, measured and embedded, without a gallery."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from mien.contracts import Change
from mien.errors import ImageError
from mien.media import count_images, read_change, read_image
from mien.media.images import image_bytes
from mien.photo.pipeline import Pipeline
from mien.types import Answer, Pixels

Source = str | bytes | Pixels  # a path, the bytes of a file, or an (H, W, 3) array
ChangeOf = Callable[[bytes], Change | None]


class Read(Protocol):
    """Decodes the bytes of an image, such as `mien.media.read_image`."""

    def __call__(self, source: bytes, /, *, where: str) -> Pixels: ...


class Measured(NamedTuple):
    """What is known about one image before a search."""

    answer: Answer | None = None  # without decisions; None: the image cannot be read
    change: Change | None = None  # what it is declared to be
    image: Pixels | None = None  # None: it was measured on another machine
    seen: Pixels | None = None  # as the faces were found in it: turned, brightened
    error: str | None = None  # message


def measure(source: Source, pipeline: Pipeline, *, where: str | None = None) -> Measured:
    """Decode an image, and measure and embed its faces.

    Args:
        source: the image.
        pipeline: its gallery is not used.
        where: name of the image, for messages; default: its path.
    """
    try:
        if isinstance(source, str):
            where = where or f"Image {source}"
            source = image_bytes(Path(source), where=where)
        image = read_image(source, where=where)
        change = None if isinstance(source, np.ndarray) else read_change(source)
        images = 1 if isinstance(source, np.ndarray) else count_images(source)
    except ImageError as error:
        return Measured(error=str(error))
    answer, seen = pipeline.measured(image)
    return Measured(replace(answer, images=images), change, image, seen)

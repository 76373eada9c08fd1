"""Input of images: a path, bytes or an array to upright 8-bit RGB."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError
from mien.media.arrays import from_array
from mien.media.decoding import count, decode
from mien.media.finding import is_film
from mien.media.formats import describe_bytes
from mien.media.limits import LIMITS, Limits
from mien.types import Pixels

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[Any]


def read_image(source: Source, *, limits: Limits = LIMITS, where: str | None = None) -> Pixels:
    """Read one image.

    The format of JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF (first frame or page) is
    determined from the bytes, not from the name. 16 bits are scaled to 8; transparent parts are
    composited on mid grey (128, 128, 128); colours are converted to sRGB if the file has
    another profile. A profile that cannot be opened is ignored, as in viewers.

    Args:
        source: a path, the bytes of a file, or an array (H, W), (H, W, 1), (H, W, 3) RGB or
            (H, W, 4) RGBA of uint8, uint16, bool, or floats in [0, 1].
        limits: checked before anything is decoded.
        where: names the source in errors; default: the path, or the type of the source.

    Returns:
        (H, W, 3) uint8 RGB, upright (EXIF orientation applied). A uint8 RGB array is returned
        unchanged, without a copy.

    Raises:
        ImageError: the image does not exist, is damaged, truncated or too large, or is not an
            image; the message names the fault.
    """
    if isinstance(source, np.ndarray):
        return from_array(source, where or "The array", limits)
    if isinstance(source, bytes | bytearray | memoryview):
        where = where or "The image in bytes"
        limits.check_bytes(memoryview(source).nbytes, where)
        return decode(bytes(source), where, limits)
    if not isinstance(source, str | os.PathLike):
        raise ImageError(
            f"An image cannot be read from {type(source).__name__}: expected a path, bytes or a "
            "NumPy array."
        )
    path = Path(source)
    where = where or f"Image {path}"
    return decode(image_bytes(path, limits, where), where, limits)


def count_images(source: str | os.PathLike[str] | bytes) -> int:
    """Return how many images a file has, of which `read_image` reads the first one.

    Raises:
        ImageError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return count(source, "The image in bytes")
    path = Path(source)
    return count(image_bytes(path), f"Image {path}")


def image_bytes(path: Path, limits: Limits = LIMITS, where: str | None = None) -> bytes:
    """Read the bytes of an image file, which are not decoded.

    Raises:
        ImageError: it is no regular file, a film, too large, or cannot be read.
    """
    where = where or f"Image {path}"
    try:
        if path.is_dir():
            raise ImageError(f"{where} is a folder; list its images with find_images.")
        if path.exists() and not path.is_file():  # a pipe or device may be endless
            raise ImageError(f"{where} is not a regular file; copy its content to a file first.")
        if is_film(path):
            with path.open("rb") as file:
                kind = describe_bytes(file.read(400))
            kind = kind if kind.endswith("film") else "a film"
            raise ImageError(
                f"{where} is {kind}, not an image; use mien.film.identify_film, or on the "
                "command line: mien identify."
            )
        limits.check_bytes(path.stat().st_size, where)
        return path.read_bytes()
    except ImageError:
        raise
    except FileNotFoundError:
        reason = "is a broken link" if path.is_symlink() else "does not exist"
        raise ImageError(f"{where} {reason}; check the path.") from None
    except NotADirectoryError:
        raise ImageError(f"{where} is below a file, not a folder; check the path.") from None
    except PermissionError:
        raise ImageError(f"{where} is not readable; check its permissions.") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise ImageError(f"{where} cannot be read ({error}); check the path and disk.") from error

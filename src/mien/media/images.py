"""Pictures in: from a path, from bytes or from an array, to upright 8-bit RGB."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError
from mien.media.arrays import from_array
from mien.media.decoding import decode
from mien.media.finding import is_film
from mien.media.formats import looks_like
from mien.media.limits import LIMITS, Limits
from mien.types import Pixels

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[Any]


def read_image(source: Source, *, limits: Limits = LIMITS, where: str | None = None) -> Pixels:
    """Read one picture.

    JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF (of films and pages the first) are told by
    their bytes, not by their names. Sixteen bits are scaled to eight; transparent parts are
    laid on mid grey (128, 128, 128); colours are converted to sRGB if the file carries another
    profile. A profile that cannot be opened is ignored, as viewers do.

    Args:
        source: a path, the bytes of a file, or an array (H, W), (H, W, 1), (H, W, 3) RGB or
            (H, W, 4) RGBA of uint8, uint16, bool, or floats in [0, 1].
        limits: checked before anything is decoded.
        where: names the source in errors; by default the path, or what kind of thing it is.

    Returns:
        (H, W, 3) uint8 RGB, upright (EXIF orientation applied). A uint8 RGB array is returned
        as it is, not copied.

    Raises:
        ImageError: there is no such picture, it is damaged, cut short or too large, or it is
            not a picture at all; the sentence says which.
    """
    if isinstance(source, np.ndarray):
        return from_array(source, where or "The array", limits)
    if isinstance(source, bytes | bytearray | memoryview):
        where = where or "The picture given as bytes"
        limits.check_bytes(memoryview(source).nbytes, where)
        return decode(bytes(source), where, limits)
    if not isinstance(source, str | os.PathLike):
        raise ImageError(
            f"A picture cannot be read from {type(source).__name__}; give a path, bytes or a "
            "NumPy array."
        )
    path = Path(source)
    where = where or f"Picture {path}"
    return decode(_fetch(path, where, limits), where, limits)


def _fetch(path: Path, where: str, limits: Limits) -> bytes:
    """The bytes of a regular file that is not too large."""
    try:
        if path.is_dir():
            raise ImageError(f"{where} is a folder; list its pictures with find_images.")
        if path.exists() and not path.is_file():  # a pipe or device may never end
            raise ImageError(f"{where} is not a regular file; copy its content to a file first.")
        if is_film(path):
            with path.open("rb") as file:
                kind = looks_like(file.read(400))
            kind = kind if kind.endswith("film") else "a film"
            raise ImageError(
                f"{where} is {kind}, not a picture; use mien.film.identify_film, or on the "
                "command line: mien identify."
            )
        limits.check_bytes(path.stat().st_size, where)
        return path.read_bytes()
    except ImageError:
        raise
    except FileNotFoundError:
        reason = "is a link to a file that is gone" if path.is_symlink() else "does not exist"
        raise ImageError(f"{where} {reason}; check the path.") from None
    except NotADirectoryError:
        raise ImageError(f"{where} lies below a file, not a folder; check the path.") from None
    except PermissionError:
        raise ImageError(f"{where} may not be read; check its permissions.") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise ImageError(f"{where} cannot be read ({error}); check the path and disk.") from error

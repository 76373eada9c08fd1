"""Pictures out: to a file that is either whole or not there, and to bytes."""

import errno
import os
import secrets
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from mien.errors import ImageError
from mien.media.notes import exif_note
from mien.types import Pixels

Format = Literal["jpeg", "png", "webp", "avif", "tiff", "bmp"]

FORMATS: dict[str, Format] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".avif": "avif",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
}


def write_image(path: str | os.PathLike[str], image: Pixels, quality: int = 92) -> None:
    """Write a picture to a file, in the format of its suffix.

    The file appears whole or not at all, also if the disk fills up or the program is killed:
    it is written beside its place under another name, then renamed.

    Args:
        path: ends in .jpg, .jpeg, .png, .webp, .avif, .tif, .tiff or .bmp.
        image: (H, W, 3) uint8 RGB.
        quality: 1 to 100, for JPEG, WebP and AVIF; the other formats lose nothing.

    Raises:
        ImageError: unknown suffix, no such folder, no permission, disk full, or a picture that
            the format cannot hold.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ImageError(
            f"{path} does not say a format to write; end it in one of {', '.join(FORMATS)}."
        )
    write_bytes(path, encode_image(image, kind, quality))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        ImageError: no such folder, no permission, disk full.
    """
    path = Path(path)
    beside = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder; give the name of a file.")
        with open(beside, "xb") as file:
            file.write(data)
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be written: {why_not(error, path)}.") from error
    finally:
        with suppress(OSError, ValueError):  # it is gone already if all went well
            beside.unlink()


def encode_image(
    image: Pixels, format: Format = "jpeg", quality: int = 92, note: str = ""
) -> bytes:
    """A picture as the bytes of a file.

    Args:
        image: (H, W, 3) uint8 RGB.
        format: "jpeg", "png", "webp", "avif", "tiff" or "bmp".
        quality: 1 to 100, for JPEG, WebP and AVIF.
        note: kept in the metadata (EXIF); BMP holds none.

    Returns:
        The file. JPEG keeps full colour resolution from quality 90 up, as thin coloured lines
        and red lips smear without it.

    Raises:
        ImageError: not a picture, unknown format or quality, or too large for the format.
    """
    check_image(image)
    options: dict[str, dict[str, Any]] = {
        "jpeg": {"quality": quality, "subsampling": 0 if quality >= 90 else 2},
        "png": {"compress_level": 3},  # half the time of the usual 6 for 5 % more bytes
        "webp": {"quality": quality},
        "avif": {"quality": quality},
        "tiff": {"compression": "tiff_adobe_deflate"},
        "bmp": {},
    }
    if format not in options:
        raise ImageError(f"Format '{format}' cannot be written; use {', '.join(options)}.")
    if not 1 <= quality <= 100:
        raise ImageError(f"Quality {quality} is not in 1 to 100; 92 is a good start.")
    if note:
        if format == "bmp":
            raise ImageError("BMP files hold no note about the picture; write a PNG.")
        options[format]["exif"] = exif_note(note)
    out = BytesIO()
    try:
        Image.fromarray(image).save(out, format.upper(), **options[format])
    except (OSError, ValueError) as error:  # such as JPEG's 65,535 px a side
        height, width = image.shape[:2]
        raise ImageError(
            f"A picture of {width} x {height} px cannot be written as {format.upper()} ({error}); "
            "make it smaller, or choose PNG."
        ) from error
    return out.getvalue()


def check_image(image: Pixels) -> None:
    """Refuse what is not an (H, W, 3) uint8 picture with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{type(image).__name__} is no picture; open it with read_image.")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(
            f"An array of shape {image.shape} and type {image.dtype} is no picture; it must be "
            "(H, W, 3) uint8 RGB, which read_image makes of it."
        )


def why_not(error: Exception, path: Path) -> str:
    """What keeps a file from being written, and what to do about it."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENOTDIR):
        return f"there is no folder {path.parent}; make it first"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"folder {path.parent} may not be written; check its permissions"
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space"
    return f"{error}; check the path and disk"

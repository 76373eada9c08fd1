"""Output of images: to files that are complete or absent, and to bytes."""

import errno
import os
import secrets
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, PngImagePlugin

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


def write_image(
    path: str | os.PathLike[str],
    image: Pixels,
    quality: int = 92,
    *,
    note: str = "",
    xmp: bytes = b"",
) -> None:
    """Write an image to a file, in the format of its suffix.

    The file is complete or absent, also if the disk is full or the program is killed: it is
    written under another name, then renamed.

    Args:
        path: ends in .jpg, .jpeg, .png, .webp, .avif, .tif, .tiff or .bmp.
        image: (H, W, 3) uint8 RGB.
        quality: 1 to 100, for JPEG, WebP and AVIF; the other formats are lossless.
        note: for the metadata; see encode_image.
        xmp: a packet for the metadata.

    Raises:
        ImageError: the suffix is unknown, the folder is missing, access is denied, the disk is
            full, or the format cannot store the image.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ImageError(
            f"Image path '{path}' is not supported: expected one of {', '.join(FORMATS)}."
        )
    write_bytes(path, encode_image(image, kind, quality, note, xmp))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that is complete or absent.

    Raises:
        ImageError: no such folder, no permission, disk full.
    """
    path = Path(path)
    beside = path.parent / f".{secrets.token_hex(8)}.part"
    if os.path.isdir(path):  # False for a name that cannot be one
        raise ImageError(f"'{path}' is a folder; give a file name.")
    try:
        with open(beside, "xb") as file:
            file.write(data)
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        raise ImageError(f"'{path}' cannot be written: {why_not(error, path)}.") from error
    finally:
        with suppress(OSError, ValueError):  # it is renamed already on success
            beside.unlink()


def encode_image(
    image: Pixels, format: Format = "jpeg", quality: int = 92, note: str = "", xmp: bytes = b""
) -> bytes:
    """Encode an image as the bytes of a file.

    Args:
        image: (H, W, 3) uint8 RGB.
        format: "jpeg", "png", "webp", "avif", "tiff" or "bmp".
        quality: 1 to 100, for JPEG, WebP and AVIF.
        note: stored in the metadata (EXIF); not supported by BMP.
        xmp: a packet for the metadata; not supported by BMP.

    Returns:
        The file. JPEG keeps full colour resolution from quality 90 upwards; below, thin coloured
        lines and red lips are blurred.

    Raises:
        ImageError: not an image, unknown format or quality, or too large for the format.
    """
    check_image(image)
    options: dict[str, dict[str, Any]] = {
        "jpeg": {"quality": quality, "subsampling": 0 if quality >= 90 else 2},
        "png": {"compress_level": 3},  # half the time of the default 6 for 5 % more bytes
        "webp": {"quality": quality},
        "avif": {"quality": quality},
        "tiff": {"compression": "tiff_adobe_deflate"},
        "bmp": {},
    }
    if format not in options:
        raise ImageError(
            f"Format '{format}' is not supported: expected one of {', '.join(options)}."
        )
    if not 1 <= quality <= 100:
        raise ImageError(f"Quality {quality} is not valid: expected 1 to 100 (default 92).")
    if (note or xmp) and format == "bmp":
        raise ImageError("BMP files cannot store a note; write a PNG.")
    if note:
        options[format]["exif"] = exif_note(note)
    if xmp:
        options[format] |= _packet_option(format, xmp, note)
    out = BytesIO()
    try:
        Image.fromarray(image).save(out, format.upper(), **options[format])
    except (OSError, ValueError) as error:  # such as the limit of JPEG, 65,535 px per side
        height, width = image.shape[:2]
        raise ImageError(
            f"An image of {width} x {height} px cannot be written as {format.upper()} ({error}); "
            "reduce it, or choose PNG."
        ) from error
    return out.getvalue()


def _packet_option(format: Format, xmp: bytes, note: str) -> dict[str, Any]:
    """The option with which Pillow stores an XMP packet in a format."""
    if format == "png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return {"pnginfo": info}
    return {"exif": exif_note(note, xmp)} if format == "tiff" else {"xmp": xmp}


def check_image(image: Pixels) -> None:
    """Raise an error unless the image is (H, W, 3) uint8 with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{type(image).__name__} is not an image array; open it with read_image.")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(
            f"An array of shape {image.shape} and type {image.dtype} is not an image: expected "
            "(H, W, 3) uint8 RGB; convert it with read_image."
        )


def why_not(error: Exception, path: Path) -> str:
    """Return why a file cannot be written, and what to do."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENOTDIR):
        return f"folder '{path.parent}' does not exist; create it"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"folder '{path.parent}' is not writable; check its permissions"
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space"
    return f"{error}; check the path and disk"

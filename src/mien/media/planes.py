"""Depth and infrared pictures that belong to a colour picture."""

import io
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError
from mien.media.decoding import decode
from mien.media.images import image_bytes
from mien.media.limits import LIMITS, Limits
from mien.types import Floats

GREY = 2  # levels by which the channels of an infrared picture may differ


def read_depth(
    source: str | os.PathLike[str] | bytes, *, limits: Limits = LIMITS, where: str | None = None
) -> Floats:
    """Read a depth picture.

    Args:
        source: path or content of a 16-bit PNG or TIFF of millimetres, as depth cameras give it;
            or of .npy, or .npz with the array `depth`, of millimetres.
        limits: of the file.
        where: names it in errors; default: its path.

    Returns:
        (H, W) metres; NaN where there is no value (0, negative or not finite).

    Raises:
        ImageError: it cannot be read, has several channels, or only 8 bits, which are no lengths.
    """
    data, where = _content(source, limits, where, "Depth picture")
    raw = _array(data, limits, where) if data[:6] == b"\x93NUMPY" or data[:2] == b"PK" else None
    if raw is None:
        decode(data, where, limits)  # damage and size are found here
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 2 or raw.dtype == np.uint8 or raw.dtype.kind not in "iuf":
        shape = "nothing" if raw is None else f"{raw.dtype} of shape {raw.shape}"
        raise ImageError(
            f"{where} has {shape}; expected one channel of millimetres with 16 bits or more "
            "(PNG, TIFF, .npy, or .npz with 'depth')."
        )
    metres = raw.astype(np.float32) / 1000
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(np.nan))


def read_infrared(
    source: str | os.PathLike[str] | bytes, *, limits: Limits = LIMITS, where: str | None = None
) -> NDArray[np.uint8]:
    """Read an infrared picture.

    Args:
        source: path or content of an image.
        limits: of the file.
        where: names it in errors; default: its path.

    Returns:
        (H, W).

    Raises:
        ImageError: it cannot be read, or its channels differ: then it is a colour picture.
    """
    data, where = _content(source, limits, where, "Infrared picture")
    image = decode(data, where, limits)
    differ = int((image.max(-1).astype(int) - image.min(-1)).max())
    if differ > GREY:
        raise ImageError(
            f"{where} is in colour: its channels differ by {differ} grey levels, and at most "
            f"{GREY} are expected; convert it to grey if it is infrared."
        )
    return np.ascontiguousarray(image[..., 1])


def _content(
    source: str | os.PathLike[str] | bytes, limits: Limits, where: str | None, kind: str
) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        where = where or kind
        limits.check_bytes(len(source), where)
        return source, where
    where = where or f"{kind} {os.fspath(source)}"
    return image_bytes(Path(source), limits, where), where


def _array(data: bytes, limits: Limits, where: str) -> NDArray[np.generic]:
    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                data = _unpacked(packed, limits, where)
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ImageError(
            f"{where} is no array of NumPy, or has no 'depth' ({error}); write it again."
        ) from error


def _unpacked(packed: zipfile.ZipFile, limits: Limits, where: str) -> bytes:
    """The array `depth`; a file of 1 MB can unpack to gigabytes, so its size is read first."""
    size = packed.getinfo("depth.npy").file_size
    if size > limits.max_memory:
        raise ImageError(
            f"{where} unpacks to {size:,} bytes, more than the {limits.max_memory:,} permitted; "
            "reduce it, or increase Limits.max_memory."
        )
    return packed.read("depth.npy")

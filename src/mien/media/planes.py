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


def read_depth(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> Floats:
    """Read a depth picture.

    Args:
        path: a 16-bit PNG or TIFF of millimetres, as depth cameras give it; or .npy, or .npz
            with the array `depth`, of millimetres.
        limits: of the file.

    Returns:
        (H, W) metres; NaN where there is no value (0, negative or not finite).

    Raises:
        ImageError: it cannot be read, has several channels, or only 8 bits, which are no lengths.
    """
    where = f"Depth picture {path}"
    data = image_bytes(Path(path), limits, where)
    raw = _array(data, where) if data[:6] == b"\x93NUMPY" or data[:2] == b"PK" else None
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


def read_infrared(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[np.uint8]:
    """Read an infrared picture.

    Returns:
        (H, W).

    Raises:
        ImageError: it cannot be read, or its channels differ: then it is a colour picture.
    """
    where = f"Infrared picture {path}"
    image = decode(image_bytes(Path(path), limits, where), where, limits)
    differ = int((image.max(-1).astype(int) - image.min(-1)).max())
    if differ > GREY:
        raise ImageError(
            f"{where} is in colour: its channels differ by {differ} grey levels, and at most "
            f"{GREY} are expected; convert it to grey if it is infrared."
        )
    return np.ascontiguousarray(image[..., 1])


def _array(data: bytes, where: str) -> NDArray[np.generic]:
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
        return np.asarray(found if isinstance(found, np.ndarray) else found["depth"])
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ImageError(
            f"{where} is no array of NumPy, or has no 'depth' ({error}); write it again."
        ) from error

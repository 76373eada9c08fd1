"""Conversion of arrays from users to images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError
from mien.media.limits import Limits
from mien.types import Pixels

# Transparent images are composited on mid grey, which contrasts with fair and dark hair.
GROUND = 128


def from_array(array: NDArray[Any], where: str, limits: Limits) -> Pixels:
    """Convert an array to an image.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8 in 0 to 255, uint16 in
            0 to 65535, bool, or floats in 0 to 1.
        where: names the array in errors.
        limits: the largest permitted image.

    Returns:
        (H, W, 3) uint8 RGB; the array itself, without a copy, if it has this form.

    Raises:
        ImageError: another shape or type, floats that are not in [0, 1], or too many pixels.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        hint = "; the channels seem to come first; use array.transpose(1, 2, 0)"
        first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        raise ImageError(
            f"{where} has shape {array.shape}, but expected (H, W), (H, W, 1), (H, W, 3) or "
            f"(H, W, 4){hint if first else '; give one image of such a shape'}."
        )
    limits.check_pixels(array.shape[1], array.shape[0], where)
    pixels = to_eight_bits(array, where)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] == 4:
        return on_ground(pixels)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def to_eight_bits(array: NDArray[Any], where: str) -> Pixels:
    """Scale an array of any shape to uint8: 65535, True and 1.0 become 255.

    Raises:
        ImageError: the type does not define the range, or floats are outside [0, 1].
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        # 65535 = 255 x 257, so this rounds to the nearest of 256 levels.
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype.kind != "f":
        raise ImageError(
            f"{where} has type {array.dtype}, which does not define white; convert it to "
            "uint8 (white = 255), uint16 (white = 65535) or float (white = 1.0)."
        )
    low, high = float(array.min()), float(array.max())  # NaN if any number is NaN
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(f"{where} contains NaN or infinite numbers; replace them first.")
    if low < 0 or high > 1:
        raise ImageError(
            f"{where} has floats from {low:g} to {high:g}, but white must be 1.0; divide them "
            "by the value of white (such as 255), or convert to uint8."
        )
    return np.rint(array * 255.0).astype(np.uint8)


def on_ground(pixels: Pixels) -> Pixels:
    """Composite an (H, W, 4) RGBA image on mid grey; return (H, W, 3)."""
    alpha = pixels[..., 3:].astype(np.uint32)
    if alpha.size and alpha.min() == 255:
        return np.ascontiguousarray(pixels[..., :3])
    mixed = (pixels[..., :3] * alpha + GROUND * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)

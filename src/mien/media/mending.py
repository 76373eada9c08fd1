"""Put what a network changed in a chip back into its image."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError
from mien.media.writing import check_image
from mien.types import Floats, Pixels

REACH = 3.0  # px around a hidden pixel from which it is filled
FEATHER = 0.12  # share of the chip's side over which a correction fades out at its border


def enlarged(image: Pixels, scale: int) -> Pixels:
    """Enlarge an image by bicubic interpolation; (scale x H, scale x W, 3)."""
    check_image(image)
    size = (scale * image.shape[1], scale * image.shape[0])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def reduced(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Reduce an image to a size (W, H) by averaging areas."""
    check_image(image)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def add_correction(image: Pixels, correction: Floats, to_chip: Floats) -> Pixels:
    """Add the correction of a chip to a copy of its image, fading out at the border of the chip.

    What is finer than a pixel of the chip stays as it is, so a large face loses no detail.

    Args:
        image: (H, W, 3).
        correction: (S, S, 3) grey values to add, such as restored minus cut.
        to_chip: (2, 3) transform from image px to chip px, with which the chip was cut.
    """
    check_image(image)
    side = correction.shape[0]
    inverse = cv2.invertAffineTransform(to_chip)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32)
    seen = corners @ inverse[:, :2].T + inverse[:, 2]
    low = np.maximum(np.floor(seen.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(seen.max(0)).astype(int) + 2, image.shape[1::-1])
    if (high <= low).any():
        return image.copy()
    there = to_chip.astype(np.float64).copy()
    there[:, 2] += there[:, :2] @ low
    size = cast(tuple[int, int], tuple((high - low).tolist()))
    faded = np.asarray(correction * _feather(side)[..., None], np.float32)
    added = cv2.warpAffine(faded, there, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    out = image.copy()
    part = out[low[1] : high[1], low[0] : high[0]]
    part[:] = np.rint(np.clip(part + added, 0, 255)).astype(np.uint8)
    return out


def _feather(side: int) -> Floats:
    """(side, side) 1 in the middle, falling to 0 at the border."""
    place = np.minimum(np.arange(side) + 0.5, side - np.arange(side) - 0.5)
    ramp = np.clip(place / (FEATHER * side), 0, 1)
    smooth = np.asarray(ramp**2 * (3 - 2 * ramp), np.float32)
    return np.outer(smooth, smooth)


def inpainted(image: Pixels, hidden: NDArray[np.bool_]) -> Pixels:
    """Fill hidden pixels from their surroundings.

    Args:
        image: (H, W, 3).
        hidden: (H, W); all other pixels stay as they are.

    Source: Telea, "An image inpainting technique based on the fast marching method", 2004.
    """
    check_image(image)
    if hidden.shape != image.shape[:2]:
        raise ImageError(f"The mask is {hidden.shape}, the image {image.shape[:2]}.")
    mask = hidden.astype(np.uint8)
    return np.asarray(cv2.inpaint(image, mask, REACH, cv2.INPAINT_TELEA), np.uint8)


def smoothed(image: Pixels, kind: str) -> Pixels:
    """Apply a usual filter, as a baseline for restoration.

    Args:
        image: (H, W, 3).
        kind: "bilateral" (5 px, 30 grey values, 3 px), "median" (3 px) or "sharpen" (unsharp mask
            of 1.5 px, half strength).
    """
    check_image(image)
    if kind == "bilateral":
        return np.asarray(cv2.bilateralFilter(image, 5, 30, 3), np.uint8)
    if kind == "median":
        return np.asarray(cv2.medianBlur(image, 3), np.uint8)
    if kind == "sharpen":
        soft = cv2.GaussianBlur(image, (0, 0), 1.5)
        return np.asarray(cv2.addWeighted(image, 1.5, soft, -0.5, 0), np.uint8)
    raise ImageError(f"There is no filter '{kind}': expected bilateral, median or sharpen.")

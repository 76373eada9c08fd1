"""Warping of a square region of an image: rotated, scaled, averaged if reduced."""

from typing import Literal

import cv2
import numpy as np

from mien.media.writing import check_image
from mien.types import Floats, Pixels

BORDERS = {"black": cv2.BORDER_CONSTANT, "edge": cv2.BORDER_REPLICATE}


def warp(
    image: Pixels,
    to_chip: Floats,
    size: int,
    border: Literal["black", "edge"] = "black",
    *,
    average: bool = True,
) -> Pixels:
    """Warp with averaging, so that a reduced chip does not sample single pixels.

    Args:
        image: (H, W, 3).
        to_chip: (2, 3) transform from image px to chip px.
        size: px of the chip's sides.
        border: pixels beyond the image: black, or the outermost pixels repeated.
        average: whether a reduced chip is averaged; otherwise it is sharper and
            noisier, as in the training of some networks.

    Returns:
        (size, size, 3).
    """
    step = int(1 / max(float(np.hypot(*to_chip[:, 0])), 1e-6))  # image px per chip px
    if average and step >= 2:
        image, to_chip = _averaged(image, to_chip, size, step)
    return np.asarray(
        cv2.warpAffine(image, to_chip, (size, size), borderMode=BORDERS[border]), np.uint8
    )


def stretched(image: Pixels, side: int) -> Pixels:
    """Resize a whole image to a square of `side` px, for sets of cut images.

    It is averaged if reduced, else interpolated; (side, side, 3).
    """
    check_image(image)
    if image.shape[:2] == (side, side):
        return image
    way = cv2.INTER_AREA if min(image.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=way), np.uint8)


def resize_part(image: Pixels, part: tuple[int, int, int, int], side: int) -> Pixels:
    """Resize a part of an image to a square by linear interpolation, without averaging.

    Some networks were trained on such chips, and averaging would remove the texture that they need.

    Args:
        image: (H, W, 3).
        part: left, top, right, bottom, px inside the image; right and bottom are excluded.
        side: px of the result.

    Returns:
        (side, side, 3).

    Raises:
        ImageError: the part has no pixel.
    """
    left, top, right, bottom = part
    inside = image[top:bottom, left:right]
    check_image(inside)
    return np.asarray(cv2.resize(inside, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _averaged(image: Pixels, to_chip: Floats, size: int, step: int) -> tuple[Pixels, Floats]:
    """Return the part of the image in a chip, reduced by `step`, and the transform from it."""
    inverse = cv2.invertAffineTransform(to_chip)
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
    seen = corners @ inverse[:, :2].T + inverse[:, 2]
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(seen.min(0)) - step, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(seen.max(0)) + step, [left + 1, top + 1], [width, height])
    # Integer steps only: OpenCV then averages 20 times as fast (step x step pixels to one). Up to
    # step - 1 px at the edge of the image may be omitted.
    small = (max(1, (int(right) - left) // step), max(1, (int(bottom) - top) // step))
    part = image[top : top + small[1] * step, left : left + small[0] * step]
    ratio = np.array([part.shape[1] / small[0], part.shape[0] / small[1]])
    # The centre of a reduced pixel is the centre of `ratio` pixels of the part.
    shift = to_chip[:, :2] @ (np.array([left, top]) + ratio / 2 - 0.5)
    matrix = np.hstack([to_chip[:, :2] * ratio, (to_chip[:, 2] + shift)[:, None]])
    return np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8), matrix

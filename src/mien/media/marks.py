"""Visible mark on generated images: a legible word in a corner."""

import numpy as np

from mien.media.fonts import text_mask
from mien.media.writing import check_image
from mien.types import Pixels

SHARE = 0.045  # height of the letters as a share of the shorter side
LEAST = 9.0  # px; smaller letters are illegible


def mark(image: Pixels, word: str) -> Pixels:
    """Write a word into the lower left corner of a copy of an image.

    Args:
        image: (H, W, 3).
        word: such as "synthetic".

    Returns:
        (H, W, 3) with white letters on a dark band, cut off if the image is too small.
    """
    check_image(image)
    out = np.array(image)
    cover = text_mask(word, max(LEAST, SHARE * min(image.shape[:2])))  # (h, w) 0 to 255
    gap = max(2, cover.shape[0] // 5)
    height = min(cover.shape[0] + 2 * gap, out.shape[0])
    width = min(cover.shape[1] + 2 * gap, out.shape[1])
    ink = np.zeros((height, width), np.float32)
    part = cover[: max(0, height - 2 * gap), : max(0, width - 2 * gap)]
    ink[gap : gap + part.shape[0], gap : gap + part.shape[1]] = part / 255
    corner = out[out.shape[0] - height :, :width]
    corner[:] = (0.35 * corner * (1 - ink[..., None]) + 255 * ink[..., None]).astype(np.uint8)
    return out

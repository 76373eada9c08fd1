"""Brightness of images: measure it, and brighten dark images."""

import cv2
import numpy as np

from mien.types import Pixels

# Grey value: the brightest 1 % of a dim image are below. UTKFace at half its light is above.
DIM = 100.0
BLACK = 8  # grey value: below, an image has too few shades to recognise a face
GAMMA = 0.6  # exponent that lifts the shadows


def brightest(image: Pixels) -> int:
    """Return the value below which 99 % of the values of an image are, 0 to 255."""
    values = np.ascontiguousarray(image).reshape(len(image), -1)
    counts = cv2.calcHist([values], [0], None, [256], [0, 256]).ravel()
    return int(np.searchsorted(np.cumsum(counts), 0.99 * image.size))


def brightened(image: Pixels) -> Pixels:
    """Scale the brightest percent to white, and brighten the shadows."""
    lifted = np.clip(np.arange(256) / max(brightest(image), 1), 0, 1) ** GAMMA * 255
    return np.asarray(cv2.LUT(image, lifted.astype(np.uint8)), np.uint8)

"""Brightness and colourfulness of a whole picture, by formula."""

import numpy as np

from mien.types import Pixels

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
FULL = 109.0  # colourfulness called "extremely colourful"; Hasler and Suesstrunk, 2003, table 2


def brightness(picture: Pixels) -> float:
    """Mean luma of an (H, W, 3) picture, 0 (black) to 1 (white)."""
    return float((picture.reshape(-1, 3) @ np.asarray(LUMA)).mean() / 255)


def colourfulness(picture: Pixels) -> float:
    """Colourfulness of an (H, W, 3) picture, 0 (grey) to 1 (extremely colourful).

    Source: Hasler and Suesstrunk, "Measuring colourfulness in natural images", 2003, divided by
        109 and limited to 1.
    """
    red, green, blue = picture.reshape(-1, 3).astype(np.float64).T
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(), second.std())
    mean = np.hypot(first.mean(), second.mean())
    return float(min((spread + 0.3 * mean) / FULL, 1.0))

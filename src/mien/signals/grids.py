"""Fine regular patterns: the pixels of a screen in a picture of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles

SIDE = 96  # px of the square that is looked at, in the pixels of the camera
COARSE = 0.1  # cycles per px; below are eyes and mouths
BLOCK, NARROW = 8, 1.6  # px of the blocks of codecs; bins around their frequencies, left out
AROUND = 6  # bins on each side that a peak is compared with
SMOOTH = 3.0  # px: what is coarser is subtracted
FLOOR = 300.0  # power of noise of half a grey level: what is fainter than that is no pattern


def pattern_power(grey: NDArray[np.uint8]) -> Doubles:
    """Power of the fine structure of a square.

    Args:
        grey: (96, 96), not resized: a grid lives in single pixels.

    Returns:
        (96, 49) by frequency down and across, as numpy's rfft2.
    """
    fine = grey.astype(np.float32)
    fine -= cv2.GaussianBlur(fine, (0, 0), SMOOTH)
    return np.asarray(np.abs(np.fft.rfft2(fine * WINDOW)) ** 2)


def grid_strength(power: Doubles) -> float:
    """Decades by which the strongest fine frequency exceeds those around it.

    Skin, hair and noise have no peak; the pixels of a screen have, since they are regular.

    Args:
        power: (96, 49), the mean of `pattern_power` over frames: that of one frame is noisy.
    """
    level = np.log10(power + FLOOR)
    whole = np.concatenate([level, np.roll(level[::-1], 1, 0)[:, -2:0:-1]], 1)  # (96, 96)
    padded = np.pad(whole, AROUND, mode="wrap")
    near = cv2.blur(padded, (2 * AROUND + 1, 2 * AROUND + 1))[AROUND:-AROUND, AROUND:-AROUND]
    return float((whole - near)[FINE].max())


def _fine() -> NDArray[np.bool_]:
    """(96, 96) frequencies that neither a face nor a codec fills."""
    frequency = np.abs(np.fft.fftfreq(SIDE))
    blocks = np.arange(BLOCK // 2 + 1) / BLOCK
    free = np.abs(frequency[:, None] - blocks).min(1) >= NARROW / SIDE
    fine = np.hypot.outer(frequency, frequency) > COARSE
    return np.asarray(fine & np.logical_and.outer(free, free))


WINDOW = np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)
FINE = _fine()

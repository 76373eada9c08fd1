"""From a decoded film frame to the pixels that mien works on."""

from fractions import Fraction
from typing import Any

import numpy as np

from mien.media.limits import Limits
from mien.media.turning import turn
from mien.types import Pixels

# Numbers of the standards. Source: ITU-T H.273, table 4 (matrix coefficients).
BT709, UNSPECIFIED, BT601 = 1, 2, 5
HD = 720  # lines: from here on films that name no matrix are taken to be BT.709, as players do


def upright(frame: Any, aspect: Fraction | None, limits: Limits, where: str) -> Pixels:
    """Colours, square pixels and rotation of one frame of PyAV: (H, W, 3) uint8 RGB.

    `aspect` is width by height of a pixel; None or 0 if the film does not say.

    Raises:
        ImageError: the frame is larger than the limits allow.
    """
    limits.check_pixels(frame.width, frame.height, where)
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = BT709 if frame.height >= HD else BT601
    width = round(frame.width * float(aspect)) if aspect else frame.width
    rgb = frame.reformat(width=width, format="rgb24", src_colorspace=matrix)
    image = np.ascontiguousarray(rgb.to_ndarray(), np.uint8)
    clockwise = round(-frame.rotation / 90) * 90 % 360  # the flag counts the other way
    return turn(image, clockwise)


def small(frame: Any) -> Pixels:
    """A frame as (36, 64, 3), as it lies in the file: enough to see a cut."""
    glance = frame.reformat(width=64, height=36, format="rgb24", interpolation="FAST_BILINEAR")
    return np.ascontiguousarray(glance.to_ndarray(), np.uint8)

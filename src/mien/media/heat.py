"""Heat map on an image: red raises, blue lowers, grey has no effect; and its colour scale."""

import numpy as np

from mien.media.fonts import text_mask
from mien.types import Floats, Pixels

UP = np.array(
    [214, 47, 39], np.float64
)  # red and blue that are distinguishable with colour blindness.
DOWN = np.array([44, 104, 187], np.float64)  # Source: ColorBrewer's RdYlBu ends
PAPER, INK = 250, 28  # of the scale
STRONGEST = 0.75  # share of colour at the maximum of the map


def heat(image: Pixels, values: Floats) -> Pixels:
    """Draw a heat map on a grey copy of an image.

    Args:
        image: (H, W, 3).
        values: (H, W); the colour is strongest at the largest absolute value.

    Returns:
        (H, W, 3).
    """
    largest = float(np.abs(values).max()) or 1.0
    share = (values / largest).astype(np.float64)[..., None]
    grey = np.repeat(image.astype(np.float64).mean(2, keepdims=True), 3, axis=2)
    colour = np.where(share > 0, UP, DOWN)
    cover = np.abs(share) * STRONGEST
    return np.asarray((grey * (1 - cover) + colour * cover).round(), np.uint8)


def heat_scale(width: int, title: str, largest: float, unit: str) -> Pixels:
    """Draw the colour scale of a heat map.

    Args:
        width: px.
        title: a line above the scale: what was explained. A long one is cut at its end.
        largest: the effect of the strongest colour, in `unit`.
        unit: of the map.

    Returns:
        (H, width, 3).
    """
    pad, size = 12, max(11.0, width / 52)
    line = round(1.6 * size)
    canvas = np.full((3 * line + 3 * pad, width, 3), PAPER, np.uint8)
    _write(canvas, title, pad, pad, size)
    top, grey = pad + line, np.full((round(0.8 * line), width - 2 * pad, 3), 128, np.uint8)
    ramp = np.tile(np.linspace(-1, 1, grey.shape[1], dtype=np.float32), (len(grey), 1))
    canvas[top : top + len(grey), pad:-pad] = heat(grey, ramp)
    under = top + line
    _write(canvas, f"-{largest:.2g} {unit}: lowers", pad, under, size)
    for text, place in (("0", 0.5), (f"raises: +{largest:.2g} {unit}", 1.0)):
        wide = text_mask(text, size).shape[1]
        _write(canvas, text, pad + round(place * (width - 2 * pad - wide)), under, size)
    return canvas


def _write(canvas: Pixels, text: str, left: int, top: int, size: float) -> None:
    mask = text_mask(text, size)
    area = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    share = mask[: area.shape[0], : area.shape[1], None].astype(np.float32) / 255
    area[:] = np.rint(area + (np.float32(INK) - area) * share).astype(np.uint8)

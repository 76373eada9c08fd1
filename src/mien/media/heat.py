"""Heat map on an image: red raises, blue lowers, grey has no effect."""

import numpy as np

from mien.types import Floats, Pixels

UP = np.array(
    [214, 47, 39], np.float64
)  # red and blue that are distinguishable with colour blindness.
DOWN = np.array([44, 104, 187], np.float64)  # Source: ColorBrewer's RdYlBu ends
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

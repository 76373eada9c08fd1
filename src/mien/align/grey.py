"""The grey 64 px chips that the networks trained on FER2013 share: framing, and input."""

import numpy as np

from mien.metrics import pictures
from mien.types import Crop, Floats, Pixels, Points

# Median positions of MTCNN's five points in FER2013's images, made symmetrical.
FER_POINTS: Points = (
    (0.3094, 0.3836),
    (0.6906, 0.3836),
    (0.5, 0.5930),
    (0.3372, 0.7834),
    (0.6628, 0.7834),
)
FER_CROP = Crop(size=64, points=FER_POINTS)
LUMA = pictures.LUMA.astype(np.float32)


def grey_input(chips: Pixels) -> Floats:
    """(N, S, S, 3) chips -> (N, 3, S, S) in [0, 1], three equal planes."""
    grey = (chips.astype(np.float32) @ LUMA) / 255  # (N, S, S)
    return np.repeat(grey[:, None], 3, axis=1)

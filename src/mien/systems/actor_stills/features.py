"""Generic features of a whole still: what its scenery alone gives away."""

import numpy as np

from mien.media import stretched
from mien.metrics.pictures import LUMA
from mien.types import Floats, Pixels

SIDE, CELL, BINS, LEVELS = 64, 8, 9, 4


def scene_features(image: Pixels) -> Floats:
    """(640,) colour histogram and gradient directions of a whole image, of unit length.

    64 colours, and 64 cells of 9 directions without sign; both halves count the same.

    Source: of the directions, Dalal and Triggs, CVPR 2005, without overlapping blocks.
    """
    small = stretched(image, SIDE)
    level = (small // (256 // LEVELS)).astype(np.int64)
    code = (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]
    colours = np.sqrt(np.bincount(code.ravel(), minlength=LEVELS**3) / code.size)
    grey = small @ LUMA
    down, across = np.gradient(grey)
    strength = np.hypot(across, down)
    angle = np.arctan2(down, across) % np.pi
    number = np.minimum((angle / np.pi * BINS).astype(np.int64), BINS - 1)
    cells = SIDE // CELL
    row, column = np.indices(grey.shape) // CELL
    place = (row * cells + column) * BINS + number
    shape = np.bincount(place.ravel(), strength.ravel(), minlength=cells * cells * BINS)
    shape = shape.reshape(-1, BINS)
    shape = (shape / (np.linalg.norm(shape, axis=1, keepdims=True) + 1e-3)).ravel()
    both = np.concatenate([colours, shape / max(float(np.linalg.norm(shape)), 1e-9)])
    return np.asarray(both / np.linalg.norm(both), np.float32)

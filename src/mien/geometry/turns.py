"""Map points and boxes of an image rotated by quarter turns back to the original image."""

from typing import Literal

import numpy as np

from mien.types import Floats

Quarter = Literal[0, 90, 180, 270]


def turn_points_back(points: Floats, degrees: Quarter, shape: tuple[int, int]) -> Floats:
    """Points of a turned image, in the image before it was turned.

    The order of the points stays: it is the order as seen in the turned image, where the
    face is upright, so that an alignment on the points cuts an upright chip.

    Args:
        points: (..., 2) x, y in the turned image, px; (0, 0) is the corner of the image.
        degrees: how far the image was turned, clockwise.
        shape: height and width of the image before it was turned, px.

    Returns:
        (..., 2) x, y in the image before it was turned, px.
    """
    height, width = shape
    x, y = points[..., 0], points[..., 1]
    back = {0: (x, y), 90: (y, height - x), 180: (width - x, height - y), 270: (width - y, x)}
    return np.stack(back[degrees], axis=-1).astype(np.float32)


def turn_boxes_back(boxes: Floats, degrees: Quarter, shape: tuple[int, int]) -> Floats:
    """Boxes of a turned image, in the image before it was turned.

    Args:
        boxes: (..., 4) left, top, right, bottom in the turned image, px.
        degrees: how far the image was turned, clockwise.
        shape: height and width of the image before it was turned, px.

    Returns:
        (..., 4) left, top, right, bottom in the image before it was turned, px.
    """
    corners = turn_points_back(np.stack([boxes[..., :2], boxes[..., 2:]], -2), degrees, shape)
    return np.concatenate([corners.min(axis=-2), corners.max(axis=-2)], axis=-1)

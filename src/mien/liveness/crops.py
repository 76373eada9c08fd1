"""The part of a picture around a face that liveness heads see: face, paper edge, bezel, hands."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.media import resize_part
from mien.types import Floats, Pixels

T = TypeVar("T", bound=np.generic)


def cut_square(image: Pixels, box: Floats, zoom: float, side: int) -> Pixels:
    """Cut the surroundings of a face, moved inside the picture, and resize them to a square.

    Args:
        image: (H, W, 3).
        box: (4,) left, top, right, bottom, px.
        zoom: times the box; less where the picture is smaller.
        side: px of the result.

    Returns:
        (side, side, 3).

    Source: `generate_patches.py` of minivision-ai/Silent-Face-Anti-Spoofing.
    """
    return resize_part(image, window(image.shape[:2], box, zoom), side)


def cut_nearest(plane: NDArray[T], box: Floats, zoom: float, side: int) -> NDArray[T]:
    """Cut the same part of a plane beside the picture; no value is mixed with its neighbours.

    Args:
        plane: (H, W), aligned with the picture; NaN is kept.
        box: (4,) left, top, right, bottom, px.
        zoom: as for `cut_square`.
        side: px of the result.

    Returns:
        (side, side).
    """
    left, top, right, bottom = window(plane.shape, box, zoom)
    middle = (np.arange(side) + 0.5) / side
    rows = (top + middle * (bottom - top)).astype(int)
    columns = (left + middle * (right - left)).astype(int)
    return np.asarray(plane[rows[:, None], columns])


def window(size: tuple[int, ...], box: Floats, zoom: float) -> tuple[int, int, int, int]:
    """Return the part around a box, moved inside a picture: left, top, right, bottom, px.

    Args:
        size: height and width of the picture, ...
        box: (4,) left, top, right, bottom, px.
        zoom: times the box; less where the picture is smaller.
    """
    extent = box[2:].astype(np.float64) - box[:2]
    room = np.array([size[1], size[0]], np.float64)
    zoom = min(zoom, _available(size, box))
    low = (box[:2].astype(np.float64) + box[2:]) / 2 - extent * zoom / 2
    low = np.clip(low, 0, room - extent * zoom)
    left, top, right, bottom = np.concatenate([low, low + extent * zoom]).astype(int).tolist()
    return left, top, right, bottom


def available_zoom(image: Pixels, box: Floats) -> float:
    """Return how many times the box fits into the picture."""
    return _available(image.shape, box)


def _available(size: tuple[int, ...], box: Floats) -> float:
    width, height = (box[2:].astype(np.float64) - box[:2]).tolist()
    return float(min((size[1] - 1) / width, (size[0] - 1) / height))

"""The part of a picture around a face that liveness heads see: face, paper edge, bezel, hands."""

import numpy as np

from mien.media import resize_part
from mien.types import Floats, Pixels


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
    size = box[2:].astype(np.float64) - box[:2]
    room = np.array([image.shape[1], image.shape[0]], np.float64)
    zoom = min(zoom, available_zoom(image, box))
    low = (box[:2].astype(np.float64) + box[2:]) / 2 - size * zoom / 2
    low = np.clip(low, 0, room - size * zoom)
    left, top, right, bottom = np.concatenate([low, low + size * zoom]).astype(int).tolist()
    return resize_part(image, (left, top, right, bottom), side)


def available_zoom(image: Pixels, box: Floats) -> float:
    """Return how many times the box fits into the picture."""
    width, height = (box[2:].astype(np.float64) - box[:2]).tolist()
    return float(min((image.shape[1] - 1) / width, (image.shape[0] - 1) / height))

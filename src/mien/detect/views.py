"""Changed views of an image, and the faces in them in coordinates of the image."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detect.staged import Staged
from mien.geometry import Quarter
from mien.media import turn, turn_back
from mien.types import Face, Floats, Pixels

OTHER_TURNS: tuple[Quarter, ...] = (90, 270, 180)  # a phone held sideways is more frequent
AROUND = 1.0  # sides of a window that are searched on each side of it
ENOUGH = 72.0  # px: a face in such a part need not be larger; the last network sees 48
SIDES = np.array([-1, -1, 1, 1], np.float32)
CROSSING = 0.05  # share of its side by which a window must cross the border
SAME = 0.4  # share of the smaller of two boxes, or of a window, that one face may have in common


def turned(detector: Staged, image: Pixels, degrees: Quarter) -> list[Face]:
    """Find the faces in the image after a rotation; px of the image as it is."""
    return turn_back(detector(turn(image, degrees)), degrees, image.shape)


def with_room(image: Pixels, share: float) -> tuple[Pixels, Floats]:
    """Add a border in the mean colour of the image; also return the shift (x, y) in px.

    Black or repeated borders give worse results: on the crops of LFW that are not found
    without a border, where the mean colour missed 3 of 17, repeated edges 4, black 8.
    """
    height, width = image.shape[:2]
    down, across = round(height * share), round(width * share)
    mean = cv2.mean(image)[:3]
    wide = cv2.copyMakeBorder(image, down, down, across, across, cv2.BORDER_CONSTANT, value=mean)
    return np.asarray(wide, np.uint8), np.array([across, down], np.float32)


def crosses(windows: Floats, image: Pixels) -> NDArray[np.bool_]:
    """Return which of the (N, 4) windows cross the border of the image, px."""
    height, width = image.shape[:2]
    edge = CROSSING * (windows[:, 2:3] - windows[:, :1])
    beyond = windows[:, 2:] > np.array([width, height], np.float32) + edge
    outside = (windows[:, :2] < -edge) | beyond
    return np.asarray(outside.any(axis=1))


def search_around(
    search: Callable[[Pixels], list[Face]],
    image: Pixels,
    window: Floats,
    fill: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> list[Face]:
    """Search the window and what is around it; px of the image.

    Args:
        search: a detector.
        image: (H, W, 3).
        window: (4,) left, top, right, bottom, px, of the size of the face; it may cross the
            border. The part is reduced if it shows the face larger than a network needs.
        fill: RGB beyond the image.
    """
    size = float((window[2:] - window[:2]).max())
    left, top, right, bottom = np.rint(window + AROUND * size * SIDES).astype(int).tolist()
    height, width = image.shape[:2]
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    border = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    part = np.asarray(cv2.copyMakeBorder(inside, *border, cv2.BORDER_CONSTANT, value=fill))
    scale = min(1.0, ENOUGH / size)  # px of the searched part per px of the image
    if scale < 1:
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    corner = np.array([left, top], np.float32)
    return moved(search(part.astype(np.uint8, copy=False)), corner, scale)


def moved(faces: list[Face], shift: Floats, scale: float = 1.0) -> list[Face]:
    """Return faces of a part with `scale` px per px of the image, moved by `shift` (x, y) px."""
    return [
        replace(
            face,
            box=face.box / scale + np.tile(shift, 2),
            points=None if face.points is None else face.points / scale + shift,
        )
        for face in faces
    ]

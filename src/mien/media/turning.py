"""Rotation and reduction of images."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mien.errors import ImageError
from mien.geometry import Quarter, turn_boxes_back, turn_points_back
from mien.media.writing import check_image
from mien.types import Face, Pixels

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turn(image: Pixels, degrees: Quarter) -> Pixels:
    """Rotate an (H, W, 3) image clockwise by 0, 90, 180 or 270 degrees."""
    check_image(image)
    if degrees not in (0, 90, 180, 270):
        raise ImageError(
            f"Rotation by {degrees} degrees is not supported: expected 0, 90, 180 or 270."
        )
    return image if degrees == 0 else np.asarray(cv2.rotate(image, _TURNS[degrees]), np.uint8)


def turn_back(faces: Sequence[Face], degrees: Quarter, shape: tuple[int, ...]) -> list[Face]:
    """Convert faces of a rotated image to the coordinates of the original image.

    Args:
        faces: with boxes and points in px of the rotated image.
        degrees: clockwise rotation of the image.
        shape: height, width, ... of the original image.

    Returns:
        The faces in the same order. Their points keep their order, so "left eye" remains the one
        that is left when the face is upright, and alignment cuts upright chips.
    """
    size = (shape[0], shape[1])
    return [
        replace(
            face,
            box=turn_boxes_back(face.box, degrees, size),
            points=None if face.points is None else turn_points_back(face.points, degrees, size),
        )
        for face in faces
    ]


def thumbnail(image: Pixels, side: int) -> Pixels:
    """Reduce an image so that its longer side has at most `side` px; never enlarge it.

    Each new pixel is the mean of its area, so fine patterns do not flicker.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: px, at least 1.

    Returns:
        (h, w, 3) of the same proportions; the image itself if it is small enough.
    """
    check_image(image)
    if side < 1:
        raise ImageError(f"Thumbnail side {side} px is not valid: expected at least 1.")
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

"""Face region: a chip of 256 px, its mask and its luminance.

ISO/IEC 29794-5 uses the convex hull of 98 landmarks without occluded parts. With five points and
no segmentation, the region here is an ellipse from brows to chin, fitted to the mean face of
ICT-FaceKit (USC, 2020) and 8 % inside its hull. Glasses, hair and hands over the face count
as face, and a face that is turned far away includes a strip of background.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.geometry import similarity
from mien.types import Doubles, Floats, Pixels

SIDE = 256  # px
EYES_APART = 113  # px, in the chip

# The chip is columns 180 to 436 and rows 228 to 484 of the aligned image of 616 px of the
# reference implementation. Source: alignImage in OFIQ's utils.cpp.
_CORNER = np.array([180, 228], np.float32)
_PLACES = np.array([[251, 272], [364, 272], [308, 336], [262, 402], [355, 402]], np.float32)
_PLACES -= _CORNER

# sRGB to linear light, times the share of each channel in luminance. Source: IEC 61966-2-1, and
# ITU-R BT.709-6, 3.3, for the shares.
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES > 0.04045, ((_CODES + 0.055) / 1.055) ** 2.4, _CODES / 12.92)
_SHARES = (255 * _LINEAR[:, None] * [0.2126, 0.7152, 0.0722]).astype(np.float32)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One face region for measurements."""

    chip: Pixels  # (256, 256, 3) RGB; upright and aligned if there were points
    mask: Pixels  # (256, 256) 255 on the face and inside the image, else 0
    luminance: Pixels  # (256, 256) linear light, 0 to 255
    aligned: bool  # whether eyes and mouth are at the positions of the template


def cut(image: Pixels, points: Floats | None, box: Floats) -> Region | None:
    """Cut the region of a face out of an image.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (5, 2) px, or None.
        box: (4,) px; used if there are no points.

    Returns:
        The region; None if less than half of the face is inside the image.
    """
    if points is not None:
        matrix = similarity(points, _PLACES)
        mask = _ellipse(128, 105, 124, 132)
    else:
        width, height = float(box[2] - box[0]), float(box[3] - box[1])
        scale = SIDE / max(width, height)
        middle = (box[:2] + box[2:]) / 2 * scale
        matrix = np.array([[scale, 0, 128 - middle[0]], [0, scale, 128 - middle[1]]], np.float32)
        # Boxes of detectors contain hair and background at corners and sides.
        mask = _ellipse(128, 128, 0.38 * width * scale, 0.42 * height * scale)
    cutting = _warp(image, matrix)
    if cutting is None:
        return None
    chip, inside = cutting
    full = cv2.countNonZero(mask)
    mask = np.where(inside > 0, mask, np.uint8(0))
    if 2 * cv2.countNonZero(mask) < full:
        return None
    return Region(chip, mask, luminance(chip), points is not None)


def luminance(pixels: Pixels) -> Pixels:
    """Compute the luminance in linear light (H, W), 0 to 255, of (H, W, 3) sRGB.

    Source: OFIQ's GetLuminanceImageFromBGR (image_utils.cpp).
    """
    shares = cv2.LUT(pixels, _SHARES)  # (H, W, 3) float32
    total = cv2.transform(shares, np.ones((1, 3), np.float32))
    return np.asarray(cv2.convertScaleAbs(total), np.uint8)


def histogram(values: Pixels, mask: Pixels | None = None) -> Doubles:
    """Compute the shares of the values 0 to 255 inside the mask: (256,), sums to 1."""
    counts = cv2.calcHist([values], [0], mask, [256], [0, 256]).astype(np.float64).ravel()
    return np.asarray(counts / max(counts.sum(), 1), np.float64)


def cheeks(image: Pixels) -> tuple[Pixels, Pixels]:
    """Return the two cheek zones of an aligned chip or luminance, image left and right.

    Squares of 0.3 eye distances below the eyes, on their inner sides, half-way to the mouth.

    Source: ISO/IEC 29794-5:2025, 7.3.3 (OFIQ's CalculateRegionOfInterest).
    """
    side = int(0.3 * EYES_APART)
    left, right = int(_PLACES[0, 0]), int(_PLACES[1, 0])
    top = int(_PLACES[0, 1] + (_PLACES[3, 1] - _PLACES[0, 1]) / 2)
    rows = slice(top, top + side)
    return image[rows, left : left + side], image[rows, right - side : right]


def _warp(image: Pixels, matrix: Floats) -> tuple[Pixels, Pixels] | None:
    """Return the chip and the mask of pixels inside the image; None if there are none."""
    scale = math.hypot(float(matrix[0, 0]), float(matrix[1, 0]))  # chip px per image px
    back = cv2.invertAffineTransform(matrix.astype(np.float64))
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]]) @ back[:, :2].T + back[:, 2]
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    size = np.array([image.shape[1], image.shape[0]])
    first, last = np.clip(low, 0, size), np.clip(high, 0, size)
    if (last - first < 1).any():
        return None
    patch = image[first[1] : last[1], first[0] : last[0]]
    shrink = np.ones(2)
    if scale < 1:  # area averaging first: a warp alone skips pixels
        goal = np.maximum(np.rint((last - first) * scale), 1).astype(int)
        shrink = goal / (last - first)
        patch = _pixels(cv2.resize(patch, goal.tolist(), interpolation=cv2.INTER_AREA))
    # From patch px to image px (centres at whole numbers), then to chip px.
    onto = matrix.astype(np.float64) @ np.array(
        [
            [1 / shrink[0], 0, 0.5 / shrink[0] - 0.5 + first[0]],
            [0, 1 / shrink[1], 0.5 / shrink[1] - 0.5 + first[1]],
            [0, 0, 1],
        ]
    )
    chip = _pixels(cv2.warpAffine(patch, onto, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE))
    if (low >= 0).all() and (high <= size).all():
        return chip, np.full((SIDE, SIDE), 255, np.uint8)
    solid = np.full(patch.shape[:2], 255, np.uint8)
    return chip, _pixels(cv2.warpAffine(solid, onto, (SIDE, SIDE), flags=cv2.INTER_NEAREST))


def _pixels(array: NDArray[Any]) -> Pixels:
    """Cast for the type checker: OpenCV returns uint8 for uint8."""
    return np.asarray(array, np.uint8)


def _ellipse(x: float, y: float, wide: float, high: float) -> NDArray[np.uint8]:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, (round(x), round(y)), (round(wide), round(high)), 0, 0, 360, 255, -1)
    return mask

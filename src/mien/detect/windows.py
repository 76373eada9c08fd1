"""Square windows of an image at the size that a network takes."""

import math

import cv2
import numpy as np

from mien.types import Floats, Pixels

GREY = (127.0, 127.0, 127.0)  # networks of MTCNN map it to 0; fills windows beyond the image


def windows(image: Pixels, boxes: Floats, side: int, fill: tuple[float, ...] = GREY) -> Pixels:
    """Cut square windows and scale them: (N, side, side, 3); `fill` beyond the image."""
    chips = np.empty((len(boxes), side, side, 3), np.uint8)
    height, width = image.shape[:2]
    for chip, box in zip(chips, np.rint(boxes).astype(int), strict=True):
        left, top, right, bottom = box
        inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        border = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        if any(border) and inside.size:
            inside = cv2.copyMakeBorder(inside, *border, cv2.BORDER_CONSTANT, value=fill)  # type: ignore[assignment]
        if inside.size:
            smaller = inside.shape[0] > side
            how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            cv2.resize(inside, (side, side), dst=chip, interpolation=how)
        else:
            chip[:] = fill
    return chips


def quick_windows(
    image: Pixels, boxes: Floats, side: int, fill: tuple[float, ...] = GREY
) -> Pixels:
    """Cut square windows as `windows` does, up to ten times as fast and not quite as exactly.

    A large window is cut from a copy of the image whose sides were halved as often as possible.
    """
    chips = np.empty((len(boxes), side, side, 3), np.uint8)
    copies = [image]
    for chip, box in zip(chips, boxes, strict=True):
        size = float(box[2] - box[0])
        level = max(0, math.floor(math.log2(max(size, side) / side)))
        while level >= len(copies):
            copies.append(_halved(copies[-1]))
        scale = size / 2**level / side  # px of the copy per px of the window
        # The middle of the first pixel of the window lies at half a step of the copy.
        left, top = (box[:2] / 2**level + scale / 2 - 0.5).tolist()
        moves = np.array([[scale, 0, left], [0, scale, top]])
        cv2.warpAffine(
            copies[level],
            moves,
            (side, side),
            dst=chip,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=fill,
        )
    return chips


def _halved(image: Pixels) -> Pixels:
    """Return the image with half its sides; an odd last row or column counts twice."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        )
    half = (-(-width // 2), -(-height // 2))  # exactly half: fast, and every pixel counts once
    return np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)

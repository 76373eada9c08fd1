"""Anonymisation of faces in an image."""

from collections.abc import Sequence

import cv2
import numpy as np

from mien.media.writing import check_image
from mien.types import Floats, Pixels

ROOM = 0.35  # share of the box that is also blurred around it: ears, hair and chin identify, too
CELLS = 5  # cells across a face; only the smoothed mean colour of each remains
FEATHER = 0.12  # share of the face: width of the soft edge


def hide_faces(image: Pixels, boxes: Sequence[Floats]) -> Pixels:
    """Return a copy of an image with blurred faces.

    Each face is replaced by a few smoothed mean colours. The removed data cannot be restored
    from the image. Tests measure that matchers no longer recognise the faces; it is not
    assumed.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (4,) each: left, top, right, bottom in px.
    """
    check_image(image)
    canvas = np.array(image)
    for box in boxes:
        _hide(canvas, box)
    return canvas


def _hide(canvas: Pixels, box: Floats) -> None:
    height, width = canvas.shape[:2]
    side = (box[2:] - box[:2]) * ROOM
    left, top = np.floor(box[:2] - side).astype(int)
    right, bottom = np.ceil(box[2:] + side).astype(int)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if x1 - x0 < 1 or y1 - y0 < 1:
        return
    area = canvas[y0:y1, x0:x1]
    small = cv2.resize(area, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    calm = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC)
    # An ellipse in the whole box, also if the image cuts it, with a soft inner edge.
    across = (np.arange(x0, x1) + 0.5 - (left + right) / 2) / max((right - left) / 2, 1)
    down = (np.arange(y0, y1) + 0.5 - (top + bottom) / 2) / max((bottom - top) / 2, 1)
    radius = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    share = np.clip((1 - radius) / FEATHER, 0, 1)[..., None].astype(np.float32)
    area[:] = np.rint(area + (np.asarray(calm, np.float32) - area) * share).astype(np.uint8)

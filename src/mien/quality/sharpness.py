"""Sharpness: focus and motion blur of the face."""

import cv2
import numpy as np

from mien.geometry import eye_distance
from mien.quality.framing import Component
from mien.quality.scales import scalar, sigmoid
from mien.types import Floats, Pixels

_EYES_APART = 64.0  # px; larger faces are reduced to this
_SMALLEST = 16.0  # px between the eyes; in smaller faces, borders dominate the filters
_WINDOW = 9  # px. Source: Crete et al., section 3


def sharpness(image: Pixels, points: Floats | None, box: Floats) -> Component | None:
    """Compute the share of detail that a further blur removes.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (5, 2) px, or None.
        box: (4,) px; used if there are no points.

    Returns:
        Sharpness in [0, 1], which is 1 minus the blur of Crete et al., and the component. None
        if the face is too small (less than 16 px between the eyes) or flat.

    Source:
        Crete, Dolmiere, Ladret and Nicolas, "The blur effect", SPIE 6492, 2007, eq. 1-7.
        ISO/IEC 29794-5:2025, 7.3.8, uses a random forest, trained on data that are not
        public. The curve is mien's own: 50 at 0.25. Medians over 23 photographs with >= 40 px
        between the eyes: 0.48 unchanged, and 0.35, 0.27, 0.22, 0.16 and 0.13 under a Gaussian
        of 0.02, 0.03, 0.04, 0.06 and 0.08 eye distances. Faces are measured at 64 px between the
        eyes or fewer: detail that only full size shows does not affect recognition. Noise counts
        as detail, and so does the rounding to 8 bits in faces that are nearly black.
    """
    apart, window = _window(points, box)
    if apart < _SMALLEST:
        return None
    height, width = image.shape[:2]
    left, top = np.clip(np.rint(window[:2]).astype(int), 0, [width, height])
    right, bottom = np.clip(np.rint(window[2:]).astype(int), 0, [width, height])
    if min(right - left, bottom - top) < 2 * _WINDOW:
        return None
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    shrink = _EYES_APART / apart
    if shrink < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    blur = _blur(np.asarray(grey, np.float32))
    return None if blur is None else (1 - blur, scalar(100 * sigmoid(1 - blur, 0.25, 0.04)))


def _window(points: Floats | None, box: Floats) -> tuple[float, Floats]:
    """Return eye distance and the rectangle of eyes, nose and mouth, px."""
    if points is None:
        width, height = float(box[2] - box[0]), float(box[3] - box[1])
        inner = np.array([0.2 * width, 0.25 * height], np.float32)
        # The distance between the eyes is 0.45 of the width of a detector's box.
        return 0.45 * width, np.concatenate([box[:2] + inner, box[2:] - inner])
    apart = eye_distance(points)
    rim = np.float32(0.35 * apart)
    return apart, np.concatenate([points.min(axis=0) - rim, points.max(axis=0) + rim])


def _blur(grey: Floats) -> float | None:
    """Compute the blur in [0, 1] of an (H, W) image, the worse direction; None if flat."""
    # Suppress the steps that rounding to 8 bits leaves in smooth faces: without this, heavy blur is
    # rated sharper than medium blur. OFIQ smooths in the same way before its Laplacians.
    grey = np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.float32)
    shares = []
    for axis, size in ((0, (1, _WINDOW)), (1, (_WINDOW, 1))):
        steps = np.abs(np.diff(grey, axis=axis))
        total = float(steps.sum())
        if total < steps.size * 0.05:  # fewer steps than 1 per 20 px are a uniform area
            return None
        after = np.abs(np.diff(cv2.blur(grey, size), axis=axis))
        shares.append(1 - float(np.maximum(steps - after, 0).sum()) / total)
    return max(shares)

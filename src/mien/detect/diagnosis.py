"""Diagnosis of an image in which no face was found."""

from typing import Literal

import cv2
import numpy as np

from mien.contracts import Detector
from mien.detect.light import BLACK, brightened, brightest
from mien.detect.staged import Staged, staged
from mien.detect.views import OTHER_TURNS, moved, search_around, turned
from mien.types import Pixels

Reason = Literal["too-small", "blurred", "dark", "cut", "sideways", "none"]
REASONS: dict[str, str] = {
    "too-small": "A face is found only after the image is enlarged; use a larger image.",
    "blurred": "The image is too blurred for a detection; use a sharper image.",
    "dark": "The image is almost black; take it again with more light.",
    "cut": "A face is cut by the edge of the image.",
    "sideways": "A face is found only after the image is rotated; allow turns.",
    "none": "No face was found in the image.",
}
ENLARGED = 1200  # px: longer side that a small image is enlarged to, by a factor of 4 at most
FLAT = 6.0  # grey values: less spread is a uniform area, not a blurred face
SOFT = 12.0  # variance of the Laplacian at 256 px: below, there are no edges of a face
COARSE = 0.25  # scale of the glance for faces that are cut: they are reported if they are large


def diagnose_no_face(detector: Detector | Staged, image: Pixels, *, turns: bool = True) -> Reason:
    """Diagnose why there is no face: correct one fault at a time and detect again.

    Args:
        detector: the one that found no face.
        image: (H, W, 3).
        turns: whether the image was searched in all orientations.
    """
    stages = staged(detector)
    if brightest(image) < BLACK and stages(brightened(image)):
        return "dark"
    if _too_small(stages, image):
        return "too-small"
    if not turns and any(turned(stages, image, degrees) for degrees in OTHER_TURNS):
        return "sideways"
    if _cut(stages, image):
        return "cut"
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_AREA)
    spread, edges = float(small.std()), float(cv2.Laplacian(small, cv2.CV_32F).var())
    return "blurred" if spread > FLAT and edges < SOFT else "none"


def _too_small(detector: Staged, image: Pixels) -> bool:
    """Detect a face in the enlarged image."""
    factor = min(ENLARGED / max(image.shape[:2]), 4)
    if factor <= 1:
        return False
    grown = np.asarray(cv2.resize(image, None, fx=factor, fy=factor), np.uint8)
    limit = detector.smallest(grown)
    largest = detector.unit * factor * detector.smallest(image) / limit if limit else np.inf
    hints = detector.glance(detector.reduced(grown, limit), largest=largest)
    return bool(len(hints.windows) and detector(grown))


def _cut(detector: Staged, image: Pixels) -> bool:
    """Detect a face across the image edge: half a face and its mirror image form a face."""
    small, _ = _mirrored(detector.reduced(image, detector.smallest(image) / COARSE))
    hints = detector.glance(small)
    if not len(hints.windows):
        return False
    height, width = image.shape[:2]
    mirrored, room = _mirrored(image)
    windows = hints.windows * (max(mirrored.shape) / max(small.shape))
    if hints.large:
        found = detector(mirrored)
    else:
        found = [face for window in windows for face in search_around(detector, mirrored, window)]
    for face in moved(found, np.array([-room, -room], np.float32)):
        inside = np.clip(face.box, 0, [width, height, width, height])
        part, whole = (np.prod(b[2:] - b[:2]) for b in (inside, face.box))
        if 0 < part < 0.8 * whole:
            return True
    return False


def _mirrored(image: Pixels) -> tuple[Pixels, int]:
    """Add half the shorter side on each side, mirrored; also return its width, px."""
    room = max(1, min(image.shape[:2]) // 2)
    wide = cv2.copyMakeBorder(image, room, room, room, room, cv2.BORDER_REFLECT)
    return np.asarray(wide, np.uint8), room

"""Skin of an aligned face: where it is, how light it is, and the same face in another tone."""

import cv2
import numpy as np

from mien.errors import MienError
from mien.media.writing import check_image
from mien.types import Face, Floats, Pixels, Points

# Median positions of MTCNN's five points in UTKFace's crops, made symmetrical; shares of the side.
UTKFACE_POINTS: Points = (
    (0.3025, 0.2935),
    (0.6975, 0.2935),
    (0.5, 0.5230),
    (0.3225, 0.6910),
    (0.6775, 0.6910),
)
# The cheeks of a face that is cut as UTKFace cuts it: left, top, right, bottom, shares of the side.
CHEEKS = ((0.22, 0.48, 0.36, 0.62), (0.64, 0.48, 0.78, 0.62))
CHROMA, LIGHT = 9.0, 36.0  # CIE a*b* and L* by which skin differs from the cheeks, 1 sigma
SOFT = 0.012  # of the side: blur of the mask
COARSE, EDGE = 0.02, 12.0  # sigma of the smoothing: share of the side, and L*
LEAST_YELLOW = 4.0  # CIE b* of cheeks; below, an image is grey and has no angle


def utkface_face(side: int) -> Face:
    """The face of an image of `side` px that is cut as UTKFace cuts it; nothing is searched."""
    points = np.array(UTKFACE_POINTS, np.float32) * side
    return Face(np.array([0, 0, side, side], np.float32), 1.0, points)


def cheeks(chip: Pixels, zoom: float = 1.0) -> Pixels:
    """(K, 3) pixels of both cheeks of an aligned face.

    Args:
        chip: (S, S, 3), cut as UTKFace cuts it.
        zoom: size of the face relative to that.
    """
    tall, wide = chip.shape[:2]
    parts = []
    for box in CHEEKS:
        x, t, r, b = (0.5 + zoom * (place - 0.5) for place in box)
        part = chip[round(t * tall) : round(b * tall), round(x * wide) : round(r * wide)]
        parts.append(part.reshape(-1, 3))
    return np.concatenate(parts)


def skin_mask(chip: Pixels, zoom: float = 1.0) -> Floats:
    """(S, S) how far each pixel of an aligned face has the colour of its cheeks, 0 to 1.

    Skin-coloured hair and walls count as skin, and strong shadows do not.
    """
    check_image(chip)
    lab = _lab(chip)
    own = np.median(_lab(cheeks(chip, zoom)[None])[0], axis=0)
    far = ((lab - own) / np.array([LIGHT, CHROMA, CHROMA], np.float32)) ** 2
    mask = np.exp(-0.5 * np.maximum(far.sum(-1) - 1.0, 0))
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), SOFT * len(chip)))


def has_tone(chip: Pixels) -> bool:
    """Whether the skin of an aligned face has colours; without them its tone is not defined."""
    return float(np.median(_lab(cheeks(chip)[None])[0, :, 2])) >= LEAST_YELLOW


def toned(chip: Pixels, angle: float, zoom: float = 1.0) -> Pixels:
    """Show an aligned face with another skin tone; shading, hair and background stay.

    The lightness of skin follows a curve that keeps black and white, so that the cheeks have the
    angle. A change of tone is a change of colour, not of ethnicity.

    Args:
        chip: (S, S, 3), cut as UTKFace cuts it.
        angle: wanted angle (ITA) of the cheeks, degrees, -60 to 75; see metrics.tone_angle.
        zoom: size of the face relative to that.

    Raises:
        MienError: the angle lies outside, or the image has no colours, so that it has no angle.
    """
    if not -60 <= angle <= 75:
        raise MienError(f"A skin tone has an angle of -60 to 75 degrees, got {angle:g}.")
    lab = _lab(chip)
    light, _, yellow = np.median(_lab(cheeks(chip, zoom)[None])[0], axis=0)
    if yellow < LEAST_YELLOW:
        raise MienError(
            "The skin tone of a face without colours, or in coloured light, is not defined; give "
            "a colour photograph."
        )
    wanted = float(np.clip(50 + yellow * np.tan(np.radians(angle)), 8, 92))
    power = np.log(wanted / 100) / np.log(np.clip(light, 2, 98) / 100)
    # Only what is coarse follows the curve: fine detail keeps its contrast, so nothing burns out.
    coarse = cv2.bilateralFilter(lab[..., 0], -1, EDGE, COARSE * len(chip))
    changed = 100 * (np.clip(coarse, 0, 100) / 100) ** power
    lab[..., 0] += skin_mask(chip, zoom) * (changed - coarse)
    back = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(np.clip(back, 0, 1) * 255), np.uint8)


def _lab(pixels: Pixels) -> Floats:
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)

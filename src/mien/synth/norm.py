"""The mean person of the built-in head: from the canonical place of a point to where it lies.

Skin is painted and moves are placed in canonical space, which stays as it is; only where its
places lie on the mean face is told here. Lengths in mm.

Source: heights and depths follow anthropometric means of adults (eye to the base of the nose 47,
to the mouth 69, to the chin 112; skin above the upper lip 13; tip of the nose 33 before the
cheeks), set by eye with bells as in mien.synth.variety, and compared with the mean of
ICT-FaceKit's head.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

from mien.synth import form
from mien.synth.variety import Bells, bells
from mien.types import Doubles

# Height of a place in canonical space, and on the mean face.
_HEIGHT = PchipInterpolator(
    (-122, -112, -100, -84, -79, -68, -60.5, -54, -46, -38, -20, -9, -2, 8, 20, 60, 85, 95, 108),
    (-117, -108, -98, -86.5, -82, -71, -62.5, -49.5, -42.5, -35.5, -19, -8.8, -2, 8, 21.5, 61.5,
     89, 101, 118),
)  # fmt: skip
_BELLS: Bells = (
    (0, 55, 60, 26, 0, 0, -6.5),  # the forehead lies back
    (31, -22, 17, 14, 0, 0, -8.0),  # beside the nose, up to the cheekbones
    (0, -20, 7.5, 14, 0, 0, 7.0),  # the nose stands out
    (13.5, -46, 4.5, 8, 0, 0, -8.0),  # its tip is round, not square
    (0, -43, 6, 6, 0, 0, 2.0),
    (16.5, -48, 3.0, 4.5, 0, 0, 4.5),  # wings, and the groove behind them
    (21, -46, 2.6, 6, 0, 0, -1.8),
    (57, -67, 13, 20, 1.5, 0, 10.5),  # the angle of the jaw and the cheek above it
    (38, -104, 13, 11, 3.5, 0, 7.0),  # the jaw is rounder than the cone of the sections
    (0, -102, 18, 10, 0, 0, -5.0),  # chin
    (0, -84, 16, 5, 0, 0, 1.5),
    (46, 15, 12, 9, 5.0, 1.0, -2.0),  # tails of the brows
)


# Lids at rest cover a little of the iris above and touch it below: 1.2 mm further down than in
# canonical space, where the eye is wide open.
LOWER, NARROWER = 1.1, 0.20


def mean_face(rest: Doubles) -> Doubles:
    """Where points of canonical space, (V, 3), lie on the mean face; eyes stay where they are."""
    across, up = np.abs(rest[:, :1]) - form.EYE[0], rest[:, 1:2] - form.EYE[1]
    free = 1 - np.exp(-((across / 18) ** 4) - ((up / 9.5) ** 4))
    moved = rest + free * bells(rest, _BELLS, (1, -1))
    share = np.clip((rest[:, 2] + 30) / 50, rest[:, 1] > 30, 1)
    share *= np.clip((rest[:, 1] + 185) / 55, 0, 1)  # the throat goes with the chin, shoulders stay
    height = np.clip(rest[:, 1], -122, 108)
    moved[:, 1] += share * (_HEIGHT(height) - height)
    moved[:, 1:2] -= (1 - free) * (LOWER + NARROWER * up) * (rest[:, 2:3] > 20)
    return np.asarray(moved)

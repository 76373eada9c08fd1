"""The mean person of the built-in head: maps canonical places to positions on the mean face.

Skin is painted and blendshapes are placed in canonical space, which does not change. This module
maps its places to the mean face. Lengths in mm.

Source: heights and depths follow anthropometric means of adults (eye to the base of the nose 47,
to the mouth 69, to the chin 112; skin above the upper lip 13; tip of the nose 33 in front of the
cheeks), set by eye with Gaussians as in mien.synth.head.variety, and compared with the mean of
ICT-FaceKit's head.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

from mien.synth.head import head_shape
from mien.synth.head.variety import Bells, bells
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
    (40, -104, 12, 9, -1.0, 0, -2.0),  # from the angle of the jaw it tapers to the chin
    (38, -80, 13, 12, 2.8, 0, -2.5),
    (50, -58, 14, 14, 2.2, 0, 0),
    (55, -48, 13, 16, 1.5, 0, 2.0),
    (0, -102, 18, 10, 0, 0, -5.0),  # chin
    (0, -114, 13, 7, 0, 0, 6.5),
    (10, -113, 8, 6, 5.0, 0, 0),
    (0, -84, 16, 5, 0, 0, 1.5),
    (46, 15, 12, 9, 5.0, 1.0, -2.0),  # tails of the brows
    (52, -16, 14, 9, -2.3, 0, 2.0),  # cheekbones
    (68, -32, 9, 28, 0, 0, 14.0),  # from there to the ears the face turns evenly
    (31, 8, 14, 5, 0, -0.8, 6.0),  # below them sockets are filled
    (48, 0, 7, 10, 0, 0, 5.0),
)

# Eyes lie this much further forward than in canonical space, mm, so that the bridge of the nose
# does not occlude the far eye of a face that is rotated by 45 degrees.
AHEAD = 4.5
WIDER = 0.03  # share by which the sides of the head lie further out
# Neutral lids cover a little of the iris above and touch it below: 1.2 mm further down than in
# canonical space, where the eye is wide open.
LOWER, NARROWER = 1.1, 0.20


def mean_face(rest: Doubles) -> Doubles:
    """Positions of canonical points, (V, 3), on the mean face; eyes stay where they are."""
    across, up = np.abs(rest[:, :1]) - head_shape.EYE[0], rest[:, 1:2] - head_shape.EYE[1]
    free = 1 - np.exp(-((across / 18) ** 4) - ((up / 9.5) ** 4))
    moved = rest + free * bells(rest, _BELLS, (1, -1))
    moved[:, :1] *= 1 + WIDER * np.clip((np.abs(rest[:, :1]) - 40) / 20, 0, 1)
    around = np.exp(-((across / 24) ** 4) - ((up / 15) ** 4)) * (rest[:, 2:3] > 20)
    moved[:, 2:3] += AHEAD * around
    share = np.clip((rest[:, 2] + 30) / 50, rest[:, 1] > 30, 1)
    share *= np.clip((rest[:, 1] + 185) / 55, 0, 1)  # the throat goes with the chin, shoulders stay
    height = np.clip(rest[:, 1], -122, 108)
    moved[:, 1] += share * (_HEIGHT(height) - height)
    moved[:, 1:2] -= (1 - free) * (LOWER + NARROWER * up) * (rest[:, 2:3] > 20)
    return np.asarray(moved)

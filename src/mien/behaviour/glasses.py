"""Detection of dark glasses in one image, grey or in colour.

Behind dark glass lids, skin and white of the eye are all as dark as a pupil. An eye in a shadow
still has bright parts.
"""

import numpy as np

from mien.behaviour.masks import ABOVE
from mien.landmarks import names
from mien.types import Doubles, Floats

EYES = frozenset({"left-eye", "right-eye"})  # of occlusion.PARTS
# Half axes of the ellipse around an eye, as shares of the distance between the eyes: it holds
# lids and skin as well.
WIDE, HIGH = 0.30, 0.19
BRIGHT = 85.0  # percentile of an ellipse that stands for its bright parts
# Sum of two logarithms: bright parts and median of the brighter eye, against the skin. Of 8,540
# faces of UTKFace, Taiwanese actors and LFW (grey), eight are below, all with dark glasses; light
# or reflecting ones are above. The first eyes in a mere shadow are at -2.46.
DARK = -2.55


def behind_glasses(logs: Doubles, points: Floats) -> bool:
    """Return whether dark glasses cover both eyes.

    Args:
        logs: (S, S) logarithms of the brightness of a chip.
        points: (468, 2) px of the mesh in the chip.
    """
    last = len(logs) - 1
    skin = np.clip(np.rint(points[list(ABOVE)]).astype(int), 0, last)
    level = float(np.median(logs[skin[:, 1], skin[:, 0]]))
    eyes = [points[list(part)].mean(0) for part in (names.LEFT_EYE, names.RIGHT_EYE)]
    across = float(np.linalg.norm(eyes[1] - eyes[0]))
    if across < 1:  # the points lie on one place
        return False
    rows, columns = np.mgrid[: last + 1, : last + 1]
    levels = []  # bright parts and median of each eye
    for x, y in eyes:
        place = ((columns - x) / (WIDE * across)) ** 2 + ((rows - y) / (HIGH * across)) ** 2
        seen = logs[place <= 1]
        if not len(seen):
            return False
        levels.append(np.percentile(seen, (BRIGHT, 50)))
    return float(np.max(levels, axis=0).sum()) - 2 * level < DARK

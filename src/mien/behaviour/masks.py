"""Detection of a mask over mouth and nose that is present from the first frame.

`AppearanceChange` compares a face with its earlier appearance and cannot detect such a mask. This
module compares the lower with the upper half of the face in one image. The ratio of red to green
of skin is similar below and above the nose, and higher on the lips. Cloth differs, and has one
hue, unlike a white beard.
"""

import numpy as np

from mien.types import Doubles

# Points of the mesh: cheeks below the eyes, bridge of the nose and forehead; around the mouth and
# the chin; the red of both lips.
ABOVE = (50, 280, 101, 330, 118, 347, 197, 195, 5, 9, 151, 108, 337, 6)
BELOW = (199, 175, 200, 18, 164, 167, 393, 216, 436, 212, 432, 210, 430, 204, 424, 202, 422)
LIPS = (0, 37, 267, 39, 269, 17, 84, 314, 181, 405)
_LOWER = np.array([*BELOW, *LIPS])
UNDER = frozenset({"mouth", "chin", "nose", "left-cheek", "right-cheek"})  # of occlusion.PARTS
PALE = -0.12  # log of red/green of the lower half minus that of the upper half
PLAIN = 0.06  # the same for the lips minus their surroundings
EVEN = 0.04  # standard deviation over the lower half


def masked(logs: Doubles) -> bool:
    """Return whether a mask covers the lower half of a face.

    Args:
        logs: (468, 3) logarithms of the colours at the points of a mesh, red, green, blue.

    Returns:
        True for cloth that is bluish, white, grey or black. Never for grey images, nor for cloth
        of the colour of skin.
    """
    red = logs[:, 0] - logs[:, 1]
    if red[_LOWER].std() >= EVEN:  # true for most faces, so the rest is rarely computed
        return False
    above, below, lips = (float(np.median(red[list(part)])) for part in (ABOVE, BELOW, LIPS))
    return below - above < PALE and lips - below < PLAIN

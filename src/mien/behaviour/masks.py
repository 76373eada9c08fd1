"""A mask over mouth and nose that was there before the first look: what Looks cannot notice.

`Looks` compares a face with how it looked a moment ago; this compares its lower half with its upper
half in one picture. Skin is red against its green, below the nose as much as above it, and lips are
more so; cloth is not, and it is of one hue, as a white beard is not.
"""

import numpy as np

from mien.types import Doubles

# Points of the mesh: cheeks below the eyes, bridge of the nose and forehead; around the mouth and
# the chin; the red of both lips.
ABOVE = (50, 280, 101, 330, 118, 347, 197, 195, 5, 9, 151, 108, 337, 6)
BELOW = (199, 175, 200, 18, 164, 167, 393, 216, 436, 212, 432, 210, 430, 204, 424, 202, 422)
LIPS = (0, 37, 267, 39, 269, 17, 84, 314, 181, 405)
_LOWER = np.array([*BELOW, *LIPS])
UNDER = frozenset({"mouth", "chin", "nose", "left-cheek", "right-cheek"})  # of covering.PARTS
PALE = -0.12  # logarithm of red by green of the lower half, less that of the upper
PLAIN = 0.06  # the same of the lips, less that of what is around them
EVEN = 0.04  # its standard deviation over the lower half


def masked(logs: Doubles) -> bool:
    """Whether something that is no skin lies over the lower half of a face.

    Args:
        logs: (468, 3) logarithms of the colours at the points of a mesh, red, green, blue.

    Returns:
        True of cloth that is bluish, white, grey or black. Never of grey pictures, nor of cloth in
        the colour of skin.
    """
    red = logs[:, 0] - logs[:, 1]
    if red[_LOWER].std() >= EVEN:  # nearly always, so the rest is seldom done
        return False
    above, below, lips = (float(np.median(red[list(part)])) for part in (ABOVE, BELOW, LIPS))
    return below - above < PALE and lips - below < PLAIN

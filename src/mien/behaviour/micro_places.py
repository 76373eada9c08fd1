"""Where short movements of a face are searched for: the framing, and which places count."""

import numpy as np
from numpy.typing import NDArray

from mien.geometry import places
from mien.types import Crop

CROP = Crop(size=128)
LONGEST = 0.5  # s. Source: Yan et al., 2013
EYES = 0.07  # share of the side above and below the eyes
OVAL, INNER = (0.34, 0.44), (0.27, 0.4)  # half width and height of the face, and without its edge


def eye_rows() -> NDArray[np.bool_]:
    """(S,) rows of a chip around the eyes, where blinks and gaze move."""
    middle = places(CROP)[:2, 1].mean() / CROP.size
    return np.asarray(np.abs((np.arange(CROP.size) + 0.5) / CROP.size - middle) < EYES)


def beside_face() -> NDArray[np.bool_]:
    """(S, S) of a chip: beside the oval of the face, and rows around the eyes."""
    return _outside(*OVAL) | eye_rows()[:, None]


def face_edge() -> NDArray[np.bool_]:
    """(S, S) of a chip: where the background appears when a head turns."""
    return _outside(*INNER)


def _outside(wide: float, high: float) -> NDArray[np.bool_]:
    x, y = ((one + 0.5) / CROP.size for one in np.mgrid[: CROP.size, : CROP.size][::-1])
    return np.asarray(((x - 0.5) / wide) ** 2 + ((y - 0.52) / high) ** 2 > 1)

"""A toy world for measuring: a mean face is laid on each bright square, and heads read grey."""

import numpy as np

from mien.geometry import Camera
from mien.landmarks.head_pose import mean_face
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face, Reading

SIZE = 96
FLAT = mean_face()


def scene(*places, side=60, size=(180, 320), tone=240):
    """A grey picture with a bright square for each face."""
    image = np.full((*size, 3), 40, np.uint8)
    for x, y in places:
        image[round(y) : round(y) + side, round(x) : round(x) + side] = tone
    return image


class Squares:
    """A detector of bright squares that stand apart."""

    name, digest, device = "squares", "1", TOY_DEVICE

    def __call__(self, image):
        left = image[..., 0] > 120
        faces = []
        while left.any():
            y, x = np.argwhere(left)[0]
            wide = int(left[y, x:].argmin()) or left.shape[1] - x
            high = int(left[y:, x].argmin()) or left.shape[0] - y
            left[y : y + high, x : x + wide] = False
            box = np.float32([x, y, x + wide, y + high])
            inside = np.float32([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]])
            if min(wide, high) >= 8:
                faces.append(Face(box, 0.9, box[:2] + inside * (wide, high), detector="squares"))
        return faces


class Masks:
    """A landmarker that lays the mean face on what is bright in the chip."""

    name, digest, crop = "masks", "2", Crop(size=SIZE)
    device = TOY_DEVICE

    def __init__(self):
        self.asked = 0

    def __call__(self, chips):
        self.asked += 1
        points = np.zeros((len(chips), 478, 3), np.float32)
        presence = np.zeros((len(chips), 478), np.float32)
        for chip, mesh, seen in zip(chips, points, presence, strict=True):
            bright = np.argwhere(chip[..., 0] > 120)
            if len(bright) < 100:
                continue
            (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0)
            low, high = FLAT.min(axis=0), FLAT.max(axis=0)
            scale = min((right - left) / (high[0] - low[0]), (bottom - top) / (high[1] - low[1]))
            middle = [(left + right) / 2, (top + bottom) / 2, 0]
            mesh[:468] = (FLAT - (low + high) / 2) * scale + middle
            for iris, corners in ((468, (33, 133)), (473, (362, 263))):
                mesh[iris : iris + 5] = mesh[list(corners)].mean(axis=0)
            seen[:] = 0.9
        return points, presence


class Tone:
    """A head that reads how bright a face is, with an interval."""

    name, digest, crop = "tone-1", "3", Crop(size=16)
    device = TOY_DEVICE

    def __init__(self):
        self.asked = 0

    def __call__(self, chips):
        self.asked += len(chips)
        means = chips[:, 6:10, 6:10].mean(axis=(1, 2, 3)).tolist()
        return [
            Reading("tone", {"tone": m}, "grey value", self.name, {"tone": m - 5}, {"tone": m + 5})
            for m in means
        ]


class Moods:
    """A head with several labels that always answers the same."""

    name, digest, crop = "moods-1", "4", Crop(size=16)
    device = TOY_DEVICE

    def __call__(self, chips):
        values = {"anger": 0.25, "neutral": 0.75}
        axis = Reading("valence", {"valence": -0.5}, "-1 to 1; by a rule", self.name)
        return [
            Reading("expression", values, "probability", self.name, derived=(axis,)) for _ in chips
        ]


CAMERA = Camera.of(180, 320)

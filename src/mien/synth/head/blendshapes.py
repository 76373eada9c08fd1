"""The 53 blendshapes of the built-in head: sums of Gaussians, lids on the ball, a hinged jaw.

Gaussians are placed by a table (centre; sideways, up, forward at weight 1, mm).
"""

import numpy as np

from mien.synth.head import head_shape
from mien.synth.motion.controls import SHAPES
from mien.types import Doubles, Floats

HINGE = np.array([0.0, -22.0, 8.0])  # axis of the jaw
JAW_TURN = 21.0  # degrees at jawOpen = 1
# Shape -> Gaussians: x, y, spread in x, spread in y, then sideways (outwards), up, forward.
Bells = tuple[tuple[float, ...], ...]
OVERLAP = 2.0  # mm by which the upper lid moves forward, to lie over the lower one with its lashes
_BELLS: dict[str, Bells] = {
    "browInnerUp": ((13, 17, 15, 11, 0, 4.8, 1.0), (10, 34, 14, 14, 0, 2.0, 0)),
    "browOuterUp": ((40, 17, 12, 11, 0, 7.5, 0.5), (38, 36, 14, 14, 0, 2.5, 0)),
    "browDown": ((14, 15, 12, 9, -4.5, -6.8, 1.4), (34, 16, 12, 8, -1.2, -4.2, 0.5)),
    "cheekPuff": ((42, -62, 16, 17, 5.0, 0, 8.0),),
    "cheekSquint": ((36, -22, 15, 11, 0, 5.0, 3.2),),
    "mouthDimple": ((28, -68, 7, 8, 3.2, 0.6, -4.0),),
    "mouthFrown": ((28, -69, 10, 10, 1.8, -3.4, -1.4), (26, -84, 12, 10, 0.5, -1.5, 0.6),
                   (0, -67, 14, 9, 0, -0.6, -0.2)),
    "mouthSmile": (
        (25, -68, 10, 9, 6.5, 7.6, -5.0),
        (40, -44, 14, 13, 2.0, 4.0, 3.6),
        (12, -68, 9, 8, 2.2, 0.8, -0.8),
        (0, -68, 14, 9, 0, 1.8, -1.6),
    ),
    "mouthStretch": ((25, -69, 10, 10, 7.5, -1.2, -2.4), (34, -84, 14, 14, 2.0, -2.0, 0)),
    "noseSneer": ((9, -22, 8, 11, 0, 4.2, 1.6), (13, -45, 6, 7, 0.8, 3.4, 0.5),
                  (10, 10, 8, 8, -1.2, -2.2, 0.6), (9, -60, 9, 6, 0, 2.4, 0.6)),
}  # fmt: skip
# The same for the lips: the amount fades out towards the other lip. "up" or "low" names the lip.
_LIPS: dict[str, tuple[tuple[str, Bells], ...]] = {
    "mouthLowerDown": (("low", ((11, -72, 11, 9, 0.6, -6.0, 0.4),)),),
    "mouthUpperUp": (("up", ((10, -63, 10, 9, 0.2, 5.0, 0.8), (14, -48, 8, 9, 0, 1.6, 0.6))),),
    "mouthPress": (
        ("up", ((14, -65, 12, 5, 0.8, -1.8, -2.0),)),
        ("low", ((14, -72, 12, 6, 0.8, 2.2, -2.2),)),
    ),
    "mouthRollLower": (("low", ((0, -72, 19, 5.5, 0, 3.6, -5.0),)),),
    "mouthRollUpper": (("up", ((0, -64, 19, 5.0, 0, -3.0, -4.6),)),),
    "mouthFunnel": (
        ("up", ((0, -64, 16, 7, 0, 3.4, 5.5), (20, -66, 9, 9, -4.6, 0, 2.6))),
        ("low", ((0, -72, 16, 8, 0, -4.4, 5.5), (20, -70, 9, 9, -4.6, 0, 2.6))),
    ),
    "mouthPucker": (
        ("up", ((28, -67, 13.5, 10, -7.2, 0, 2.1), (0, -63, 13, 8, 0, 0, 5.0))),
        ("low", ((28, -69, 13.5, 10, -7.2, 0, 2.1), (0, -73, 13, 8, 0, 0, 5.0))),
    ),
    "mouthShrugLower": (
        ("low", ((0, -92, 17, 12, 0, 5.0, 2.0), (0, -73, 17, 6, 0, 3.4, 2.4))),
        ("up", ((0, -65, 16, 6, 0, 1.8, 0.6),)),
    ),
    "mouthShrugUpper": (("up", ((0, -62, 17, 8, 0, 3.4, 1.8),)),),
}


class Blendshapes:
    """Displacements of points of the built-in head."""

    def __init__(self, rest: Doubles, slit: Doubles) -> None:
        """`rest` (V, 3): the neutral face; `slit` (V,): -1 below the slit of the lips, 1 above."""
        self.rest, self.slit = rest, slit
        self.front = np.clip((rest[:, 2] - 12) / 30, 0, 1)

    def all(self) -> dict[str, Floats]:
        """Shape -> (V, 3) displacement at weight 1."""
        made = {name: self._shape(name) for name in SHAPES}
        return {name: delta.astype(np.float32) for name, delta in made.items()}

    def _shape(self, name: str) -> Doubles:
        stem, _, side = name.partition("_")
        if stem.startswith("jaw"):
            return self.jaw(stem)
        if stem.startswith("eye"):
            return self._lids(stem) * self._half(side)
        if stem in _BELLS:
            return self._bells(_BELLS[stem]) * self._half(side)
        if stem in _LIPS:
            parts = sum(self._bells(bells) * self._lip(lip) for lip, bells in _LIPS[stem])
            return np.asarray(parts * self._half(side) if side else parts)
        if stem == "mouthClose":  # shuts the lips over an open jaw
            return -self.jaw("jawOpen") * np.exp(-(((self.rest[:, 1:2] + 70) / 9) ** 2))
        sideways = {"mouthLeft": 1, "mouthRight": -1}[stem]
        near = np.exp(-((self.rest[:, 0] / 30) ** 2) - ((self.rest[:, 1] + 70) / 17) ** 2)
        return np.outer(near * self.front, [7.0 * sideways, 0.0, 0.0])

    def _half(self, side: str) -> Doubles:
        """1 on one side of the face, 0 on the other, (V, 1)."""
        x = self.rest[:, 0:1] * (1 if side == "L" else -1)
        return np.clip(x / 5 + 0.5, 0, 1)

    def _bells(self, bells: Bells) -> Doubles:
        x, y = self.rest[:, 0], self.rest[:, 1]
        out = np.zeros_like(self.rest)
        for cx, cy, sx, sy, away, up, ahead in bells:
            for side in (1, -1) if cx else (1,):
                near = np.exp(-((x - side * cx) ** 2) / (2 * sx**2) - (y - cy) ** 2 / (2 * sy**2))
                out += np.outer(near * self.front, [away * side, up, ahead])
        return out * self._off_the_eyes()

    def _off_the_eyes(self) -> Doubles:
        """Lids stay on the ball while cheeks and brows move: 0.25 on them, 1 far away, (V, 1)."""
        x, y = np.abs(self.rest[:, 0:1]) - head_shape.EYE[0], self.rest[:, 1:2] - head_shape.EYE[1]
        return np.asarray(1 - 0.75 * np.exp(-((x / 17) ** 2) - (y / 8.5) ** 2))

    def _lip(self, which: str) -> Doubles:
        """Share to which points belong to one lip: half each at the corners, (V, 1)."""
        sign = 1 if which == "up" else -1
        return (0.5 + 0.5 * sign * self.slit * self._beside())[:, None]

    def _beside(self) -> Doubles:
        """Independence of the two sides of the slit, (V,): 1 away from the line of the corners."""
        beyond = 1.2 * np.logaddexp(0, (np.abs(self.rest[:, 0]) - head_shape.MOUTH_HALF + 1) / 1.2)
        away = np.maximum(np.abs(self.rest[:, 1] - head_shape.MOUTH_Y), 0.8)
        return np.asarray(away / np.sqrt(away**2 + beyond**2))

    def jaw(self, name: str) -> Doubles:
        """Open the jaw about its hinge, or slide it."""
        weight = 0.5 - 0.5 * self.slit * self._beside()
        weight *= 1 - np.clip((self.rest[:, 1] + 30) / 25, 0, 1)  # nothing above the cheeks
        back = np.clip((self.rest[:, 2] - HINGE[2] + 6) / 30, 0, 1)  # the neck stays
        weight = (weight * back)[:, None]
        return np.asarray(weight * _opening(self.rest, name))

    def _lids(self, name: str) -> Doubles:
        """Slide lids over the ball towards a new rim, fading out with the distance from it."""
        x, y = self.rest[:, 0], self.rest[:, 1]
        top, bottom = head_shape.upper_lid(x), head_shape.lower_lid(x)
        height = np.maximum(top - bottom, 0)
        drop, rise = {
            "eyeBlink": (0.86 * height, 0.14 * height),
            "eyeSquint": (0.13 * height, 0.33 * height),
            "eyeWide": (-0.36 * height, -0.06 * height),
            "eyeLookDown": (0.42 * height, -0.10 * height),
            "eyeLookUp": (-0.20 * height, 0.04 * height),
            "eyeLookIn": (0 * height, 0 * height),
            "eyeLookOut": (0 * height, 0 * height),
        }[name]
        middle = (bottom + rise) + (top - drop - bottom - rise) / np.maximum(height, 1e-6) * (
            y - bottom
        )
        above = -drop * np.exp(-((np.maximum(y - top, 0) / 7.5) ** 2))
        below = rise * np.exp(-((np.maximum(bottom - y, 0) / 8.0) ** 2))
        target = np.where(y > top, y + above, np.where(y < bottom, y + below, middle))
        edge = np.clip((head_shape.LID_HALF + 2 - np.abs(np.abs(x) - head_shape.EYE[0])) / 2, 0, 1)
        dy = np.where(self.front > 0.5, (target - y) * edge, 0)
        dz = head_shape.lid_surface(x, y + dy) - head_shape.lid_surface(x, y)
        near = np.exp(-((np.maximum(y - top, bottom - y).clip(0) / 5.0) ** 2))
        ahead = dz * near * (np.abs(dy) > 1e-6)
        if name == "eyeBlink":
            ahead += OVERLAP * edge * (self.front > 0.5) * near * (2 * y > top + bottom)
        return np.asarray(np.stack([np.zeros_like(dy), dy, ahead], axis=1))


def _opening(rest: Doubles, name: str) -> Doubles:
    """Displacement of points that the bone of the jaw carries."""
    if name != "jawOpen":
        slide = {"jawForward": [0, -1, 7], "jawLeft": [9, 0, 0], "jawRight": [-9, 0, 0]}[name]
        return np.broadcast_to(np.array(slide, float), rest.shape)
    turn = np.radians(JAW_TURN)
    arm = rest - HINGE
    y = arm[:, 1] * np.cos(turn) - arm[:, 2] * np.sin(turn)
    z = arm[:, 1] * np.sin(turn) + arm[:, 2] * np.cos(turn)
    return np.asarray(np.stack([arm[:, 0] * 0.985, y, z], axis=1) - arm)


def rigid_jaw(rest: Doubles, side: Doubles, name: str) -> Floats:
    """Move teeth and tongue rigidly with the jaw, the floor of the cavity in part.

    Args:
        rest: (V, 3) points behind the lips.
        side: (V,) -1 on the jaw, 1 on the skull, 0 between them.
        name: jawOpen, jawForward, jawLeft or jawRight.

    Returns:
        (V, 3) displacement at weight 1.
    """
    between = np.clip((head_shape.MOUTH_Y - rest[:, 1]) / 20, 0, 1)
    share = np.where(side == 0, between, (1 - side) / 2)
    return np.asarray(share[:, None] * _opening(rest, name), np.float32)

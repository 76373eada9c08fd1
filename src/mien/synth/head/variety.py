"""Identity modes of the built-in head: anthropometric measures, each a smooth displacement.

Each line is one measure at one standard deviation. None of them is a category of people.
Source: spreads follow the size of the standard deviations in facial anthropometry (2 to 4 mm for
widths and heights of the face, 1.5 to 3 mm for its parts); the Gaussians were placed by eye.
"""

import numpy as np

from mien.synth.head import head_shape
from mien.types import Doubles, Floats

# Gaussians: x, y, spread x, spread y, then sideways (away from the middle), up, forward in mm.
Bells = tuple[tuple[float, ...], ...]
BELLS: dict[str, Bells] = {
    "forehead-slope": ((0, 55, 45, 22, 0, 0, -5.0),),
    "forehead-bulge": ((22, 45, 20, 16, 0, 0, 2.6),),
    "brow-ridge": ((24, 16, 20, 7, 0, -0.5, 3.0), (0, 16, 9, 7, 0, 0, 1.4)),
    "brow-height": ((26, 17, 22, 9, 0, 2.5, 0),),
    "brow-tilt": ((42, 16, 12, 9, 0, 2.0, 0), (13, 15, 10, 9, 0, -1.2, 0)),
    "socket-depth": ((28, 2, 15, 10, 0, 0, -2.8),),
    "eye-tilt": ((44, -1, 8, 9, 0, 2.0, 0), (18, -2, 7, 8, 0, -1.2, 0)),
    "lid-fold": ((31, 8, 14, 3.8, 0, -1.2, 1.8),),
    "under-eye-bag": ((30, -13, 11, 4.0, 0, 0, 1.9), (30, -19, 12, 3.5, 0, 0, -1.2)),
    "bridge-height": ((0, -6, 7.5, 13, 0, 0, 2.4),),
    "bridge-width": ((7.5, -12, 4.5, 15, 1.5, 0, 0.5),),
    "nose-hump": ((0, -21, 6, 7, 0, 0, 2.4),),
    "nose-length": ((0, -44, 13, 10, 0, -4.0, 0), (0, -26, 11, 11, 0, -1.4, 0)),
    "nose-tip": ((0, -43, 9.5, 9, 0, 0, 4.0),),
    "nose-tip-up": ((0, -45, 8, 7, 0, 3.0, 0.8),),
    "nose-tip-width": ((7.5, -43, 5, 6, 2.3, 0, 1.0),),
    "nose-width": ((14, -46, 6, 7, 2.5, 0, 0.4),),
    "nostril-flare": ((14, -49, 4.0, 4.5, 1.2, -1.4, 1.2),),
    "cheekbone-width": ((56, -22, 16, 14, 2.2, 0, 0.5),),
    "cheekbone-height": ((46, -27, 15, 11, 0, 3.0, 0.8),),
    "cheekbone-forward": ((40, -25, 14, 12, 0, 0, 2.6),),
    "cheek-fullness": ((49, -58, 13, 18, 2.0, 0, 2.1),),
    "cheek-hollow": ((44, -46, 11, 13, 0, 0, -1.6),),
    "nasolabial": ((25, -55, 5, 11, 0, 0, -1.5), (33, -52, 7, 12, 0, 0, 1.7)),
    "philtrum-length": ((0, -68, 30, 9, 0, -2.6, 0), (0, -85, 30, 12, 0, -1.4, 0)),
    "mouth-width": ((24, -68, 9, 10, 1.3, 0, -0.5), (13, -68, 8, 9, 0.7, 0, 0)),
    "upper-lip-thickness": ((0, -61.5, 18, 3.6, 0, 1.6, 0.8), (0, -64, 17, 3.0, 0, 0, 1.1)),
    "lower-lip-thickness": ((0, -76.5, 16, 4.4, 0, -1.8, 0.8), (0, -72, 15, 4, 0, 0, 1.3)),
    "lip-protrusion": ((0, -67, 20, 11, 0, 0, 3.4),),
    "overbite": ((0, -75, 24, 10, 0, 0, 2.6), (0, -61, 20, 7, 0, 0, -1.0)),
    "mouth-corners": ((25, -68, 7, 7, 0, 1.8, 0),),
    "chin-forward": ((0, -103, 20, 15, 0, 0, 5.0),),
    "chin-width": ((17, -106, 12, 13, 4.2, 0, 0.5),),
    "chin-length": ((0, -116, 40, 20, 0, -4.5, 0),),
    "chin-groove": ((0, -83, 18, 5, 0, 0, -2.0),),
    "chin-cleft": ((0, -101, 2.4, 8, 0, 0, -1.7), (6, -101, 4, 9, 0, 0, 0.7)),
    "jaw-width": ((60, -76, 15, 22, 2.5, 0, 0), (44, -98, 12, 14, 1.4, 0, 0)),
    "jaw-angle": ((58, -84, 15, 15, 2.0, -5.0, 0),),
    "double-chin": ((0, -118, 32, 9, 0, -2.6, 0.8),),
    "temple-width": ((66, 26, 16, 20, 3.2, 0, 0.6),),
    "jowls": ((36, -92, 11, 11, 1.0, -0.8, 0.8),),
    "nasion-depth": ((0, 3, 8, 8, 0, 0, 2.2),),
    "nose-ball": ((0, -43, 6.5, 6, 0, -0.6, 1.6), (6.5, -44, 4, 5, 1.4, 0, 0.6)),
    "wing-height": ((14.5, -48, 5, 5.5, 0, 2.0, 0),),
    "brow-gap": ((12, 15, 7, 8, 2.0, 0, 0),),
    "brow-arch": ((34, 18, 8, 8, 0, 1.4, 0), (14, 15, 8, 8, 0, -0.6, 0)),
    "lid-hood": ((41, 6.5, 6.5, 5, 0, -0.9, 1.2),),
    "inner-corner": ((17, -3, 5, 6, 0.9, -0.6, 0),),
    "outer-corner": ((46, -1, 6, 7, 1.1, 0, 0),),
    "lip-bow": ((0, -60.5, 3, 3, 0, -0.6, 0), (5, -60.5, 3, 3, 0, 0.5, 0.3)),
    "lip-middle": ((0, -68, 8, 7, 0, 0, 1.3), (17, -68, 7, 7, 0, 0, -0.7)),
    "cheek-front": ((29, -36, 10, 12, 0, 0, 2.6),),
    "upper-jaw": ((0, -56, 22, 11, 0, 0, 2.6),),
    "chin-point": ((0, -112, 10, 9, 0, -2.6, 1.6), (20, -108, 9, 9, 0, 1.0, -0.6)),
    "jaw-taper": ((44, -96, 15, 14, 1.5, 0, 0.6), (62, -60, 12, 18, -0.6, 0, 0)),
    "forehead-width": ((52, 48, 18, 20, 3.2, 0, 1.0),),
}
# One side only: (dx, dy, dz) at Gaussians on the subject's left; faces are not symmetric.
ASKEW: dict[str, Bells] = {
    "askew-brow": ((30, 17, 16, 9, 0, 2.0, 0),),
    "askew-eye": ((31, -2, 14, 12, 0, 1.1, 0),),
    "askew-mouth": ((22, -68, 10, 9, 0.9, 1.6, 0),),
    "askew-cheek": ((46, -45, 18, 22, 2.2, 0, 1.2),),
    "askew-jaw": ((46, -88, 20, 18, 2.6, -1.0, 0),),
    "askew-chin": ((0, -108, 24, 14, 1.8, 0, 0),),
    "askew-wing": ((14, -47, 5, 6, 0.7, 1.0, 0),),
    "askew-lid": ((31, 4, 12, 5, 0, 0.9, 0),),
}


def measures(rest: Doubles) -> dict[str, Floats]:
    """Every measure at one standard deviation: name -> (V, 3) displacement, mm."""
    found = {
        "face-width": rest * [0.032, 0, 0],
        "face-length": rest * [0, 0.045, 0],
        "face-depth": rest * [0, 0, 0.03],
        "size": rest * 0.02,
        "lower-face-length": _lower(rest) * [0, -1.0, 0],
        "upper-face-width": rest * [0.027, 0, 0] * _ramp(rest[:, 1:2], -40, 30),
        "lower-face-width": rest * [0.035, 0, 0] * _ramp(-rest[:, 1:2], 20, 90) * _beside(rest),
        "eye-distance": _eyes(rest, shift=(1.6, 0.0)),
        "eye-height": _eyes(rest, shift=(0.0, 1.8)),
        "eye-size": _eyes(rest, grow=(0.06, 0.06)),
        "eye-opening": _eyes(rest, grow=(0.0, 0.10)),
        "nose-size": _around(rest, (0, -30), (17, 22), (0.075, 0.05)),
        "mouth-size": _around(rest, (0, -68), (27, 14), (0.06, 0.07)),
        "face-bend": np.stack([(rest[:, 1] / 100) ** 2 * 1.6, *np.zeros((2, len(rest)))], 1),
        "nose-bend": _nose_bend(rest),
    }
    found |= {name: bells(rest, some, (1, -1)) for name, some in BELLS.items()}
    found |= {name: bells(rest, some, (1,)) for name, some in ASKEW.items()}
    return {name: delta.astype(np.float32) for name, delta in found.items()}


def _ramp(x: Doubles, low: float, high: float) -> Doubles:
    t = np.clip((x - low) / (high - low), 0, 1)
    smooth: Doubles = t * t * (3 - 2 * t)
    return smooth


def _front(rest: Doubles) -> Doubles:
    return _ramp(rest[:, 2:3], 0, 35)


def _lower(rest: Doubles) -> Doubles:
    """Below the nose everything moves along, 4 mm at the chin."""
    return 4.0 * _ramp(-rest[:, 1:2], 40, 115) * np.ones(3)


def _beside(rest: Doubles) -> Doubles:
    """1 on cheeks and jaw, less towards the mouth, whose width is a separate measure."""
    return 0.35 + 0.65 * _ramp(np.abs(rest[:, 0:1]), 18, 45)


def _eyes(
    rest: Doubles, shift: tuple[float, float] = (0, 0), grow: tuple[float, float] = (0, 0)
) -> Doubles:
    """Move the region of the eyes away from the middle and up, or scale it about its centres."""
    side = np.sign(rest[:, 0])
    dx, dy = np.abs(rest[:, 0]) - head_shape.EYE[0], rest[:, 1] - head_shape.EYE[1]
    near = np.exp(-((dx / 21) ** 4) - (dy / 14) ** 4) * _front(rest)[:, 0]
    x, y = shift[0] + dx * grow[0], shift[1] + dy * grow[1]
    return np.stack([side * x * near, y * near, np.zeros_like(near)], axis=1)


def _around(
    rest: Doubles,
    centre: tuple[float, float],
    spread: tuple[float, float],
    grow: tuple[float, float],
) -> Doubles:
    """Scale a region in the middle about its centre, forward too."""
    dx, dy = rest[:, 0] - centre[0], rest[:, 1] - centre[1]
    near = np.exp(-((dx / spread[0]) ** 4) - (dy / spread[1]) ** 4) * _front(rest)[:, 0]
    ahead = (rest[:, 2] - 86) * grow[0] * near
    return np.stack([dx * grow[0] * near, dy * grow[1] * near, ahead], axis=1)


def _nose_bend(rest: Doubles) -> Doubles:
    near = np.exp(-((rest[:, 0] / 11) ** 2) - ((rest[:, 1] + 36) / 15) ** 2) * _front(rest)[:, 0]
    return np.outer(near, [1.6, 0, 0])


def bells(rest: Doubles, some: Bells, sides: tuple[int, ...]) -> Doubles:
    """Displacements of points, (V, 3), by Gaussians on the given sides of the face."""
    x, y = rest[:, 0], rest[:, 1]
    out = np.zeros_like(rest)
    for cx, cy, sx, sy, away, up, ahead in some:
        for side in sides if cx else (1,):
            near = np.exp(-((x - side * cx) ** 2) / (2 * sx**2) - (y - cy) ** 2 / (2 * sy**2))
            out += np.outer(near, [away * side, up, ahead])
    return out * _front(rest)

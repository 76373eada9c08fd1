"""The body as a mesh: a torso, and capsules around the bones of limbs and hands."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.synth.figure.skeleton import SIDES, Skeleton
from mien.synth.render.raster import Indices
from mien.synth.skin.accessories import sheet
from mien.types import Doubles

SLEEVE, BARE, TROUSERS, SHOES = range(4)  # materials
AROUND = 12  # corners of a ring
# Rings of a capsule: share of the way from one end to the other, radius, and how far the ring lies
# beyond its end, both in radii.
RINGS = np.array([(0, 0.02, -1.0), (0, 0.7, -0.7), (0, 1, 0), (1, 1, 0), (1, 0.7, 0.7),
                  (1, 0.02, 1.0)])  # fmt: skip
# The torso below the shoulders: height, half width, half depth, and z of the middle, mm.
TORSO = np.array([
    (-245, 140, 82, -24), (-272, 172, 98, -23), (-330, 180, 106, -23),
    (-420, 172, 110, -22), (-540, 152, 104, -22),
    (-640, 150, 106, -24), (-720, 165, 112, -26), (-800, 160, 108, -28), (-835, 120, 80, -28),
], float)  # fmt: skip
BELT = -665.0  # mm: below it the torso is trousers
Bone = tuple[Doubles, Doubles, float, float, int]  # two ends, their radii in mm, material


def figure_mesh(joints: Skeleton, bare_arms: bool) -> tuple[Doubles, Indices, NDArray[np.uint8]]:
    """Corners of the body, its triangles, and the material of each triangle.

    Args:
        joints: of the skeleton.
        bare_arms: whether the forearms are skin.
    """
    bones = [bone for k in range(len(SIDES)) for bone in _side(joints, k, bare_arms)]
    points = np.concatenate([_capsules(bones), _torso()])
    rim, torso = _ring_cells(), _torso_cells()
    step = len(RINGS) * AROUND
    limbs = np.concatenate([rim + step * k for k in range(len(bones))])
    material = np.repeat(np.array([bone[4] for bone in bones], np.uint8), len(rim))
    heights = _torso()[torso, 1].mean(1)
    clothes = np.where(heights > BELT, SLEEVE, TROUSERS).astype(np.uint8)
    cells = np.concatenate([limbs, torso + step * len(bones)]).astype(np.int32)
    return points, cells, np.concatenate([material, clothes])


def _side(joints: Skeleton, k: int, bare_arms: bool) -> list[Bone]:
    hand = joints.hands[k]
    fore = BARE if bare_arms else SLEEVE
    middle = (joints.elbow[k] + joints.wrist[k]) / 2
    out: list[Bone] = [
        (joints.shoulder[k], joints.elbow[k], 52, 42, SLEEVE),
        (joints.elbow[k], middle, 41, 38, fore),
        (middle, joints.wrist[k], 38, 27, fore),
        (joints.hip[k] * [1, 1, 1], joints.knee[k], 84, 60, TROUSERS),
        (joints.knee[k], joints.ankle[k], 58, 44, TROUSERS),
        (joints.heel[k] + [0, 30, 0], joints.toe[k] + [0, 26, 0], 34, 26, SHOES),
    ]
    for first in (1, 5, 9, 13, 17):
        thick = 11.0 if first == 1 else 10.0 if first == 5 or first == 9 else 9.0
        out.append((hand[0], hand[first], 19 if first != 1 else 17, 14, BARE))  # the palm
        for a in range(first, first + 3):
            out.append((hand[a], hand[a + 1], thick, thick - 1, BARE))
            thick -= 1
    return out


def _capsules(bones: list[Bone]) -> Doubles:
    """(B * R * A, 3) corners of all capsules."""
    a, b = (np.stack([bone[k] for bone in bones]) for k in (0, 1))
    radii = np.array([bone[2:4] for bone in bones])
    along = b - a
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    helper = np.where(np.abs(along[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, along)
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    ring = np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * up[:, None]
    share, wide, beyond = RINGS.T
    radius = radii[:, :1] + (radii[:, 1:] - radii[:, :1]) * share  # (B, R)
    middle = a[:, None] + share[:, None] * (b - a)[:, None]
    middle = middle + (radius * beyond)[..., None] * along[:, None]
    points = middle[:, :, None] + (radius * wide)[..., None, None] * ring[:, None]
    return np.asarray(points.reshape(-1, 3), np.float64)


@lru_cache(maxsize=1)
def _ring_cells() -> Indices:
    flat = np.zeros((len(RINGS), AROUND, 3))
    return np.asarray(sheet(flat, closed=True)[1], np.int32)


@lru_cache(maxsize=1)
def _torso() -> Doubles:
    angle = np.linspace(-np.pi, np.pi, 4 * AROUND, endpoint=False)
    y, wide, deep, middle = TORSO.T[:, :, None]
    sine, cosine = np.sin(angle), np.cos(angle)
    x = wide * np.sign(sine) * np.abs(sine) ** 0.85
    z = middle + deep * np.sign(cosine) * np.abs(cosine) ** 0.85
    return np.stack([x, np.broadcast_to(y, x.shape), z], -1).reshape(-1, 3)


@lru_cache(maxsize=1)
def _torso_cells() -> Indices:
    grid = _torso().reshape(len(TORSO), -1, 3)
    return np.asarray(sheet(grid, closed=True)[1], np.int32)

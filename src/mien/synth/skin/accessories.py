"""Clothes, glasses, masks, hats and scarves: meshes placed on one person's neutral head."""

import numpy as np

from mien.synth.render.raster import Array, Indices
from mien.synth.skin.appearance import Appearance
from mien.synth.skin.hair import AZIMUTHS, skull
from mien.types import Doubles, Floats

Mesh = tuple[Doubles, Indices]


def sheet(points: Doubles, closed: bool = False) -> Mesh:
    """A mesh of an (R, C, 3) sheet; `closed` joins its last column to the first."""
    number = np.arange(points.shape[0] * points.shape[1], dtype=np.int32).reshape(points.shape[:2])
    right = np.roll(number, -1, axis=1)
    cut = None if closed else -1
    a, b, c, d = (m[:, :cut] for m in (number[:-1], right[:-1], number[1:], right[1:]))
    return points.reshape(-1, 3), np.stack([a, b, d, a, d, c], -1).reshape(-1, 3)


def clothes(seed: int) -> Mesh:
    """Shoulders in a shirt with a round or a high collar."""
    rng = np.random.default_rng([seed, 53])
    collar = -163 + rng.uniform(-8, 8)
    level, angle = np.meshgrid(
        np.linspace(0, 1, 44), np.linspace(-np.pi, np.pi, 96, endpoint=False), indexing="ij"
    )
    neck = 1.0 + 0.05 * np.exp(-((level / 0.05) ** 2))
    wide = 62 * neck + 135 * np.clip(level / 0.62, 0, 1) ** 1.15 + 20 * np.clip(level - 0.62, 0, 1)
    deep = 61 * neck + 45 * np.clip(level / 0.7, 0, 1) ** 1.1
    drop = collar - 14 * np.clip(np.cos(angle), 0, 1) * np.exp(-level * 6)
    slope = np.clip(level / 0.62, 0, 1) ** 1.9
    y = drop - 70 * slope - 220 * np.clip(level - 0.5, 0, 1) - 22 * np.abs(np.cos(angle)) * level
    folds = 1.2 * np.sin(9 * angle + 7 * level + rng.uniform(0, 6)) * level
    x, z = (wide + folds) * np.sin(angle), (deep + folds) * np.cos(angle) - 22
    return sheet(np.stack([x, y, z], -1), closed=True)


def glasses(eyes: Floats, radius: float, kind: str, depth: float) -> tuple[Mesh, Mesh]:
    """Frames, and lenses (only those of sunglasses are drawn).

    Args:
        eyes: (2, 3) centres, right and left.
        radius: of the balls, mm.
        kind: "round", "square" or "sun".
        depth: z of the lenses, mm.
    """
    power = {"round": 2.0, "square": 4.5, "sun": 3.0}[kind]
    half = {"round": (22.0, 20.5), "square": (25.0, 17.5), "sun": (27.0, 21.0)}[kind]
    tubes, discs = [], []
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for centre in eyes.astype(np.float64):
        side = np.sign(centre[0])
        cosine, sine = np.cos(angle), np.sin(angle)
        x = half[0] * np.sign(cosine) * np.abs(cosine) ** (2 / power)
        y = half[1] * np.sign(sine) * np.abs(sine) ** (2 / power) - 2.5
        bow = -0.0045 * (x + side * 33) ** 2
        ring = np.stack([centre[0] + 1.5 * side + x, centre[1] + y, depth + bow], -1)
        tubes.append(tube(ring, 1.5, closed=True))
        middle = ring.mean(0)
        discs.append(sheet(np.stack([middle + (ring - middle) * s for s in (0.02, 0.5, 0.98)])))
        outer = ring[np.argmax(side * ring[:, 0])]
        ear = np.array([side * 73.0, centre[1] - 2, -12.0])
        tubes.append(
            tube(np.stack([outer, outer * [1, 1, 0] + [side * 5, 0, depth - 22], ear]), 1.4)
        )
    inner = [centre[0] - np.sign(centre[0]) * (half[0] - 2) for centre in eyes]
    bridge = np.linspace(inner[0], inner[1], 9)
    height = eyes[:, 1].mean() + 2.5 * (1 - np.linspace(-1, 1, 9) ** 2)
    tubes.append(tube(np.stack([bridge, height, np.full(9, depth + 0.5)], -1), 1.6))
    return joined(tubes), joined(discs)


def tube(line: Doubles, radius: float, closed: bool = False) -> Mesh:
    """A round tube along an (N, 3) line."""
    ahead = np.roll(line, -1, 0) - np.roll(line, 1, 0) if closed else np.gradient(line, axis=0)
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    side = np.cross(ahead, [0.03, 0.05, 1.0])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    up = np.cross(side, ahead)
    around = np.linspace(0, 2 * np.pi, 8, endpoint=False)[:, None, None]
    points = line + radius * (np.cos(around) * side + np.sin(around) * up)
    points = np.concatenate([points, points[:1]])
    return sheet(points.astype(np.float64), closed=closed)


def joined(meshes: list[Mesh]) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(p) for p, _ in meshes)])[:-1]
    points = np.concatenate([p for p, _ in meshes])
    return points, np.concatenate([t + s for (_, t), s in zip(meshes, starts, strict=True)])


def face_mask(canonical: Floats, triangles: Indices, skin: Array) -> tuple[Indices, Indices]:
    """The part of the skin that a mask covers.

    Args:
        canonical: (V, 3) places of the head.
        triangles: (F, 3) of the head.
        skin: triangles that are skin.

    Returns:
        Corners that it takes over (and that are lifted off the skin), and its triangles,
        numbered within these corners.
    """
    x, y, z = canonical.T
    inside = (np.abs(x) < 61 - 0.0008 * (y + 66) ** 2) & (y < -22 - 0.11 * np.abs(x)) & (y > -116)
    inside &= z > 18
    cells = triangles[skin][inside[triangles[skin]].all(1)]
    corners, number = np.unique(cells, return_inverse=True)
    return corners.astype(np.int32), number.reshape(-1, 3).astype(np.int32)


def scarf() -> Mesh:
    """A thick ring around the neck."""
    around = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    line = np.stack(
        [78 * np.sin(around), -158 + 9 * np.sin(3 * around), 76 * np.cos(around) - 18], -1
    )
    return tube(line, 26, closed=True)


def hat(face: Floats, canonical: Floats, appearance: Appearance) -> Mesh:
    """A knitted cap down to the forehead and over the ears."""
    radius = skull(face, canonical)
    top = float(face[np.abs(canonical[:, 0]) < 60, 1].max())
    azimuth = np.linspace(-np.pi, np.pi, AZIMUTHS, endpoint=False)
    end = 50 - 40 * np.clip((np.abs(np.degrees(azimuth)) - 50) / 60, 0, 1)
    share = np.linspace(0, 1, 40)[:, None] ** 1.3
    y = top - (top - end[None]) * share
    height = np.clip((top - y) / (top + 110) * 47, 0, 47).astype(int)
    cap = np.sqrt(np.clip((top - y) / 16, 0, 1))
    reach = radius[height, np.arange(AZIMUTHS)[None]] * np.where(y > top - 16, cap, 1)
    cuff = 4.5 * np.clip((share - 0.72) / 0.05, 0, 1)
    reach = reach + 13 * appearance.hair_volume * np.minimum(1, cap * 2) + cuff
    points = np.stack([reach * np.sin(azimuth), y + 12 * (1 - share), reach * np.cos(azimuth)], -1)
    return sheet(points, closed=True)

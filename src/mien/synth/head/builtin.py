"""The built-in head: face, ears, neck, teeth, tongue and cavity, all defined by formulas."""

from functools import lru_cache

import numpy as np

from mien.synth.head import head_shape, mean_head, variety
from mien.synth.head.blendshapes import Blendshapes, rigid_jaw
from mien.synth.head.model import GUMS, SKIN, SOCKET, TEETH, TONGUE, HeadModel, nearest_on
from mien.synth.render.raster import Indices
from mien.types import Doubles, Floats

_LIPS = np.array([[0.0, head_shape.MOUTH_Y, 88.0]])  # teeth move with the lips
# On the mean face they are closer behind the lips, and the lower ones further down: mm.
_UPPER_TEETH, _LOWER_TEETH = np.array([0, -1.2, 4.5]), np.array([0, -2.5, 4.0])
NECK_TOP, NECK_END = -62.0, -195.0  # mm
# The 68 points of iBUG 300-W on the neutral face: brows, nose, then eyes and mouth by the curves.
_BROW = ((48, 13.5), (41, 18.0), (32, 19.8), (22, 18.8), (12, 15.6))  # of the left side, outside in
_JAW = (0, -19, -37, -55, -75, -93, -105, -114, -119)  # heights of points 0 to 8


@lru_cache(maxsize=1)
def builtin_head() -> HeadModel:
    """The head without a file. Its identity numbers are in the order of `measure_names`."""
    points, triangles, slit = head_shape.face_mesh()
    face = len(points)
    meshes = [(points, triangles, SKIN), *(_ear(side) for side in (1, -1)), _neck(), *_mouth()]
    rest = np.concatenate([m[0] for m in meshes])
    starts = np.cumsum([0, *(len(m[0]) for m in meshes)])
    tri = np.concatenate([m[1] + start for m, start in zip(meshes, starts, strict=False)])
    part = np.concatenate([np.full(len(m[1]), m[2], np.uint8) for m in meshes])
    slit = np.concatenate([slit, _jaw_side(meshes[1:])])
    moves = Blendshapes(rest, slit)
    expression = moves.all()
    behind = int(starts[4])  # from here on: cavity, teeth, tongue
    for name, delta in expression.items():  # lips, cheeks and lids do not move what is behind them
        if not name.startswith("jaw"):
            delta[face:] = 0
        if name.startswith("eye"):  # and lids move less than in canonical space
            delta *= 1 - mean_head.NARROWER
    for name in ("jawOpen", "jawForward", "jawLeft", "jawRight"):
        expression[name][face:behind] = 0
        expression[name][behind:] = rigid_jaw(rest[behind:], slit[behind:], name)
    identity = variety.measures(rest)
    canonical = rest.astype(np.float32)
    x, y, z = head_shape.EYE
    template = canonical.copy()
    template[:behind] = mean_head.mean_face(rest[:behind])
    template[behind:] += mean_head.mean_face(_LIPS) - _LIPS
    template[behind:] += np.where(slit[behind:, None] > 0, _UPPER_TEETH, _LOWER_TEETH)
    return HeadModel(
        name="builtin",
        template=template,
        triangles=tri.astype(np.int32),
        part=part,
        canonical=canonical,
        identity=np.stack(list(identity.values())),
        expression=expression,
        landmarks=_landmarks(canonical, tri.astype(np.int32), part, face),
        eyes=np.array(
            [[s * x, y, z + mean_head.AHEAD, head_shape.EYE_RADIUS] for s in (-1, 1)], np.float32
        ),
        lids_cut=True,
        limit=1.9,
    )


@lru_cache(maxsize=1)
def measure_names() -> tuple[str, ...]:
    """Names of the identity numbers of the built-in head."""
    return tuple(variety.measures(np.zeros((1, 3))))


def grid(points: Doubles, closed: bool = False) -> tuple[Doubles, Indices]:
    """A mesh of an (R, C, 3) sheet; `closed` joins its last column to the first."""
    number = np.arange(points.shape[0] * points.shape[1], dtype=np.int32).reshape(points.shape[:2])
    right = np.roll(number, -1, axis=1)
    cut = None if closed else -1
    a, b, c, d = (m[:, :cut] for m in (number[:-1], right[:-1], number[1:], right[1:]))
    cells = np.stack([a, b, d, a, d, c], -1).reshape(-1, 3)
    return points.reshape(-1, 3), cells


def _ear(side: int) -> tuple[Doubles, Indices, int]:
    """An ear: a bowl with a rolled rim, taller than wide, leaning back."""
    ring, angle = np.meshgrid(np.linspace(0, 1, 12), np.linspace(0, 2 * np.pi, 40), indexing="ij")
    width, height = 12.5 * (1 - 0.22 * np.sin(angle)) ** -0.6, 28.0
    back = ring * width * np.cos(angle)
    up = ring * height * np.sin(angle) * (1 + 0.05 * np.cos(angle))
    rim = 7.5 * np.exp(-(((ring - 0.86) / 0.16) ** 2)) + 3.5 * ring
    inner = 3.0 * np.exp(-(((ring - 0.5) / 0.12) ** 2)) * (np.cos(angle) > -0.4)
    out = rim * (0.45 + 0.55 * np.clip(np.cos(angle) + 0.45, 0, 1)) + inner - 3.0 * (ring > 0.97)
    lean = np.radians(14)
    z = -back * np.cos(lean) + up * np.sin(lean) * -0.55
    y = up * np.cos(lean) + back * 0.05
    x = 68.5 + out + 0.42 * np.clip(back + 3, 0, None)
    flip = np.stack([side * x, y - 19, z - 3], axis=-1)
    points, triangles = grid(flip[:, ::side])
    return points, triangles, SKIN


def _neck() -> tuple[Doubles, Indices, int]:
    """From inside the head down to the shoulders, where clothes cover it."""
    y, angle = np.meshgrid(
        np.linspace(NECK_TOP, NECK_END, 30), np.linspace(-np.pi, np.pi, 72)[:-1], indexing="ij"
    )
    flare = np.clip((-y - 165) / 85, 0, 1) ** 2
    inner = np.clip((-70 - y) / 50, 0, 1)  # hidden in the head at its top
    x = (38 + 13 * inner + 75 * flare) * np.sin(angle)
    throat = 3.5 * np.exp(-(((y + 150) / 12) ** 2)) * np.exp(-((angle / 0.22) ** 2))
    z = (34 + 16 * inner + 14 * flare) * np.cos(angle) - 26 + 5 * inner + 0.10 * (y + 120) + throat
    z -= 18 * np.clip((y + 110) / 12, 0, 1)  # behind the cavity, however far the jaw drops
    points, triangles = grid(np.stack([x, y, z], axis=-1), closed=True)
    return points, triangles[:, ::-1], SKIN


def _mouth() -> list[tuple[Doubles, Indices, int]]:
    """Cavity, gums with teeth, and tongue behind the lips."""
    u, v = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 20))
    sheet = np.stack([26 * u, -72 + 26 * v, 50 - 22 * (1 - u**2) * (1 - v**2)], axis=-1)
    angle, level = np.meshgrid(np.linspace(-1.25, 1.25, 60), np.linspace(0, 1, 8))
    arch = [21 * np.sin(angle) * (1 + 0.12 * np.abs(np.sin(angle))), 42 + 35 * np.cos(angle) ** 0.9]
    made = [(*grid(sheet), SOCKET)]
    for low, high, push, part in (
        (-66.6, -57.5, 0.0, TEETH),
        (-57.5, -50, 0.6, GUMS),
        (-69.0, -77.5, -2.2, TEETH),
        (-77.5, -86, -1.6, GUMS),
    ):
        bulge = 0.8 * np.sin(np.pi * np.clip(level, 0.1, 1)) + push
        fall = 1 - 0.12 * np.abs(angle) if part == TEETH else 1.0
        y = low + (high - low) * level * fall
        made.append((*grid(np.stack([arch[0], y, arch[1] + bulge - 4.0], axis=-1)), part))
    top, round_ = np.meshgrid(np.linspace(0, np.pi, 16), np.linspace(0, 2 * np.pi, 24))
    tongue = np.stack(
        [15 * np.sin(top) * np.cos(round_), -84 + 5 * np.sin(top) * np.sin(round_),
         40 + 24 * np.cos(top)], axis=-1,
    )  # fmt: skip
    made.append((*grid(tongue), TONGUE))
    return made


def _jaw_side(meshes: list[tuple[Doubles, Indices, int]]) -> Doubles:
    """Whether parts behind the lips belong to the jaw (-1) or the skull (1); ears, neck first."""
    sides = [1, 1, 1, 0, 1, 1, -1, -1, -1]
    return np.concatenate(
        [np.full(len(m[0]), s, float) for m, s in zip(meshes, sides, strict=True)]
    )


def _landmarks(
    rest: Floats, triangles: Indices, part: Doubles, face: int
) -> tuple[Indices, Floats]:
    """Corners and weights of the 68 points."""
    skin = triangles[(part == SKIN) & (triangles.max(1) < face)]
    left: list[tuple[float, float]] = list(_BROW)
    flat: list[tuple[float, float]] = [(-x, y) for x, y in left] + left[::-1]
    flat += [(0.0, y) for y in (-1.0, -13.0, -25.0, -38.0)]
    flat += [(x, -54.0 + 1.4 * (abs(x) > 9)) for x in (-12.0, -6.0, 0.0, 6.0, 12.0)]
    eye = [31 + dx for dx in (14.3, 5.5, -5.5, -14.3, -5.5, 5.5)]
    rims = [head_shape.upper_lid, head_shape.upper_lid, head_shape.upper_lid] + [
        head_shape.lower_lid
    ] * 3
    heights = [float(f(np.array(x))) for f, x in zip(rims, eye, strict=True)]
    flat += [(-x, y) for x, y in zip(eye, heights, strict=True)]
    order = (3, 2, 1, 0, 5, 4)
    flat += [(eye[k], heights[k]) for k in order]
    outer = [(-25.0, -68.0), (-15.0, 0), (-4.8, 0), (0.0, 0), (4.8, 0), (15.0, 0), (25.0, -68.0)]
    flat += [(x, y or float(head_shape.upper_lip(np.array(x)))) for x, y in outer]
    flat += [(x, float(head_shape.lower_lip(np.array(x)))) for x in (14.0, 7.0, 0.0, -7.0, -14.0)]
    top = [(-22.0, -67.9), (-8.0, -67.9), (0.0, -67.9), (8.0, -67.9), (22.0, -67.9)]
    flat += [*top, (8.0, -68.1), (0.0, -68.1), (-8.0, -68.1)]
    wanted = np.array([[x, y, 0.0] for x, y in flat])
    wanted[:, 2] = [_depth(rest[:face], x, y) for x, y, _ in wanted]
    jaw = [_jaw_point(rest[:face], y) for y in _JAW]
    mirrored = [np.array([-x, y, z]) for x, y, z in jaw[:-1]]
    contour = [*mirrored, jaw[-1], *jaw[:-1][::-1]]
    return nearest_on(np.concatenate([contour, wanted]), rest, skin)


def _depth(rest: Floats, x: float, y: float) -> float:
    """Depth of the face at a place seen from the front."""
    near = rest[rest[:, 2] > 20]
    found = np.argmin((near[:, 0] - x) ** 2 + (near[:, 1] - y) ** 2)
    return float(near[found, 2])


def _jaw_point(rest: Floats, y: float) -> Doubles:
    """A point of the contour on the left: at its widest by the ear, in front at the chin."""
    share = np.clip(-y / 119, 0, 1)
    angle = np.radians(88 * (1 - share**3.7))
    point = head_shape.surface(np.array([angle]), np.array([y]))[0]
    return np.asarray(point, np.float64)

"""Eyeballs: a sphere with a cornea, painted by the angle from the gaze direction."""

from functools import lru_cache

import numpy as np

from mien.synth.render.raster import Array, Indices
from mien.synth.skin.appearance import Appearance
from mien.types import Doubles, Floats

RINGS, SPOKES = 26, 36
IRIS_RADIUS = 5.9  # mm, of an adult


@lru_cache(maxsize=1)
def ball() -> tuple[Floats, Indices]:
    """Directions of the front of a unit sphere about z, (V, 3), and triangles."""
    angle = np.linspace(0, np.radians(105), RINGS) ** 1.0
    around = np.linspace(0, 2 * np.pi, SPOKES, endpoint=False)
    a, p = np.meshgrid(angle, around, indexing="ij")
    points = np.stack([np.sin(a) * np.cos(p), np.sin(a) * np.sin(p), np.cos(a)], -1)
    number = np.arange(points.shape[0] * points.shape[1]).reshape(points.shape[:2])
    right = np.roll(number, -1, axis=1)
    a0, b0, c0, d0 = number[:-1], right[:-1], number[1:], right[1:]
    cells = np.stack([a0, d0, b0, a0, c0, d0], -1).reshape(-1, 3)
    return points.reshape(-1, 3).astype(np.float32), cells.astype(np.int32)


def eyeball(centre: Floats, radius: float, gaze: tuple[float, float], size: float) -> Floats:
    """Corners of an eyeball with gaze at yaw and pitch (degrees): (V, 3) mm.

    Args:
        centre: (3,) mm.
        radius: of the white, mm.
        gaze: yaw (positive to image right) and pitch (positive up) relative to the head.
        size: of the iris, relative to the default.
    """
    directions, _ = ball()
    out = directions @ _turn(gaze).T * _reach(directions[:, 2:], radius, size)
    return np.asarray(centre + out, np.float32)


def pushed_out(
    points: Floats,
    centre: Floats,
    radius: float,
    gaze: tuple[float, float],
    size: float,
    least: float = 0.45,
) -> Floats:
    """Push points inside the eyeball onto it, so that lids lie on the ball.

    Args:
        points: (N, 3) mm around one eye.
        centre: (3,) of the eyeball, mm.
        radius: of the white, mm.
        gaze: yaw and pitch, degrees.
        size: of the iris, relative to the default.
        least: mm between lids and ball.

    Returns:
        (N, 3).
    """
    arm = points - centre
    length = np.linalg.norm(arm, axis=1, keepdims=True)
    towards = arm / np.maximum(length, 1e-6)
    ahead = towards @ _turn(gaze)[:, 2:]
    wanted = _reach(ahead, radius, size) + least
    out = np.where((length < wanted) & (arm[:, 2:] > 0), wanted, length)
    return np.asarray(centre + towards * out, np.float32)


def _reach(ahead: Array, radius: float, size: float) -> Array:
    """Extent of the ball, mm, by the cosine from the gaze direction: the cornea protrudes."""
    angle = np.arccos(np.clip(ahead, -1, 1))
    swell = np.clip(1 - (angle / (1.05 * iris_angle(radius, size))) ** 2, 0, None)
    return np.asarray(radius + 0.9 * swell)


def _turn(gaze: tuple[float, float]) -> Doubles:
    """(3, 3) rotation of a ball with gaze at yaw and pitch, degrees."""
    yaw, pitch = np.radians(gaze)
    nod = np.array(
        [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    )
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    return np.asarray(turn @ nod, np.float64)


def iris_angle(radius: float, size: float) -> float:
    """Angle from the axis at which the iris ends, radians."""
    return float(np.arcsin(min(0.9, IRIS_RADIUS * size / radius)))


def paint_eyes(
    local: Floats, offset: Floats, radius: float, appearance: Appearance
) -> tuple[Floats, Floats]:
    """Colour of eyeballs.

    Args:
        local: (N, 3) directions on the ball, z in the gaze direction.
        offset: (N, 2) mm to the side away from the nose, and up, from the centre of the eye,
            in the head: lids shade the ball from above and at its corners.
        radius: of the ball, mm.
        appearance: of the person.

    Returns:
        (N, 3) linear albedo and (N,) share of iris (1) against white (0).
    """
    reach = iris_angle(radius, appearance.iris_size)
    angle = np.arccos(np.clip(local[:, 2] / np.linalg.norm(local, axis=1), -1, 1)) / reach
    around = np.arctan2(local[:, 1], local[:, 0])
    rng = np.random.default_rng([appearance.seed, 31])
    fibres = sum(
        rng.normal() * np.sin(k * around + rng.uniform(0, 6.28) + 2 * angle * rng.normal())
        for k in (7, 11, 17, 23, 31, 41, 53)
    )
    light = 1 + 0.13 * np.asarray(fibres) * np.clip(angle - 0.3, 0, 0.5) * 2
    collar = np.exp(-(((angle - 0.52) / 0.12) ** 2))
    dark = 1 - 0.6 * float(np.clip((appearance.tone - 5) / 4, 0, 1))  # the more melanin, the darker
    iris = (
        np.array(appearance.iris)
        * dark
        * light[:, None]
        * (1 + 0.5 * collar * (angle < 1))[:, None]
    )
    iris = iris * (1.15 - 0.35 * np.clip(angle, 0, 1))[:, None]
    limbus = np.clip((angle - 0.80) / 0.16, 0, 1)[:, None]
    iris = iris * (1 - 0.72 * limbus)
    pupil = np.clip((0.40 - angle) / 0.05, 0, 1)[:, None]
    iris = iris * (1 - pupil) + 0.004 * pupil
    veins = 0.5 + 0.5 * np.sin(9 * around + 3 * np.sin(14 * angle))
    red = (
        np.clip((angle - 1.3) / 1.4, 0, 1) * (0.35 + 0.25 * veins) * (0.6 + 0.005 * appearance.age)
    )
    white = np.array(_white(appearance.tone)) * np.exp(-red[:, None] * [0.1, 0.62, 0.55])
    share = np.clip((1.04 - angle) / 0.08, 0, 1)
    colour = white + (iris - white) * share[:, None]
    lid = np.clip((offset[:, 1] - 0.2) / 4.6, 0, 1) ** 1.2 * 0.62
    corner = np.clip((np.abs(offset[:, 0]) - 6.5) / 8, 0, 1) * 0.5
    colour = colour * (1 - np.maximum(lid, corner))[:, None]
    return colour.astype(np.float32), share.astype(np.float32)


def _white(tone: float) -> tuple[float, float, float]:
    """Albedo of the white of the eye: browner and darker with a person's skin, linear RGB.

    Lids and lashes absorb light on all sides, which is included in these numbers: between the
    lids of 300 real faces of UTKFace it is 0.53 (light skin) and 0.64 (dark) as bright as cheeks.
    """
    brown = float(np.clip((tone - 4) / 6, 0, 1))
    return 0.48 - 0.34 * brown, 0.46 - 0.35 * brown, 0.44 - 0.35 * brown


def caruncle(centre: Floats, radius: float) -> tuple[Doubles, Indices]:
    """The tissue visible between ball and lids at their corners: a sheet behind the opening."""
    side = 1.0 if centre[0] > 0 else -1.0
    u, v = np.meshgrid(np.linspace(-16, 16.5, 20), np.linspace(-6.5, 4.5, 10))
    ahead = radius * 0.55 - np.where(u > 0, 0.05, 0.024) * u**2 - 0.06 * v**2
    ahead = ahead + 3.0 / (1 + np.exp((u + 9.5) / 1.2))
    points = np.stack([centre[0] + side * u, centre[1] + v, centre[2] + ahead], -1)
    number = np.arange(200, dtype=np.int32).reshape(10, 20)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    return points.reshape(-1, 3), np.stack([a, b, d, a, d, c], -1).reshape(-1, 3)

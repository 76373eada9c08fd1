"""Hair as a shell over the skull, cut at the hairline by strands."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.synth.render import raster
from mien.synth.render.raster import Array, Indices, compiled
from mien.synth.skin.appearance import Appearance
from mien.types import Doubles, Floats

AZIMUTHS, ROWS = 120, 56
TOP = 108.0  # mm: crown of the canonical head


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Parameters of a hair style; lengths in mm."""

    thick: float  # on the skull
    side_end: float  # height at which it ends beside the face
    back_end: float  # and at the back
    fringe: float = 0.0  # length below the hairline on the forehead
    clumps: float = 0.35  # unevenness of its surface
    flare: float = 0.0  # extra distance at its end


CUTS: dict[str, Cut] = {
    "buzz": Cut(1.6, -14, -62, clumps=0.12),
    "short": Cut(9, -16, -66, clumps=0.45),
    "side": Cut(14, -20, -70, clumps=0.4),
    "curly": Cut(26, -36, -75, clumps=0.75, flare=4),
    "bob": Cut(13, -98, -105, 16, 0.3, 7),
    "long": Cut(12, -205, -215, 0, 0.35, 10),
    "bun": Cut(5, -22, -60, clumps=0.2),
}


def skull(face: Floats, canonical: Floats) -> Array:
    """Horizontal distance of the scalp from the axis by height and azimuth, mm.

    Args:
        face: (V, 3) skin of one person in the neutral pose.
        canonical: (V, 3) its places.

    Returns:
        (ROWS_OF_SKULL, AZIMUTHS) from the crown down to the nape; see `_level`.
    """
    keep = (np.abs(canonical[:, 0]) < 78) & (canonical[:, 1] > -125)
    ears = (np.abs(canonical[:, 0]) > 69) & (canonical[:, 1] < 22) & (np.abs(canonical[:, 2]) < 30)
    points = face[keep & ~ears].astype(np.float64)
    top, low = float(points[:, 1].max()), -110.0
    azimuth = np.arctan2(points[:, 0], points[:, 2])
    column = ((azimuth / (2 * np.pi) + 0.5) * AZIMUTHS).astype(int) % AZIMUTHS
    row = np.clip((top - points[:, 1]) / (top - low) * 47, 0, 47).astype(int)
    out = np.full((48, AZIMUTHS), -1.0)
    np.maximum.at(out, (row, column), np.hypot(points[:, 0], points[:, 2]))
    for _ in range(60):  # holes get the mean of their known neighbours
        hole = out < 0
        if not hole.any():
            break
        wide = np.pad(np.pad(out, ((1, 1), (0, 0)), "edge"), ((0, 0), (1, 1)), "wrap")
        known = (wide >= 0).astype(float)
        total = cv2.boxFilter(np.where(wide >= 0, wide, 0), -1, (3, 3), normalize=False)
        count = cv2.boxFilter(known, -1, (3, 3), normalize=False)
        mean = (total / np.maximum(count, 1))[1:-1, 1:-1]
        out = np.where(hole & (count[1:-1, 1:-1] > 0), mean, out)
    wide = np.pad(np.pad(out, ((2, 2), (0, 0)), "edge"), ((0, 0), (2, 2)), "wrap")
    smooth: Array = np.asarray(cv2.GaussianBlur(wide, (0, 0), 1.0))[2:-2, 2:-2]
    smooth[0] *= 0.5
    return smooth


def hairline(azimuth: Doubles, appearance: Appearance) -> Array:
    """Height at which hair begins, by the angle from the front (radians), mm."""
    high, recession, peak = appearance.hairline
    a = np.abs(np.degrees(azimuth))
    front = 66 + high - peak * np.exp(-((a / 9) ** 2)) + 0.3 * recession
    knots_a = [0, 22, 36, 47, 58, 68, 78, 88, 100, 180]
    rise = recession * 1.3
    knots_y = [66, 66 + rise * 0.8, 60 + rise * 1.4, 40 + rise * 0.6, 12, 0, -22, -4, -30, -66]
    line = np.interp(a, knots_a, knots_y)
    blend = np.clip((a - 20) / 30, 0, 1)
    out: Doubles = np.where(a < 50, front * (1 - blend) + (line + high * 0.8) * blend, line)
    return out


def hair_mesh(
    face: Floats, canonical: Floats, appearance: Appearance
) -> tuple[Floats, Indices, Floats] | None:
    """The shell of a person's hair.

    Args:
        face: (V, 3) skin of the person in the neutral pose.
        canonical: (V, 3) its places.
        appearance: of the person.

    Returns:
        (H, 3) points, triangles, and (H, 3) for painting: mm across the strands, mm along them,
        mm from the end of the hair. None if there is no hair.
    """
    if appearance.hair_style == "bald":
        return None
    cut = CUTS[appearance.hair_style]
    rng = np.random.default_rng([appearance.seed, 41])
    radius = skull(face, canonical)
    top = float(face[np.abs(canonical[:, 0]) < 60, 1].max())
    azimuth = np.linspace(-np.pi, np.pi, AZIMUTHS, endpoint=False)
    a = np.abs(np.degrees(azimuth))
    line = hairline(azimuth, appearance)
    sides = np.clip((a - 50) / 16, 0, 1)
    behind = np.clip((a - 92) / 25, 0, 1)
    loose = cut.side_end + (cut.back_end - cut.side_end) * behind
    if cut.side_end < -60:  # hangs in front of the ears
        sides = np.clip((a - 60) / 12, 0, 1)
        line = np.where(a > 60, np.minimum(line, 40), line)
    else:  # cut around the ears
        loose = np.maximum(loose, np.where((a > 78) & (a < 108), 10.0 - 0.02 * (a - 93) ** 2, -999))
    end = line * (1 - sides) + np.minimum(line, loose) * sides
    part = appearance.parting * 0.7
    if cut.fringe:
        end -= cut.fringe * np.exp(-(((azimuth - part) / 0.65) ** 4)) * (a < 50)
    share = np.linspace(0, 1, ROWS)[:, None] ** 1.35
    y = top - (top - end[None]) * share
    height = np.clip(
        (top - np.maximum(y, -14 if cut.side_end < -60 else -300)) / (top + 110) * 47, 0, 46.99
    )
    row = height.astype(int)
    column = np.broadcast_to(np.arange(AZIMUTHS), row.shape)
    reach = radius[row, column] * (1 - (height - row)) + radius[row + 1, column] * (height - row)
    cap = np.sqrt(np.clip((top - y) / 14, 0, 1))
    reach = reach * np.where(y > top - 14, cap, 1)
    left = (y - end[None]) + 0.8  # mm above the end
    begin = np.clip(left / 26, 0, 1) ** 0.6 * (
        1 - 0.4 * np.clip((40 - a) / 40, 0, 1) * np.clip((70 - y) / 30, 0, 1)
    )
    crown = np.clip((top - y) / 28, 0, 1)  # at the pole all columns meet
    lift = 1 + 0.35 * crown * np.cos(azimuth - part * 2)[None] * np.clip((y - 20) / 60, 0, 1)
    bumps = _bumps(rng, appearance) * crown
    thick = cut.thick * appearance.hair_volume * (0.35 + 0.65 * begin) * lift
    thick = (
        thick
        * (1 + cut.clumps * bumps)
        * np.where(cut.side_end < -60, _frame(a, y), begin * 0.9 + 0.02)
    )
    if cut.side_end < -60:
        thick += 9 * np.exp(-(((a - 92) / 24) ** 2)) * np.exp(-(((y + 18) / 34) ** 2))  # ears
    out = np.stack([reach * np.sin(azimuth), y, reach * np.cos(azimuth)], -1)
    away = out - [0, 20, 0]
    away[..., 1] *= np.clip((y - 0) / 40, 0, 1)
    out = (
        out
        + away
        / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1)
        * (thick + 0.4)[..., None]
    )
    fall = np.clip((-20 - y) / 100, 0, 1)
    if cut.flare:
        out[..., [0, 2]] *= (1 + 0.01 * cut.flare * fall * (1 - 0.7 * fall))[..., None]
    number = np.arange(ROWS * AZIMUTHS, dtype=np.int32).reshape(ROWS, AZIMUTHS)
    right = np.roll(number, -1, axis=1)
    p, q, r, s = number[:-1], right[:-1], number[1:], right[1:]
    tri = np.concatenate(
        [np.stack([p, r, q], -1).reshape(-1, 3), np.stack([q, r, s], -1).reshape(-1, 3)]
    )
    across = np.broadcast_to(azimuth * 85, y.shape) + 0.35 * np.sign(azimuth - part) * (
        y - 60
    ).clip(0)
    paint = np.stack([across, top - y, left], -1).reshape(-1, 3)
    points, values = out.reshape(-1, 3), paint
    if appearance.hair_style == "bun":
        knot, tri2 = _knot(face)
        tri = np.concatenate([tri, tri2 + len(points)])
        points = np.concatenate([points, knot])
        values = np.concatenate(
            [values, np.stack([knot[:, 0] * 2, knot[:, 1], np.full(len(knot), 99)], 1)]
        )
    return points.astype(np.float32), tri.astype(np.int32), values.astype(np.float32)


def _frame(a: Doubles, y: Doubles) -> Array:
    """Loose hair lies close to the face along its front edge."""
    edge: Doubles = np.clip((a - 56) / 22, 0.04, 1)
    return np.where(y > 75, 1.0, edge[None] + (1 - edge[None]) * np.clip((y - 45) / 30, 0, 1))


def _bumps(rng: np.random.Generator, appearance: Appearance) -> Array:
    """Uneven thickness, mean 0: locks, or curls."""
    fine = (20, 40) if appearance.hair_style == "curly" else (7, 24)
    small = rng.standard_normal(fine)
    small[:, -1] = small[:, 0]
    bumps = np.asarray(cv2.resize(small, (AZIMUTHS, ROWS), interpolation=cv2.INTER_CUBIC))
    return np.clip(bumps, -1.3, 1.3) * 0.5


def _knot(face: Floats) -> tuple[Doubles, Indices]:
    t, p = np.meshgrid(np.linspace(0, np.pi, 14), np.linspace(0, 2 * np.pi, 22), indexing="ij")
    centre = np.array([0, face[:, 1].max() + 12, -52])
    points = centre + 30 * np.stack(
        [np.sin(t) * np.cos(p), 0.8 * np.cos(t), np.sin(t) * np.sin(p)], -1
    )
    number = np.arange(14 * 22, dtype=np.int32).reshape(14, 22)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    return points.reshape(-1, 3), np.stack([a, b, d, a, d, c], -1).reshape(-1, 3)


def strand_light(values: Floats, appearance: Appearance) -> Floats:
    """Brightness of each place of the hair, (N,) about 1.

    Args:
        values: (N, 3) as `hair_mesh` returns them.
        appearance: of the person.
    """
    across, along, middle, fine = _locks(values, appearance)
    broad = _lookup(_tables(appearance.seed)[0], across / 5.0, along / 55)
    light = 1 + 0.13 * broad + 0.16 * middle + 0.13 * fine
    return np.asarray(np.clip(light, 0.35, 1.8), np.float32)


def strand_cover(values: Floats, appearance: Appearance) -> NDArray[np.bool_]:
    """(N,) whether a strand covers each place of the hair; the arguments of `strand_light`."""
    across, along, middle, fine = _locks(values, appearance)
    hairs = _lookup(_tables(appearance.seed)[2], across / 0.4, along / 40)  # ends of single hairs
    ragged = {"bob": 4.0, "long": 4.0, "curly": 2.0}.get(appearance.hair_style, 3.0)
    cover = values[:, 2] + ragged * (0.6 * middle + 0.6 * fine + 0.9 * hairs) - 0.8 * ragged
    return np.asarray(cover > 0)


def _locks(values: Floats, appearance: Appearance) -> tuple[Array, Floats, Floats, Floats]:
    """Mm across and along the strands, and noise of streaks and of hairs, (N,) each."""
    curl = np.float32(6.0 if appearance.hair_style == "curly" else 1.2)
    along = values[:, 1]
    across = values[:, 0] + curl * np.sin(along / 9 + values[:, 0] / 13)
    tables = _tables(appearance.seed)
    middle = _lookup(tables[1], across / 1.7, along / 26)
    fine = _lookup(tables[2], across / 0.75, along / 16)
    return across, along, middle, fine


def round_strands(normal: Floats, light: Floats) -> Floats:
    """Normals, (N, 3), of hair whose strands, of brightness `light`, lie at angles of their own.

    Highlights then break up along the strands, and a shell looks like hair.
    """
    out = normal.copy()
    out[:, 0] += 1.6 * (light - 1) * normal[:, 2]
    out[:, 2] -= 1.6 * (light - 1) * normal[:, 0]
    out[:, 1] += 0.8 * (light - 1)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6))


def noise_of(seed: int, table: int, x: Array, y: Array) -> Floats:
    """One of three kinds of noise of a person at places, (N,): mean 0, spread about 0.8."""
    return _lookup(_tables(seed)[table], x, y)


@lru_cache(maxsize=8)
def _tables(seed: int) -> Floats:
    """(3, 64, 256) noise of a person's hair: locks, streaks, hairs."""
    rng = np.random.default_rng([seed, 43])
    return rng.standard_normal((3, 64, 256)).astype(np.float32)


def _lookup(table: Floats, x: Array, y: Array) -> Floats:
    """Noise of mean 0 and spread about 0.8 at places that wrap around after 256 steps."""
    if raster.HAS_NUMBA:
        quick = np.empty(len(x), np.float32)
        _noise(table, x, y, quick)
        return quick
    x0, y0 = np.floor(x), np.floor(y)
    u, v = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    c, r = x0.astype(int) % 256, y0.astype(int) % 64
    c1, r1 = (c + 1) % 256, (r + 1) % 64
    top = table[r, c] * (1 - u) + table[r, c1] * u
    low = table[r1, c] * (1 - u) + table[r1, c1] * u
    mixed: Floats = top * (1 - v) + low * v
    return mixed


@compiled
def _noise(table: Any, x: Any, y: Any, out: Any) -> None:
    for n in range(out.size):
        x0, y0 = np.floor(x[n]), np.floor(y[n])
        u, v = x[n] - x0, y[n] - y0
        c, r = int(x0) & 255, int(y0) & 63
        c1, r1 = (c + 1) & 255, (r + 1) & 63
        top = table[r, c] + (table[r, c1] - table[r, c]) * u
        low = table[r1, c] + (table[r1, c1] - table[r1, c]) * u
        out[n] = top + (low - top) * v

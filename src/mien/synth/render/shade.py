"""Shading: from the visible surface of each pixel to the light that reaches the camera."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.synth.head import actor as kinds
from mien.synth.head.actor import Actor
from mien.synth.head.eyes import paint_eyes
from mien.synth.head.model import GUMS, LINING, SKIN, SOCKET, TEETH, TONGUE
from mien.synth.render import raster
from mien.synth.render.cloth import around, weave
from mien.synth.render.light import CREEP, Lamp, Light, basis
from mien.synth.render.raster import Array, Buffer, Hits, compiled, interpolate
from mien.synth.skin import atlas
from mien.synth.skin.hair import round_strands, strand_light
from mien.synth.skin.paint import FOLDS, grey_mix
from mien.types import Doubles, Floats

# Blendshapes that cause folds, with their strength.
_FOLDED = {
    "forehead": ("browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R"),
    "frown": ("browDown_L", "browDown_R"),
    "crow": ("cheekSquint_L", "cheekSquint_R", "eyeSquint_L", "eyeSquint_R"),
    "nose": ("noseSneer_L", "noseSneer_R"),
    "smile": ("mouthSmile_L", "mouthSmile_R", "cheekSquint_L", "cheekSquint_R"),
}
# Albedo of unpainted parts, linear RGB, and their gloss.
_PLAIN = np.zeros((256, 4), np.float32)
_PLAIN[:, 3] = 0.1
for _kind, _values in {
    SOCKET: (0.03, 0.009, 0.008, 0.05), LINING: (0.40, 0.18, 0.16, 0.5),
    GUMS: (0.42, 0.16, 0.15, 0.8),
    TEETH: (0.62, 0.58, 0.48, 1.1), TONGUE: (0.38, 0.13, 0.12, 0.7),
    kinds.CARUNCLE: (0.46, 0.21, 0.19, 0.9), kinds.FRAMES: (0.02, 0.018, 0.02, 1.2),
    kinds.LENSES: (0.012, 0.013, 0.016, 2.0), kinds.MASK: (0.36, 0.55, 0.66, 0.05),
    kinds.HAT: (0.16, 0.05, 0.06, 0.0), kinds.SCARF: (0.30, 0.22, 0.12, 0.0),
}.items():  # fmt: skip
    _PLAIN[_kind] = _values
# Albedo at 850 nm (skin is painted; hair .2-.4, white of the eye .6, iris .3-.5).
_PLAIN_INFRARED = {
    SOCKET: 0.12, LINING: 0.5, GUMS: 0.5, TEETH: 0.6, TONGUE: 0.5, kinds.CARUNCLE: 0.5,
    kinds.FRAMES: 0.1,
    kinds.LENSES: 0.08, kinds.MASK: 0.6, kinds.HAT: 0.5, kinds.SCARF: 0.5, kinds.CLOTHES: 0.45,
}  # fmt: skip


_APART = (-1.8, 0.0, 1.8)  # px between the places of a depth map that are read for one corner


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The visible surface in N samples."""

    kind: NDArray[np.uint8]  # (N,) see mien.synth.head.actor
    hits: Hits  # (N,) their positions
    canonical: Floats  # (N, 3) places on the head; 0 for other things
    normal: Floats  # (N, 3) unit, towards the camera
    open: Floats  # (N, L) share of each lamp that reaches it
    view: Floats  # (N, 3) unit, towards the camera


@dataclass(frozen=True, slots=True, eq=False)
class Stuff:
    """The material of N samples."""

    colour: Floats  # (N, 3) linear albedo
    gloss: Floats  # (N,)
    wet: NDArray[np.bool_]  # (N,) a mirror-like highlight (eyes) instead of a broad one
    open: Floats  # (N,) share of the ambient light that reaches it
    normal: Floats  # (N, 3) with relief


def shadows(actor: Actor, points: Doubles, lamps: tuple[Lamp, ...], size: int = 256) -> Floats:
    """Share of each lamp's light that reaches each corner, (V, L), in [0, 1].

    One depth map per lamp; nine places of it are read for each corner, which makes the
    edge of a shadow some millimetres soft.
    """
    out = np.ones((len(points), max(1, len(lamps))), np.float32)
    for number, lamp in enumerate(lamps):
        ahead = np.array(lamp.towards, float)
        ahead /= np.linalg.norm(ahead)
        side = np.cross([0, 1, 0], ahead)
        side /= max(float(np.linalg.norm(side)), 1e-6)
        seen = (points - [0, -30, 0]) @ np.stack([side, -np.cross(ahead, side), -ahead], 1)
        scale = size / 340.0  # px per mm
        seen = seen * [scale, scale, 1] + [size / 2, size / 2, 1000]
        buffer = Buffer((size, size))
        buffer.draw(seen, actor.triangles)
        out[:, number] = reached(seen, buffer.depth)
    return out


def reached(seen: Doubles, depth: Doubles) -> Floats:
    """Share of the light, (V,), that reaches corners, (V, 3), past a square depth map."""
    if raster.HAS_NUMBA:
        quick = np.zeros(len(seen), np.float32)
        _reached(seen, depth, quick)
        return quick
    last, total = len(depth) - 1, np.zeros(len(seen))
    for dx in _APART:
        for dy in _APART:
            column = np.clip(seen[:, 0] + dx, 0, last).astype(np.intp)
            row = np.clip(seen[:, 1] + dy, 0, last).astype(np.intp)
            behind = seen[:, 2] - depth[row, column]
            total += np.clip(1 - (behind - 2.5) / 3.0, 0, 1)
    return np.asarray(total / 9, np.float32)


@compiled
def _reached(seen: Any, depth: Any, out: Any) -> None:
    last = len(depth) - 1
    for v in range(out.size):
        total = 0.0
        for dx in _APART:
            column = int(min(max(seen[v, 0] + dx, 0.0), last))
            for dy in _APART:
                row = int(min(max(seen[v, 1] + dy, 0.0), last))
                behind = seen[v, 2] - depth[row, column]
                total += min(max(1 - (behind - 2.5) / 3.0, 0.0), 1.0)
        out[v] = total / 9


def faced(at: Floats, eye: Floats) -> tuple[Floats, Floats]:
    """Normals towards a camera, and the direction to it: (N, 3) each, unit.

    Args:
        at: (N, 6 or more) normal and place of each sample.
        eye: (3,) position of the camera, mm.
    """
    if raster.HAS_NUMBA:
        quick = np.empty((2, len(at), 3), np.float32)
        _faced(at, eye, quick[0], quick[1])
        return quick[0], quick[1]
    view = eye - at[:, 3:6]
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    normal = at[:, :3]
    normal = np.where((normal * view).sum(1, keepdims=True) < 0, -normal, normal)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    return normal, view


@compiled
def _faced(at: Any, eye: Any, normal: Any, view: Any) -> None:
    for n in range(at.shape[0]):
        i, j, k = eye[0] - at[n, 3], eye[1] - at[n, 4], eye[2] - at[n, 5]
        away = np.sqrt(i * i + j * j + k * k)
        x, y, z = at[n, 0], at[n, 1], at[n, 2]
        length = max(np.sqrt(x * x + y * y + z * z), 1e-6)
        if x * i + y * j + z * k < 0:
            length = -length
        normal[n, 0], normal[n, 1], normal[n, 2] = x / length, y / length, z / length
        view[n, 0], view[n, 1], view[n, 2] = i / away, j / away, k / away


def stuff(actor: Actor, surface: Surface, shapes: dict[str, float], turn: Doubles) -> Stuff:
    """The material of each sample; `turn` is the rotation of the head."""
    count, table = len(surface.kind), _PLAIN.copy()
    table[kinds.CLOTHES] = (*actor.person.appearance.clothes, 0.0)
    plain = table[surface.kind]
    made = Stuff(
        np.ascontiguousarray(plain[:, :3]),
        np.ascontiguousarray(plain[:, 3]),
        np.zeros(count, bool),
        np.ones(count, np.float32),
        surface.normal.copy(),
    )
    _cloth(actor, surface, made)
    _teeth(surface, made)
    _skin(actor, surface, made, shapes, turn)
    _eyes(actor, surface, made)
    _hair(actor, surface, made)
    return made


def _cloth(actor: Actor, surface: Surface, made: Stuff) -> None:
    """Folds, weave and a ribbed collar; some shirts are striped."""
    here = np.flatnonzero(surface.kind == kinds.CLOTHES)
    if not len(here):
        return
    appearance = actor.person.appearance
    place = _at(actor, surface, here, actor.rest)
    made.colour[here], made.normal[here] = weave(
        appearance.seed, place, made.colour[here], made.normal[here]
    )
    y = place[:, 1]
    edge = float(y.max())
    rib = np.flatnonzero(y > edge - 9)  # the collar
    lines = 0.8 + 0.2 * np.abs(np.sin(around(place[rib]) / 1.3))
    made.colour[here[rib]] *= lines[:, None].astype(np.float32)


def _eyes(actor: Actor, surface: Surface, made: Stuff) -> None:
    for side, kind in enumerate((kinds.EYE_RIGHT, kinds.EYE_LEFT)):
        here = np.flatnonzero(surface.kind == kind)
        if len(here):
            rest, local = (_at(actor, surface, here, v) for v in (actor.rest, actor.local))
            offset = rest[:, :2] - actor.eye_rest[side, :2]
            colour, share = paint_eyes(local, offset, actor.radius, actor.person.appearance)
            made.colour[here] = colour
            made.gloss[here], made.wet[here] = 2.2 + 1.5 * share, True
            made.open[here] = 0.82


def _hair(actor: Actor, surface: Surface, made: Stuff) -> None:
    here = np.flatnonzero(surface.kind == kinds.HAIR)
    if len(here):
        appearance, local = actor.person.appearance, _at(actor, surface, here, actor.local)
        light = strand_light(local, appearance)
        made.colour[here] = np.array(grey_mix(appearance)) * light[:, None]
        made.normal[here] = round_strands(surface.normal[here], light)
        made.open[here] = np.clip(0.45 + local[:, 2] / 60, 0.45, 1)
        made.gloss[here] = 1.2 * light**2 * made.open[here]


def _at(actor: Actor, surface: Surface, here: NDArray[np.intp], values: Floats) -> Floats:
    """Values of the corners, (V, 3), at some of the samples."""
    return interpolate(surface.hits.take(here), actor.triangles, values)


def _teeth(surface: Surface, made: Stuff) -> None:
    """Gaps between teeth; surfaces deep in the mouth are dark."""
    inner = np.isin(surface.kind, (TEETH, GUMS, TONGUE, SOCKET))
    here = np.flatnonzero(inner)
    depth = np.clip((surface.canonical[here, 2] - 46) / 28, 0.05, 1)
    made.open[here] = np.where(surface.kind[here] == TEETH, 0.85, 0.55) * depth
    teeth = np.flatnonzero(surface.kind == TEETH)
    gap = np.abs(np.sin(surface.canonical[teeth, 0] / 7.6 * np.pi))
    made.colour[teeth] *= (0.62 + 0.38 * np.clip(gap / 0.22, 0, 1))[:, None]


def _skin(
    actor: Actor, surface: Surface, made: Stuff, shapes: dict[str, float], turn: Doubles
) -> None:
    here = np.flatnonzero(surface.kind == SKIN)
    places, skin = surface.canonical[here], actor.skin
    column, row = atlas.chart(places)
    made.colour[here] = atlas.between(skin.colour, column, row)
    finish = atlas.between(skin.finish, column, row)
    made.gloss[here], made.open[here] = finish[:, 0] * 0.55, finish[:, 1]
    slope: Array = np.ascontiguousarray(finish[:, 2:4])
    for name in FOLDS:
        halves = [shapes.get(move, 0.0) for move in _FOLDED[name]]
        left, right = max(halves[::2]), max(halves[1::2])
        if left or right:
            amount = np.where(places[:, 0] > 0, np.float32(left), np.float32(right))
            slope = slope + amount[:, None] * atlas.between(skin.folds[name], column, row)
    made.normal[here] = tilted(surface.normal[here], places, slope, turn)


def tilted(normal: Floats, places: Floats, slope: Floats, turn: Doubles) -> Floats:
    """Normals of skin with relief, (N, 3), unit.

    Args:
        normal: (N, 3) without it, as the head is turned.
        places: (N, 3) canonical.
        slope: (N, 2) of the relief: across, to the subject's left, and up.
        turn: (3, 3) rotation of the head.
    """
    if raster.HAS_NUMBA:
        quick = np.empty_like(normal)
        _tilted(normal, places, slope, turn, quick)
        return quick
    left, ahead = places[:, 0], np.maximum(places[:, 2], 1)
    across = slope[:, 0] / np.hypot(left, ahead)
    bump = np.stack([across * ahead, slope[:, 1], -across * left], 1)
    out = normal - bump @ turn.T.astype(np.float32)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6))


@compiled
def _tilted(normal: Any, places: Any, slope: Any, turn: Any, out: Any) -> None:
    for n in range(out.shape[0]):
        left, ahead = places[n, 0], max(places[n, 2], 1.0)
        across = slope[n, 0] / np.sqrt(left * left + ahead * ahead)
        i, j, k = across * ahead, slope[n, 1], -across * left
        x = normal[n, 0] - (turn[0, 0] * i + turn[0, 1] * j + turn[0, 2] * k)
        y = normal[n, 1] - (turn[1, 0] * i + turn[1, 1] * j + turn[1, 2] * k)
        z = normal[n, 2] - (turn[2, 0] * i + turn[2, 1] * j + turn[2, 2] * k)
        length = max(np.sqrt(x * x + y * y + z * z), 1e-6)
        out[n, 0], out[n, 1], out[n, 2] = x / length, y / length, z / length


def lit(surface: Surface, made: Stuff, light: Light) -> Floats:
    """Light that leaves each sample towards the camera: (N, 3) linear RGB."""
    if raster.HAS_NUMBA:
        towards = np.array([lamp.towards for lamp in light.lamps], float).reshape(-1, 3)
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        lamps = np.array([lamp.colour for lamp in light.lamps], float).reshape(-1, 3)
        quick = np.empty_like(made.colour)
        _lit(
            made.colour, made.gloss, made.wet, made.open, made.normal, surface.kind == SKIN,
            surface.open, surface.view, light.harmonics(), towards, lamps, quick,
        )  # fmt: skip
        return quick
    around = np.maximum(basis(made.normal) @ light.harmonics().astype(np.float32), 0)
    total = around * made.open[:, None]
    shine = np.zeros((len(made.gloss), 3), np.float32)
    creep = np.where(surface.kind == SKIN, 1, 0.2).astype(np.float32)
    for number, lamp in enumerate(light.lamps):
        ahead = np.array(lamp.towards, np.float32)
        ahead /= np.linalg.norm(ahead)
        cosine, free = made.normal @ ahead, surface.open[:, number]
        middle = ahead + surface.view
        middle /= np.sqrt(np.einsum("ij,ij->i", middle, middle))[:, None]
        aligned = np.clip(np.einsum("ij,ij->i", made.normal, middle), 0, 1)
        away = 1 - np.clip(np.einsum("ij,ij->i", surface.view, middle), 0, 1)
        fresnel = 0.03 + 0.97 * (away * away) ** 2 * away
        strength = made.gloss * fresnel * _highlight(aligned, made.wet) * free * (cosine > -0.1)
        for channel in range(3):
            soft = creep * CREEP[channel]
            share = np.maximum((cosine + soft) / (1 + soft), 0) * free
            total[:, channel] += share * np.float32(lamp.colour[channel])
            shine[:, channel] += strength * np.float32(lamp.colour[channel])
    facing = np.clip(np.einsum("ij,ij->i", made.normal, surface.view), 0, 1)
    rim = 0.05 * made.gloss * ((1 - facing) ** 2) ** 2
    out: Floats = made.colour * total + np.minimum(shine, 3.0) + rim[:, None] * around
    return out


@compiled
def _lit(
    colour: Any, gloss: Any, wet: Any, sky: Any, normal: Any, skin: Any, free: Any, view: Any,
    harmonics: Any, towards: Any, lamps: Any, out: Any,
) -> None:  # fmt: skip
    band, around, total, shine = np.ones(9), np.empty(3), np.empty(3), np.empty(3)
    for n in range(gloss.size):
        x, y, z = normal[n, 0], normal[n, 1], normal[n, 2]
        band[1], band[2], band[3], band[4], band[5] = y, z, x, x * y, y * z  # as in `basis`
        band[6], band[7], band[8] = 3 * y * y - 1, x * z, x * x - z * z
        for channel in range(3):
            level = 0.0
            for k in range(9):
                level += band[k] * harmonics[k, channel]
            around[channel] = max(level, 0.0)
            total[channel], shine[channel] = around[channel] * sky[n], 0.0
        for number in range(towards.shape[0]):
            a, b, c = towards[number]
            cosine = x * a + y * b + z * c
            i, j, k = a + view[n, 0], b + view[n, 1], c + view[n, 2]  # half way to the camera
            length = np.sqrt(i * i + j * j + k * k)
            aligned = min(max((x * i + y * j + z * k) / length, 0.0), 1.0)
            across = (view[n, 0] * i + view[n, 1] * j + view[n, 2] * k) / length
            away = 1 - min(max(across, 0.0), 1.0)
            fresnel = 0.03 + 0.97 * (away * away) ** 2 * away
            strength = 0.0
            if cosine > -0.1:
                strength = gloss[n] * fresnel * _lobes(aligned, wet[n]) * free[n, number]
            for channel in range(3):
                soft = CREEP[channel] * (1.0 if skin[n] else 0.2)
                share = max((cosine + soft) / (1 + soft), 0.0) * free[n, number]
                total[channel] += share * lamps[number, channel]
                shine[channel] += strength * lamps[number, channel]
        facing = min(max(x * view[n, 0] + y * view[n, 1] + z * view[n, 2], 0.0), 1.0)
        rim = 0.05 * gloss[n] * ((1 - facing) ** 2) ** 2
        for channel in range(3):
            mirrored = min(shine[channel], 3.0) + rim * around[channel]
            out[n, channel] = colour[n, channel] * total[channel] + mirrored


@compiled
def _lobes(aligned: Any, wet: Any) -> Any:
    six = (aligned * aligned) ** 3
    sixteen = ((aligned * aligned) ** 2) ** 4
    if not wet:
        return 1.2 * sixteen * six + 0.9 * six * aligned
    fine = (sixteen * sixteen) ** 4
    return 17.0 * (fine * fine) ** 2 + 0.9 * fine


def _highlight(aligned: Floats, wet: NDArray[np.bool_]) -> Floats:
    """Two lobes of Blinn's model: powers 22 and 7 for skin and cloth, 512 and 128 for wet eyes."""
    two = aligned * aligned
    four, six = two * two, two * two * two
    sixteen = (four * four) * (four * four)
    out: Floats = 1.2 * sixteen * six + 0.9 * six * aligned
    fine = sixteen[wet] ** 2 * sixteen[wet] ** 2 * sixteen[wet] ** 2 * sixteen[wet] ** 2
    out[wet] = 17.0 * (fine * fine) ** 2 + 0.9 * fine
    return out


def infrared(actor: Actor, surface: Surface, made: Stuff, coaxial: bool) -> Floats:
    """Signal of a camera at 850 nm with a lamp beside it: (N,) before falloff with distance."""
    albedo = np.full(len(surface.kind), 0.3, np.float32)
    for kind, value in _PLAIN_INFRARED.items():
        albedo[surface.kind == kind] = value
    here = np.flatnonzero(surface.kind == SKIN)
    albedo[here] = atlas.sample(actor.skin.infrared, surface.canonical[here])[:, 0]
    for kind in (kinds.EYE_RIGHT, kinds.EYE_LEFT):
        here = np.flatnonzero(surface.kind == kind)
        offset = np.zeros((len(here), 2), np.float32)
        local = _at(actor, surface, here, actor.local)
        colour, share = paint_eyes(local, offset, actor.radius, actor.person.appearance)
        dark = (colour.sum(1) < 0.03) & (share > 0.5)  # the pupil
        albedo[here] = np.where(share > 0.5, 0.38, 0.6)
        albedo[here[dark]] = 0.9 if coaxial else 0.05
    facing = np.clip(np.einsum("ij,ij->i", made.normal, surface.view), 0, 1)
    shine = 0.10 * made.gloss * (facing * facing) ** 8
    out: Floats = albedo * (0.12 + 0.88 * facing) * made.open + shine
    return out

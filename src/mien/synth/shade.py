"""From what is seen in each pixel to light that reaches the camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.synth import actor as kinds
from mien.synth import atlas
from mien.synth.actor import Actor
from mien.synth.eyes import paint_eyes
from mien.synth.hair import strands
from mien.synth.head import GUMS, LINING, SKIN, SOCKET, TEETH, TONGUE
from mien.synth.light import CREEP, Lamp, Light, basis
from mien.synth.paint import FOLDS, grey_mix
from mien.synth.raster import Array, rasterise
from mien.types import Doubles, Floats

# Moves that draw folds, and how much of them each draws.
_FOLDED = {
    "forehead": ("browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R"),
    "frown": ("browDown_L", "browDown_R"),
    "crow": ("cheekSquint_L", "cheekSquint_R", "eyeSquint_L", "eyeSquint_R"),
    "nose": ("noseSneer_L", "noseSneer_R"),
    "smile": ("mouthSmile_L", "mouthSmile_R", "cheekSquint_L", "cheekSquint_R"),
}
# Albedo of what is not painted, and its gloss; linear RGB.
_PLAIN = {
    SOCKET: ((0.10, 0.028, 0.026), 0.05), LINING: ((0.40, 0.18, 0.16), 0.5),
    GUMS: ((0.42, 0.16, 0.15), 0.8),
    TEETH: ((0.62, 0.58, 0.48), 1.1), TONGUE: ((0.38, 0.13, 0.12), 0.7),
    kinds.CARUNCLE: ((0.46, 0.21, 0.19), 0.9), kinds.FRAMES: ((0.02, 0.018, 0.02), 1.2),
    kinds.LENSES: ((0.012, 0.013, 0.016), 2.0), kinds.MASK: ((0.36, 0.55, 0.66), 0.05),
    kinds.HAT: ((0.16, 0.05, 0.06), 0.0), kinds.SCARF: ((0.30, 0.22, 0.12), 0.0),
}  # fmt: skip
# Albedo at 850 nm. Source: spec 00 (skin is painted; hair .2-.4, white of the eye .6, iris .3-.5).
_PLAIN_INFRARED = {
    SOCKET: 0.12, LINING: 0.5, GUMS: 0.5, TEETH: 0.6, TONGUE: 0.5, kinds.CARUNCLE: 0.5,
    kinds.FRAMES: 0.1,
    kinds.LENSES: 0.08, kinds.MASK: 0.6, kinds.HAT: 0.5, kinds.SCARF: 0.5, kinds.CLOTHES: 0.45,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What is seen in N samples."""

    kind: NDArray[np.uint8]  # (N,) see mien.synth.actor
    canonical: Floats  # (N, 3) places on the head; 0 for other things
    local: Floats  # (N, 3) directions on the ball, places in the hair
    rest: Floats  # (N, 3) place in the head at rest
    normal: Floats  # (N, 3) unit, turned to the camera
    open: Floats  # (N, L) share of each lamp that reaches it
    view: Floats  # (N, 3) unit, towards the camera


@dataclass(frozen=True, slots=True, eq=False)
class Stuff:
    """What N samples are made of."""

    colour: Floats  # (N, 3) linear albedo
    gloss: Floats  # (N,)
    wet: NDArray[np.bool_]  # (N,) a mirror-like highlight (eyes) instead of a broad one
    open: Floats  # (N,) share of the light from all around that reaches it
    normal: Floats  # (N, 3) with relief


def shadows(actor: Actor, points: Doubles, lamps: tuple[Lamp, ...], size: int = 256) -> Floats:
    """How much of each lamp's light reaches each corner, (V, L), in [0, 1].

    One depth map from each lamp; nine places of it are asked for each corner, which makes the
    edge of a shadow some millimetres soft.
    """
    out = np.ones((len(points), max(1, len(lamps))), np.float32)
    for number, lamp in enumerate(lamps):
        ahead = np.array(lamp.towards, float)
        ahead /= np.linalg.norm(ahead)
        side = np.cross([0, 1, 0], ahead)
        side /= max(float(np.linalg.norm(side)), 1e-6)
        seen = (points - [0, -30, 0]) @ np.stack([side, -np.cross(ahead, side), -ahead], 1)
        scale = size / 340.0  # px a mm
        seen = seen * [scale, scale, 1] + [size / 2, size / 2, 1000]
        hits = rasterise(seen, actor.triangles, (size, size))
        depth = np.full(size * size, 1e9, np.float32)
        depth[hits.pixel] = hits.depth
        total = np.zeros(len(points), np.float32)
        for dx in (-1.8, 0, 1.8):
            for dy in (-1.8, 0, 1.8):
                column = np.clip(seen[:, 0] + dx, 0, size - 1).astype(np.intp)
                row = np.clip(seen[:, 1] + dy, 0, size - 1).astype(np.intp)
                behind = seen[:, 2] - depth[row * size + column]
                total += np.clip(1 - (behind - 2.5) / 3.0, 0, 1)
        out[:, number] = total / 9
    return out


def stuff(actor: Actor, surface: Surface, shapes: dict[str, float], turn: Doubles) -> Stuff:
    """What each sample is made of; `turn` is the rotation of the head."""
    count = len(surface.kind)
    made = Stuff(
        np.zeros((count, 3), np.float32),
        np.full(count, 0.1, np.float32),
        np.zeros(count, bool),
        np.ones(count, np.float32),
        surface.normal.copy(),
    )
    look = actor.person.look
    for kind, (colour, gloss) in {
        **_PLAIN, kinds.CLOTHES: (look.clothes, 0.0)
    }.items():  # fmt: skip
        here = surface.kind == kind
        made.colour[here], made.gloss[here] = colour, gloss
    _teeth(surface, made)
    _skin(actor, surface, made, shapes, turn)
    for side, kind in enumerate((kinds.EYE_RIGHT, kinds.EYE_LEFT)):
        here = np.flatnonzero(surface.kind == kind)
        offset = surface.rest[here, :2] - actor.eye_rest[side, :2]
        made.colour[here], share = paint_eyes(surface.local[here], offset, actor.radius, look)
        made.gloss[here], made.wet[here] = 2.2 + 1.5 * share, True
        made.open[here] = 0.82
    here = np.flatnonzero(surface.kind == kinds.HAIR)
    light, _ = strands(surface.local[here], look)
    made.colour[here] = np.array(grey_mix(look)) * light[:, None]
    made.gloss[here] = 0.5 * light**2
    made.open[here] = np.clip(0.45 + surface.local[here, 2] / 60, 0.45, 1)
    return made


def _teeth(surface: Surface, made: Stuff) -> None:
    """Gaps between teeth; what lies deep in the mouth is dark."""
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
    made.colour[here] = atlas.sample(skin.colour, places)
    finish = atlas.sample(skin.finish, places)
    made.gloss[here], made.open[here] = finish[:, 0] * 0.55, finish[:, 1]
    slope: Array = finish[:, 2:4]
    for name in FOLDS:
        halves = [shapes.get(move, 0.0) for move in _FOLDED[name]]
        left, right = max(halves[::2]), max(halves[1::2])
        if left or right:
            amount = np.where(places[:, 0] > 0, left, right)
            slope = slope + amount[:, None] * atlas.sample(skin.folds[name], places)
    angle = np.arctan2(places[:, 0], np.maximum(places[:, 2], 1))
    bump = np.stack([slope[:, 0] * np.cos(angle), slope[:, 1], -slope[:, 0] * np.sin(angle)], 1)
    normal = surface.normal[here] - bump @ turn.T.astype(np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", normal, normal))[:, None]
    made.normal[here] = normal / np.maximum(length, 1e-6)


def lit(surface: Surface, made: Stuff, light: Light) -> Floats:
    """Light that leaves each sample towards the camera: (N, 3) linear RGB."""
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


def _highlight(aligned: Floats, wet: NDArray[np.bool_]) -> Floats:
    """Two lobes of Blinn's model: powers 22 and 7 of skin and cloth, 512 and 128 of wet eyes."""
    two = aligned * aligned
    four, six = two * two, two * two * two
    sixteen = (four * four) * (four * four)
    out: Floats = 1.2 * sixteen * six + 0.9 * six * aligned
    fine = sixteen[wet] ** 2 * sixteen[wet] ** 2 * sixteen[wet] ** 2 * sixteen[wet] ** 2
    out[wet] = 17.0 * (fine * fine) ** 2 + 0.9 * fine
    return out


def infrared(actor: Actor, surface: Surface, made: Stuff, coaxial: bool) -> Floats:
    """What a camera at 850 nm sees under a lamp beside it: (N,) before falloff with distance."""
    albedo = np.full(len(surface.kind), 0.3, np.float32)
    for kind, value in _PLAIN_INFRARED.items():
        albedo[surface.kind == kind] = value
    here = np.flatnonzero(surface.kind == SKIN)
    albedo[here] = atlas.sample(actor.skin.infrared, surface.canonical[here])[:, 0]
    for kind in (kinds.EYE_RIGHT, kinds.EYE_LEFT):
        here = np.flatnonzero(surface.kind == kind)
        offset = np.zeros((len(here), 2), np.float32)
        colour, share = paint_eyes(surface.local[here], offset, actor.radius, actor.person.look)
        dark = (colour.sum(1) < 0.03) & (share > 0.5)  # the pupil
        albedo[here] = np.where(share > 0.5, 0.38, 0.6)
        albedo[here[dark]] = 0.9 if coaxial else 0.05
    facing = np.clip(np.einsum("ij,ij->i", made.normal, surface.view), 0, 1)
    shine = 0.10 * made.gloss * (facing * facing) ** 8
    out: Floats = albedo * (0.12 + 0.88 * facing) * made.open + shine
    return out

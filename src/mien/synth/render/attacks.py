"""Presentation attacks: an image, a screen or a mask in front of the camera.

Depth, infrared and pulse follow the attack, since these reveal it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.synth.head.actor import Actor
from mien.synth.render.backdrop import GREY, backdrop
from mien.synth.render.scene import Frame, Scene, render
from mien.types import Doubles, Floats, Pixels

Attack = Literal["print", "replay", "cutout", "mask"]
ATTACKS: tuple[Attack, ...] = ("print", "replay", "cutout", "mask")
SHEET = 260.0  # mm: side of the paper or screen
DISTANCE = 480.0  # mm from the camera to it


@dataclass(frozen=True, slots=True)
class Sway:
    """How far a hand has moved the sheet from where it was held first."""

    turn: float = 0.0  # degrees, about the upright axis
    nod: float = 0.0
    lean: float = 0.0  # degrees, in the plane of the image
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)  # mm: right, down, away


STILL = Sway()


@dataclass(frozen=True, slots=True, eq=False)
class Presented:
    """The camera's view of an attack."""

    rgb: Pixels
    nir: NDArray[np.uint8]
    depth: Floats  # mm, NaN in the background
    attack: str
    pulse_share: float  # share of the pulse that is left in the colours
    corners: Floats  # (4, 2) px of the sheet; NaN for a mask


def present(
    actor: Actor, scene: Scene, attack: Attack, seed: int, *, toner: bool = False
) -> Presented:
    """Render an attack with an image of a person.

    Args:
        actor: the impersonated person.
        scene: light and camera in the attacker's room; its weights control the face.
        attack: "print" (a bent sheet), "replay" (a screen), "cutout" (a photo with holes for
            living eyes) or "mask" (rigid and uniform).
        seed: of everything irregular.
        toner: print with carbon toner, which keeps its contrast in infrared; dyes do not.

    Raises:
        MienError: an unknown attack.
    """
    if attack not in ATTACKS:
        raise MienError(f"There is no attack '{attack}'; there are {', '.join(ATTACKS)}.")
    rng = np.random.default_rng([seed, 103])
    if attack == "mask":
        return _mask(actor, scene)
    shown = render(actor, replace(scene, cast=True), truth=True)
    sheet, out, seen = _shown(shown.rgb, scene, attack, rng, actor.albedo)
    depth = np.where(seen, sheet.depth, np.nan).astype(np.float32)
    paper = out.mean(-1) if toner and attack != "replay" else None
    nir = _sheet_infrared(seen, attack, rng, paper)
    if attack == "cutout":
        out, depth, nir = _living_eyes(actor, scene, shown, sheet, out, depth, nir)
    rgb = _with_noise(out, rng)
    share = {"print": 0.0, "replay": 0.35, "cutout": 0.0}[attack]
    return Presented(rgb, nir, depth, attack, share, sheet.corners.astype(np.float32))


def recapture(photo: Pixels, scene: Scene, attack: Literal["print", "replay"], seed: int) -> Pixels:
    """Show a photograph on paper or on a screen, and take a picture of it.

    Args:
        photo: (H, W, 3); it fills the square sheet.
        scene: camera, light and background of the attacker's room.
        attack: "print" (a bent sheet) or "replay" (a screen).
        seed: of everything irregular.

    Returns:
        The camera's view, of the size of its sensor.
    """
    rng = np.random.default_rng([seed, 103])
    return _with_noise(_shown(photo, scene, attack, rng, GREY)[1], rng)


def recapture_film(
    photos: Iterable[Pixels],
    scene: Scene,
    attack: Literal["print", "replay"],
    seed: int,
    sways: Iterable[Sway],
) -> Iterator[Pixels]:
    """Show photographs, or the frames of a film, on one sheet that a hand moves.

    Args:
        photos: (H, W, 3) each; the same array again is drawn only once.
        scene: camera, light and background of the attacker's room, which stay.
        attack: "print" (a bent sheet) or "replay" (a screen).
        seed: of everything irregular; the noise is new in each frame.
        sways: where the hand has moved the sheet, one per frame; see `held`.

    Yields:
        The camera's view, until photographs or sways end.
    """
    noise = np.random.default_rng([seed, 107])
    before: Pixels | None = None
    for photo, sway in zip(photos, sways, strict=False):
        rng = np.random.default_rng([seed, 103])
        if photo is not before:
            ink, drawn, before = _ink_of(photo, attack, rng), rng.bit_generator.state, photo
        rng.bit_generator.state = drawn
        yield _with_noise(_placed(ink, scene, attack, rng, GREY, sway)[1], noise)


def held(seconds: float, rate: float, seed: int, strength: float = 1.0) -> Iterator[Sway]:
    """Movements of a hand that holds a sheet: slow sways of 0.2 to 1.2 Hz, from no movement on.

    Args:
        seconds: duration.
        rate: frames per second.
        seed: of amplitudes, frequencies and phases.
        strength: factor; at 1 the standard deviations are 5 degrees and 8 mm.
    """
    rng = np.random.default_rng([seed, 109])
    waves, scale = 3, strength * np.array([5.0, 4.0, 2.5, 8.0, 8.0, 10.0])
    speed, phase = rng.uniform(0.2, 1.2, (waves, 6)), rng.uniform(0, 2 * np.pi, (waves, 6))
    size = rng.normal(0, scale * np.sqrt(2 / waves), (waves, 6))
    for number in range(round(seconds * rate)):
        angle = 2 * np.pi * speed * number / rate + phase
        moved: list[float] = (size * (np.sin(angle) - np.sin(phase))).sum(0).tolist()
        turn, nod, lean, *shift = moved
        yield Sway(turn, nod, lean, (shift[0], shift[1], shift[2]))


def _shown(
    photo: Pixels, scene: Scene, attack: str, rng: np.random.Generator, albedo: float
) -> tuple["_Sheet", Floats, NDArray[np.bool_]]:
    """The sheet, the view of it in the room in [0, 1], and which pixels show it."""
    return _placed(_ink_of(photo, attack, rng), scene, attack, rng, albedo)


def _ink_of(photo: Pixels, attack: str, rng: np.random.Generator) -> Floats:
    picture: Floats = photo.astype(np.float32) / np.float32(255)
    return _screen(picture, rng) if attack == "replay" else _ink(picture, rng)


def _placed(
    ink: Floats,
    scene: Scene,
    attack: str,
    rng: np.random.Generator,
    albedo: float,
    sway: Sway = STILL,
) -> tuple["_Sheet", Floats, NDArray[np.bool_]]:
    sheet = _Sheet(scene, rng, bent=attack == "print", sway=sway)
    light, seen = sheet.draw(ink, glow=attack == "replay")
    room = backdrop(scene.background + 1, scene.camera.size, scene.light, albedo)
    return sheet, np.where(seen[..., None], light, np.sqrt(np.clip(room, 0, 1))), seen


def _with_noise(view: Floats, rng: np.random.Generator) -> Pixels:
    noise = rng.normal(0, 1.2 / 255, view.shape)
    return np.asarray(np.clip(np.rint((view + noise) * 255), 0, 255), np.uint8)


def _mask(actor: Actor, scene: Scene) -> Presented:
    """A rigid mask: a tenth of the movement, no pulse; one matt colour except the eye holes."""
    still = {name: 0.1 * value for name, value in scene.weights.items()}
    skin = actor.skin
    flat = np.empty_like(skin.colour)
    flat[:] = skin.colour.reshape(-1, 3).mean(0)
    flat += 0.25 * (skin.colour - flat)
    finish = skin.finish.copy()
    finish[..., 0], finish[..., 2:] = 0.9, 0
    same = np.full_like(skin.infrared, 0.72)
    plain = replace(skin, colour=flat, finish=finish, infrared=same)
    masked = Actor(actor.head, actor.person, skin=plain)
    frame = render(masked, replace(scene, weights=still, pulse_depth=0.0), truth=True, nir=True)
    nowhere = np.full((4, 2), np.nan, np.float32)
    return Presented(frame.rgb, frame.nir, frame.depth, "mask", 0.0, nowhere)


def _ink(picture: Floats, rng: np.random.Generator) -> Floats:
    """A print: paper white, a narrow gamut, and the dots of a halftone, five to a millimetre."""
    large = cv2.resize(picture, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    grey = np.asarray(large).mean(2, keepdims=True)
    narrow = 0.10 + 0.82 * (grey + 0.72 * (np.asarray(large) - grey))
    y, x = np.mgrid[:1024, :1024].astype(np.float32)
    for channel, degrees in enumerate((15.0, 75.0, 45.0)):
        a = np.radians(degrees)
        u, v = x * np.cos(a) + y * np.sin(a), -x * np.sin(a) + y * np.cos(a)
        dots = np.sin(u * 1.6) * np.sin(v * 1.6)
        narrow[..., channel] += 0.07 * dots * (1 - narrow[..., channel])
    tint = 1 + rng.normal(0, 0.025, 3)
    return np.asarray(np.clip(narrow * tint, 0, 1), np.float32)


def _screen(picture: Floats, rng: np.random.Generator) -> Floats:
    """A screen: every pixel is three stripes. Moire arises from the sampling of the camera."""
    side = 384  # px of the film that is shown
    small = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))
    out = np.zeros((side * 3, side * 3, 3), np.float32)
    for channel in range(3):
        out[:, channel::3, channel] = np.repeat(small[..., channel] * 2.1, 3, axis=0)
    out[2::3] *= 0.55  # the gap between rows
    bands = 1 + 0.06 * np.sin(np.linspace(0, rng.uniform(6, 16), side * 3) + rng.uniform(0, 6))
    lit = out * bands[:, None, None] * [0.95, 1.0, 1.12]
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), 1.1), np.float32)  # the lens of the camera


class _Sheet:
    """A sheet in front of the camera: rotated, and bent about an upright axis if it is paper."""

    def __init__(
        self, scene: Scene, rng: np.random.Generator, *, bent: bool, sway: Sway = STILL
    ) -> None:
        camera = scene.camera
        height, width = camera.size
        moved = [sway.turn, sway.nod, sway.lean]
        turn, nod, lean = np.radians(rng.normal(0, [9, 6, 5]) + moved)
        self.curve = float(rng.uniform(0, 2.2e-3)) if bent else 0.0
        y, x = np.mgrid[:height, :width] + 0.5
        ahead = np.full_like(x, camera.focal_px)
        ray = np.stack([x - width / 2, y - height / 2, ahead], -1) / camera.focal_px
        across = np.array([np.cos(turn) * np.cos(lean), np.sin(lean), np.sin(turn)])
        down = np.array([-np.sin(lean), np.cos(lean) * np.cos(nod), np.sin(nod)])
        out = np.cross(across, down)
        middle = np.array([0, 0, DISTANCE]) + rng.normal(0, 8, 3) + sway.shift
        depth = (out @ middle) / (ray @ out)
        for _ in range(4 if bent else 0):  # z + curve u^2 = plane, by repetition
            u = (ray * depth[..., None] - middle) @ across
            depth = (out @ middle + self.curve * u * u * abs(out[2])) / (ray @ out)
        at = ray * depth[..., None] - middle
        self.u, self.v, self.depth = at @ across, at @ down, depth
        square = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ends = np.array([middle + SHEET / 2 * (a * across + b * down) for a, b in square])
        flat = ends[:, :2] / ends[:, 2:] * camera.focal_px
        self.corners: Doubles = flat + np.array([width / 2, height / 2])
        self.sheen = float(rng.uniform(0.0, 0.25))
        self.spot = rng.uniform(-80, 80, 2)

    def draw(self, ink: Floats, *, glow: bool) -> tuple[Floats, NDArray[np.bool_]]:
        """Encoded colours (0 to 1) and the area of the sheet; a screen has a dark edge."""
        side = ink.shape[0]
        column = ((self.u / SHEET + 0.5) * side - 0.5).astype(np.float32)
        row = ((self.v / SHEET + 0.5) * side - 0.5).astype(np.float32)
        drawn = np.asarray(cv2.remap(ink, column, row, cv2.INTER_LINEAR), np.float32)
        reach = np.maximum(np.abs(self.u), np.abs(self.v))
        inside, edge = reach <= SHEET / 2, reach <= SHEET / 2 + (14 if glow else 6)
        light = np.exp(-((self.u - self.spot[0]) ** 2 + (self.v - self.spot[1]) ** 2) / 70**2)
        gloss = (self.sheen * light)[..., None]
        shade = (1 - 60 * self.curve * np.abs(self.u) / 100)[..., None]
        whole = drawn * (1.0 if glow else shade) + gloss * (0.6 if glow else 1.0)
        border = 0.03 if glow else 0.9
        out = np.where(inside[..., None], whole, border)
        return np.clip(out, 0, 1).astype(np.float32), np.asarray(edge)


def _sheet_infrared(
    seen: NDArray[np.bool_], attack: str, rng: np.random.Generator, printed: Floats | None
) -> NDArray[np.uint8]:
    """At 850 nm a screen is black and a print of dyes blank.

    Args:
        seen: (H, W) where the sheet is.
        attack: "replay" is a screen.
        rng: random source.
        printed: (H, W) grey values of a print with toner, in [0, 1]; None: dyes.
    """
    level = 0.05 if attack == "replay" else 0.8
    blank = np.full(seen.shape, level ** (1 / 2.2))
    sheet = blank if printed is None else blank * np.clip(printed, 0, 1)
    coded = np.where(seen, sheet, 0.02 ** (1 / 2.2)) * 255 + rng.normal(0, 1.5, seen.shape)
    return np.clip(np.rint(coded), 0, 255).astype(np.uint8)


def _living_eyes(
    actor: Actor,
    scene: Scene,
    shown: Frame,
    sheet: _Sheet,
    out: Floats,
    depth: Floats,
    nir: NDArray[np.uint8],
) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    """Holes at the eyes of the photo, with real eyes 15 mm behind them."""
    height, width = scene.camera.size
    real = render(actor, scene, truth=True, nir=True)
    hole = np.isin(shown.seg, (4, 5)).astype(np.float32)
    wide = np.asarray(cv2.dilate(hole, np.ones((5, 5), np.uint8)))
    column = ((sheet.u / SHEET + 0.5) * width - 0.5).astype(np.float32)
    row = ((sheet.v / SHEET + 0.5) * height - 0.5).astype(np.float32)
    near = np.asarray(cv2.remap(wide, column, row, cv2.INTER_LINEAR)) > 0.5
    eyes = np.asarray(cv2.remap(real.rgb, column, row, cv2.INTER_LINEAR))
    dark = np.asarray(cv2.remap(real.nir, column, row, cv2.INTER_LINEAR))
    out = np.where(near[..., None], eyes.astype(np.float32) / 255, out)
    depth = np.where(near & ~np.isnan(depth), depth + 15.0, depth).astype(np.float32)
    return out.astype(np.float32), depth, np.where(near, dark, nir).astype(np.uint8)

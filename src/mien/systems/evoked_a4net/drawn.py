"""Drawn scenes with drawn faces, and a hidden rule for the emotion that they evoke."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.media import stretched
from mien.metrics import softmax
from mien.synth.drawn import EXPRESSIONS, DrawnFace, DrawnPerson, Moves, draw_face, tinted
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.faces import MOST, cut_faces, padded
from mien.systems.evoked_a4net.head import EMOTIONS, FACES
from mien.types import Doubles, Face, Floats, Pixels

SCENES = ("sky-grass", "waves", "bricks", "night-stars", "forest", "indoor")
WITH_FACES = 0.6  # share of scenes
SMALLEST, LARGEST = 20, 40  # px of a face
SHARP = 2.0  # of the hidden rule: the higher, the less viewers disagree
Random = np.random.Generator
Photos = Sequence[Pixels]  # of each of FACES: (K, S, S, 3) of photographs


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """Pictures with the emotion that they evoke; -1 or NaN: not labelled."""

    images: Pixels  # (N, S, S, 3)
    emotion: NDArray[np.int64]  # (N,) of `emotions`; -1: several, see below
    brightness: Floats  # (N,) in [0, 1]
    colourfulness: Floats  # (N,) in [0, 1]
    scene: NDArray[np.int64]  # (N,) of `scenes`
    face: NDArray[np.int64]  # (N,) expression of the largest face, of FACES; -1: no face
    height: NDArray[np.int64]  # (N,) px of that face; 0: no face, or not known
    share: Doubles  # (N, 8) probabilities that the labels were drawn from; empty: not known
    scenes: tuple[str, ...] = SCENES
    emotions: tuple[str, ...] = EMOTIONS
    several: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (N, E) 0 or 1
    # Of `faces.padded`, or (N, 4, 7) `train.read_expressions`, and the expression of each crop;
    # empty: faces are not cut out.
    crops: NDArray[Any] = field(default_factory=lambda: np.zeros((0, MOST, 1, 1, 3), np.uint8))
    crop_share: Floats = field(default_factory=lambda: np.zeros((0, MOST), np.float32))
    crop_face: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, MOST), np.int64))

    def rows(self, keep: NDArray[np.int64]) -> "Scenes":
        """Some of them."""
        names = [one.name for one in fields(self) if one.name not in ("scenes", "emotions")]
        columns = {name: getattr(self, name) for name in names}
        kept = {name: one[keep] if len(one) else one for name, one in columns.items()}
        return replace(self, **kept)


def draw_scenes(
    count: int, seed: int, side: int = 64, crop: int = 0, loose: float = 0.0,
    photos: Photos | None = None,
) -> Scenes:  # fmt: skip
    """Draw scenes; the same count, seed and side give the same ones.

    Args:
        count: of scenes.
        seed: of everything that is drawn.
        side: px of a scene.
        crop: px of the crops of its faces; 0: none are cut out.
        loose: standard deviation of the errors of their boxes, of the side of each; 0: true boxes.
        photos: faces of photographs, which are pasted instead of drawn ones.
    """
    random, errors = np.random.default_rng(seed), np.random.default_rng([seed, 33])
    images = np.empty((count, side, side, 3), np.uint8)
    scene = random.integers(0, len(SCENES), count)
    face, height = np.full(count, -1), np.zeros(count, np.int64)
    cut, crop_face = [], np.full((count, MOST), -1)
    for row in range(count):
        picture = recoloured(PAINT[SCENES[scene[row]]](random, side), random)
        pasted: list[Pasted] = []
        if random.random() < WITH_FACES:
            pasted = _paste(picture, random, photos)[::-1]  # the largest one first
            face[row], height[row] = pasted[0].expression, pasted[0].size
        gain = random.uniform(0.35, 1.3)
        images[row] = (np.clip(picture * gain, 0, 1) * 255).round()
        if crop:
            pasted.sort(key=lambda one: -float(np.prod(one.box[2:] - one.box[:2])))  # as the crops
            boxes = np.array([one.box for one in pasted], np.float32).reshape(-1, 4)
            boxes += loose * (boxes[:, 2:3] - boxes[:, :1]) * errors.normal(size=boxes.shape)
            shown = [Face(box, 1.0) for box in boxes]
            cut.append(cut_faces(images[row], shown, crop))
            crop_face[row, : len(pasted)] = [one.expression for one in pasted]
    bright = np.array([brightness(one) for one in images], np.float32)
    colour = np.array([colourfulness(one) for one in images], np.float32)
    share = rule(bright, colour, scene, face)
    drawn = (share.cumsum(1) < random.random(count)[:, None]).sum(1)
    some = Scenes(images, drawn.clip(max=7), bright, colour, scene, face, height, share)
    if not crop:
        return some
    crops, crop_share = padded(cut, crop)
    return replace(some, crops=crops, crop_share=crop_share, crop_face=crop_face)


def rule(
    bright: Floats, colour: Floats, scene: NDArray[np.int64], face: NDArray[np.int64]
) -> Doubles:
    """(N, 8) probabilities of EMOTIONS: what drawn viewers say, invented for the proof."""
    b = np.clip((bright - 0.45) / 0.15, -2, 2).astype(np.float64)
    c = np.clip((colour - 0.35) / 0.15, -2, 2).astype(np.float64)
    shown = {name: (face == k) * 1.0 for k, name in enumerate(FACES)}
    place = {name: (scene == k) * 1.0 for k, name in enumerate(SCENES)}
    nature = place["sky-grass"] + place["waves"] + place["forest"]
    score = {
        "amusement": 0.7 * c + 1.2 * place["indoor"] + 1.2 * shown["happy"],
        "awe": 2.2 * (place["sky-grass"] + place["night-stars"]) * (face < 0),
        "contentment": 1.0 * b + 1.3 * nature - 0.4 * (face >= 0),
        "excitement": 1.1 * c + 1.2 * shown["happy"] + 0.8 * shown["surprise"],
        "anger": 2.4 * shown["angry"] + 1.0 * place["bricks"],
        "disgust": 2.4 * shown["disgust"] + 0.6 * place["indoor"],
        "fear": -1.1 * b + 2.2 * shown["fear"] + 0.5 * shown["surprise"],
        "sadness": -1.0 * c - 0.4 * b + 2.2 * shown["sad"] + 0.5 * place["waves"],
    }
    return softmax(SHARP * np.stack([score[name] for name in EMOTIONS], 1))


def recoloured(picture: Floats, random: Random) -> Floats:
    """The picture with another hue and saturation; (S, S, 3) in [0, 1]."""
    grey = picture @ np.array([0.299, 0.587, 0.114])
    angle, saturation = random.uniform(0, 2 * np.pi), random.uniform(0, 1.7)
    axis, cosine = np.ones((3, 3)) / 3, np.cos(angle)
    cross = np.sin(angle) / np.sqrt(3) * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turn = cosine * np.eye(3) + (1 - cosine) * axis + cross
    offset = (picture - grey[..., None]) @ turn.T
    return np.asarray(np.clip(grey[..., None] + saturation * offset, 0, 1), np.float32)


class Pasted(NamedTuple):
    """A face in a scene."""

    expression: int  # of FACES
    size: int  # px
    box: Floats  # (4,) px of the scene


def _paste(picture: Floats, random: Random, photos: Photos | None) -> list[Pasted]:
    """Draw one or two faces into the picture; the largest one comes last."""
    side = len(picture)
    sizes = sorted(random.integers(SMALLEST, LARGEST + 1, 1 + int(random.random() < 0.3)))
    pasted = []
    for size in sizes:  # the largest one comes last, in front
        expression = int(random.integers(len(FACES)))
        if photos is None:
            face = _some_face(FACES[expression], int(size), random)
        else:
            face = _photographed(photos[expression], int(size), random)
        top, left = random.integers(0, side - size + 1, 2).tolist()
        face.paste(picture, left, top)
        pasted.append(Pasted(expression, int(size), face.box + np.tile([left, top], 2)))
    return pasted


def _some_face(expression: str, size: int, random: Random) -> DrawnFace:
    """A drawn face of nobody, whose expression is up to 1.4 times as strong as usual."""
    moves = Moves(*(np.array(EXPRESSIONS[expression]) * random.uniform(1.0, 1.4)).tolist())
    usual = DrawnPerson()
    skin = tinted(usual.skin, random.uniform(0.35, 1.05))
    hair = tinted(usual.hair, random.uniform(0.2, 2.0))
    apart, width = random.uniform(0.32, 0.42), random.uniform(0.72, 0.85)
    return draw_face(DrawnPerson(skin, hair, apart, width), moves, size)


def _photographed(some: Pixels, size: int, random: Random) -> DrawnFace:
    """A photographed face in skin tones between light and dark, in the form of a drawn one."""
    grey = stretched(some[int(random.integers(len(some)))], size).astype(np.float32) / 255
    tone = np.array(tinted(DrawnPerson().skin, random.uniform(0.6, 1.1)), np.float32)
    y, x = (np.mgrid[:size, :size] + 0.5) / size * 2 - 1
    cover = np.clip((1.05 - np.hypot(x, y)) * size / 4, 0, 1).astype(np.float32)
    box = np.array([0, 0, size, size], np.float32)
    five = np.full((5, 2), np.nan, np.float32)
    return DrawnFace(np.asarray(np.clip(1.25 * grey * tone, 0, 1), np.float32), cover, five, box)


def _canvas(side: int, colour: tuple[float, float, float]) -> Floats:
    canvas = np.empty((side, side, 3), np.float32)
    canvas[:] = colour
    return canvas


def _rough(picture: Floats, random: Random, much: float) -> Floats:
    return picture + random.normal(0, much, picture.shape[:2])[..., None].astype(np.float32)


def _sky_grass(random: Random, side: int) -> Floats:
    picture = _canvas(side, (0.35, 0.60, 0.95))
    line = int(side * random.uniform(0.4, 0.7))
    picture[:line] += np.linspace(-0.1, 0.25, line)[:, None, None]
    picture[line:] = (0.25, 0.55, 0.18)
    picture[line:] = _rough(picture[line:], random, 0.08)
    y, x = np.mgrid[:side, :side]
    for _ in range(random.integers(1, 4)):
        cy, cx, r = random.uniform(0, line), random.uniform(0, side), side * 0.1
        cloud = ((x - cx) / (2 * r)) ** 2 + ((y - cy) / r) ** 2 < 1
        picture[cloud & (y < line)] = 0.97
    return picture


def _waves(random: Random, side: int) -> Floats:
    y, x = np.mgrid[:side, :side] / side
    turns, bend = random.uniform(5, 9), random.uniform(1, 3)
    crest = np.sin(2 * np.pi * (turns * y + 0.3 * np.sin(2 * np.pi * (bend * x + random.random()))))
    picture = _canvas(side, (0.10, 0.42, 0.62)) + 0.25 * crest[..., None].astype(np.float32)
    return _rough(picture, random, 0.03)


def _bricks(random: Random, side: int) -> Floats:
    tall = int(random.integers(5, 9))
    y, x = np.mgrid[:side, :side]
    shift = (y // tall % 2) * tall
    joint = (y % tall == 0) | ((x + shift) % (2 * tall) == 0)
    picture = _rough(_canvas(side, (0.65, 0.30, 0.22)), random, 0.05)
    picture[joint] = 0.75
    return picture


def _night_stars(random: Random, side: int) -> Floats:
    picture = _rough(_canvas(side, (0.04, 0.05, 0.22)), random, 0.02)
    count = int(random.integers(side // 2, side * 2))
    picture[random.integers(0, side, count), random.integers(0, side, count)] = 1.0
    return picture


def _forest(random: Random, side: int) -> Floats:
    picture = _rough(_canvas(side, (0.12, 0.36, 0.14)), random, 0.12)
    for _ in range(random.integers(5, 10)):
        left = int(random.integers(0, side))
        picture[:, left : left + int(random.integers(2, 5))] = (0.36, 0.24, 0.12)
    return picture


def _indoor(random: Random, side: int) -> Floats:
    picture = _canvas(side, (0.85, 0.78, 0.62))
    floor = int(side * random.uniform(0.6, 0.8))
    picture[floor:] = (0.50, 0.34, 0.20)
    for _ in range(random.integers(4, 8)):
        top, left = random.integers(0, side, 2)
        tall, wide = random.integers(side // 8, side // 3, 2)
        picture[top : top + tall, left : left + wide] = random.uniform(0.1, 0.9, 3)
    return picture


PAINT: dict[str, Callable[[Random, int], Floats]] = {
    "sky-grass": _sky_grass, "waves": _waves, "bricks": _bricks,
    "night-stars": _night_stars, "forest": _forest, "indoor": _indoor,
}  # fmt: skip

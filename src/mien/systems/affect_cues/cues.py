"""Pairs of rendered faces that differ in one cue and in nothing else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mien.align import align
from mien.synth import Actor, HeadModel, Person, Scene, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.synth.skin.paint import LABELS
from mien.types import Crop, Face, Pixels

SIDE = 192  # px of the rendered images
TURN = 6.0  # degrees, standard deviation of yaw
DARK_TONE = 6.0  # on the Monk scale: from here on a face counts as dark
SMILE: Mapping[str, float] = {"AU6": 0.7, "AU12": 0.9}
OPEN: Mapping[str, float] = {"AU25": 0.6, "jawOpen": 0.25}
THROAT = (46, 14, 14)  # RGB of a mouth without teeth
MOUTH = LABELS.index("mouth")

EXPRESSIVE: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    # Weights without and with the cue.
    "smile": ({}, SMILE),
    "lip corners down": ({}, {"AU15": 0.9}),
    "mouth open": ({}, OPEN),
    "brows up": ({}, {"AU1": 0.9, "AU2": 0.9}),
    "brows down": ({}, {"AU4": 0.9}),
    "eyes wide": ({}, {"AU5": 0.9}),
    "eyes narrowed": ({}, {"AU7": 0.9}),
    "nose wrinkled": ({}, {"AU9": 0.9}),
    "gaze aside": ({}, {"AU61": 0.8}),
}
TEETH = "teeth"  # at the same opening of the mouth
LOOKS: Mapping[str, Mapping[str, object]] = {
    "glasses": {"glasses": "square"},
    "make-up": {"make_up": 0.9},
    "beard": {"beard": "full"},
}
BACKGROUND, LIGHT = "background", "light"
SHORTCUTS = (TEETH, *LOOKS, BACKGROUND, LIGHT)  # say nothing about an expression
CUES = (*EXPRESSIVE, *SHORTCUTS)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One cue on one person."""

    cue: str
    person: int
    dark: bool  # skin
    without: Pixels  # (S, S, 3) chip
    with_: Pixels


def pairs(count: int, crop: Crop, seed: int) -> Iterator[Pair]:
    """Every cue on each of `count` people, who differ in everything."""
    head = open_head("builtin")
    for number in range(count):
        rng = np.random.default_rng([29, seed, number])
        person = make_person(29_000 + 1000 * seed + number, head)
        plain = replace(person.appearance, glasses="none", beard="none", make_up=0.0,
                        mask=False, hat=False, scarf=False)  # fmt: skip
        yield from _of_person(head, replace(person, appearance=plain), number, crop, rng)


def _of_person(
    head: HeadModel, person: Person, number: int, crop: Crop, rng: np.random.Generator
) -> Iterator[Pair]:
    actor = Actor(head, person)
    scene = any_scene(rng, SIDE, {}, TURN)
    dark = person.appearance.tone >= DARK_TONE
    make: Callable[[str, Pixels, Pixels], Pair] = lambda cue, a, b: Pair(  # noqa: E731
        cue, number, dark, a, b
    )
    rest = _chip(actor, scene, crop)
    for cue, (before, after) in EXPRESSIVE.items():
        first = rest if not before else _chip(actor, replace(scene, weights=dict(before)), crop)
        yield make(cue, first, _chip(actor, replace(scene, weights=dict(after)), crop))
    yield make(TEETH, *teeth(actor, replace(scene, weights=dict(OPEN)), crop))
    for cue, change in LOOKS.items():
        other = Actor(head, replace(person, appearance=replace(person.appearance, **change)))  # type: ignore[arg-type]
        yield make(cue, rest, _chip(other, scene, crop))
    elsewhere = replace(scene, background=int(rng.integers(1 << 30)))
    yield make(BACKGROUND, rest, _chip(actor, elsewhere, crop))
    lit = replace(scene, light=any_scene(rng, SIDE, {}, TURN).light)
    yield make(LIGHT, rest, _chip(actor, lit, crop))


def _chip(actor: Actor, scene: Scene, crop: Crop) -> Pixels:
    frame = render(actor, scene, truth=False)
    face = Face(np.zeros(4, np.float32), 1.0, frame.five)
    return np.asarray(align(frame.rgb, [face], crop)[0])


def teeth(actor: Actor, scene: Scene, crop: Crop) -> tuple[Pixels, Pixels]:
    """The same open mouth without and with its teeth, as chips."""
    frame = render(actor, scene)
    face = Face(np.zeros(4, np.float32), 1.0, frame.five)
    covered = frame.rgb.copy()
    inside = frame.seg == MOUTH
    # Teeth are the brighter part of the mouth; the throat behind them is dark in both.
    level = covered.astype(np.float32).mean(2)
    if inside.any():
        covered[inside & (level > level[inside].mean())] = THROAT
    without, with_ = (align(image, [face], crop)[0] for image in (covered, frame.rgb))
    return np.asarray(without), np.asarray(with_)

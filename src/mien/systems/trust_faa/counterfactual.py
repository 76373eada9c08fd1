"""Rendered people of whom one sensitive attribute changes, and nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mien.align import align
from mien.synth import Actor, Person, Scene, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.types import Crop, Face, Floats, Pixels

SIDE = 160  # px of the rendered images
TURN = 6.0  # degrees, standard deviation of yaw
# Expressions of each person.
SMILES: tuple[Mapping[str, float], ...] = ({}, {"AU6": 0.7, "AU12": 0.9}, {"AU4": 0.9})
PLAIN: Mapping[str, object] = {"glasses": "none", "beard": "none", "make_up": 0.0, "mask": False,
                               "hat": False, "scarf": False, "hair_style": "short"}  # fmt: skip
CONTROL = "noise of the camera"  # changes nothing but the noise: what is left of consistency
TONES = (2.0, 9.0)  # on the Monk scale; every other person has the dark one first
# Attribute -> what the person has afterwards; before: short hair, no glasses, no beard, no make-up.
CHANGES: Mapping[str, Mapping[str, object]] = {
    "skin tone": {},
    "glasses": {"glasses": "square"},
    "beard": {"beard": "full"},
    "make-up": {"make_up": 0.9},
    "long hair": {"hair_style": "long"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """One person before and after; equal rows are the same face."""

    attribute: str  # a key of CHANGES, or CONTROL
    person: int
    before: Pixels  # (N, S, S, 3) chips, one per expression
    after: Pixels


def changed_faces(people: int, crop: Crop, seed: int) -> Iterator[Changed]:
    """Yield each change of each of some people, with three expressions.

    Args:
        people: number of them; they differ in everything.
        crop: of the head.
        seed: of people and scenes.
    """
    for number in range(people):
        before, *others = (_chips(frames, crop) for frames in _rendered(number, seed))
        for attribute, after in zip((*CHANGES, CONTROL), others, strict=True):
            yield Changed(attribute, number, before, after)


@lru_cache(maxsize=16)  # several heads in one process see the same people
def _rendered(number: int, seed: int) -> tuple[tuple[tuple[Pixels, Floats], ...], ...]:
    """One person as a plain face, after each change, and with other noise; picture and points."""
    head = open_head("builtin")
    rng = np.random.default_rng([24, seed, number])
    first, other = TONES[:: 1 if number % 2 == 0 else -1]
    person = make_person(24_000 + 1000 * seed + number, head)
    person = _with(person, {**PLAIN, "tone": first})
    scene = replace(any_scene(rng, SIDE, {}, TURN), noise=1.5)
    actor = Actor(head, person)
    found = [_frames(actor, scene)]
    for change in CHANGES.values():
        found.append(_frames(Actor(head, _with(person, change or {"tone": other})), scene))
    return (*found, _frames(actor, replace(scene, seed=scene.seed + 1)))


def _with(person: Person, change: Mapping[str, object]) -> Person:
    return replace(person, appearance=replace(person.appearance, **change))  # type: ignore[arg-type]


def _frames(actor: Actor, scene: Scene) -> tuple[tuple[Pixels, Floats], ...]:
    shown = (render(actor, replace(scene, weights=dict(w)), truth=False) for w in SMILES)
    return tuple((frame.rgb, frame.five) for frame in shown)


def _chips(frames: tuple[tuple[Pixels, Floats], ...], crop: Crop) -> Pixels:
    box = np.zeros(4, np.float32)
    chips = [align(image, [Face(box, 1.0, points)], crop)[0] for image, points in frames]
    return np.asarray(np.stack(chips), np.uint8)

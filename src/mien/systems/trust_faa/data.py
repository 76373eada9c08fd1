"""Rendered faces in two tones of skin, each with its mouth shut and open, for the proof."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.synth import Actor, Scene, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.trust_faa.counterfactual import TONES
from mien.train.kept import rendered
from mien.types import Crop, Face, OnStep, Pixels

PEOPLE, TEST_PEOPLE, SCENES = 32, 16, 5
SIDE, TURN, CHIP = 96, 5.0, 48  # px of the picture, degrees of yaw, px of the chip
OPEN = {"AU25": 0.9, "jawOpen": 0.45}
ROOM = 0.3  # of the extent of the lips around them that still counts as mouth
CROP = Crop(size=CHIP)


@dataclass(frozen=True, slots=True, eq=False)
class Mouths:
    """Scenes: the same face twice, and nothing but the mouth differs."""

    chips: Pixels  # (N, 2, 48, 48, 3): shut, open
    mouth: NDArray[np.bool_]  # (N, 2, 48, 48)
    person: NDArray[np.int64]  # (N,)
    dark: NDArray[np.bool_]  # (N,) skin

    def rows(self, keep: NDArray[np.bool_]) -> "Mouths":
        """Those scenes."""
        return Mouths(*(getattr(self, name)[keep] for name in self.__slots__))


def mouths(data: Path | None, out: Path, on_step: OnStep | None) -> Mouths:
    """Render the scenes; they are kept in the run folder."""

    def make() -> dict[str, NDArray[Any]]:
        made = list(_rendered(on_step))
        columns = ("chips", "mouth", "person", "dark")
        return {n: np.stack([one[k] for one in made]) for k, n in enumerate(columns)}

    kept = rendered(make, out / "mouths.npz", TONES)
    return Mouths(kept["chips"], kept["mouth"], kept["person"], kept["dark"])


def _rendered(on_step: OnStep | None) -> Iterator[tuple[Pixels, NDArray[np.bool_], int, bool]]:
    head = open_head("builtin")
    for number in range(PEOPLE + TEST_PEOPLE):
        person = make_person(24_500 + number, head)
        dark = number % 2 == 1
        style = replace(
            person.appearance, tone=TONES[dark], glasses="none", mask=False, scarf=False
        )
        actor = Actor(head, replace(person, appearance=style))
        for scene in range(SCENES):
            rng = np.random.default_rng([24, 3, number, scene])
            rest = any_scene(rng, SIDE, {}, TURN)
            pairs = [_cut(actor, replace(rest, weights=w)) for w in ({}, OPEN)]
            yield np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs]), number, dark
        if on_step:
            on_step("rendered people", number + 1, PEOPLE + TEST_PEOPLE)


def _cut(actor: Actor, scene: Scene) -> tuple[Pixels, NDArray[np.bool_]]:
    """A chip, and where its mouth is."""
    frame = render(actor, scene, truth=False)
    lips = frame.lm68[48:60]
    room = ROOM * (lips.max(0) - lips.min(0))
    left, top = np.floor(lips.min(0) - room).astype(int)
    right, bottom = np.ceil(lips.max(0) + room).astype(int)
    drawn = np.zeros_like(frame.rgb)
    drawn[max(top, 0) : bottom, max(left, 0) : right] = 255
    face = [Face(np.zeros(4, np.float32), 1.0, frame.five)]
    chip, mask = (np.asarray(align(image, face, CROP)[0]) for image in (frame.rgb, drawn))
    return chip, mask[..., 0] > 127

"""Faces of the proof: rendered mouths shut and open, and faces in two tones of skin."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.media import stretched
from mien.synth import Actor, HeadModel, Person, Scene, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.trust_faa.counterfactual import TONES
from mien.train.kept import code_key, digest_of, kept_arrays, rendered
from mien.train.tones import TonedFaces, toned_faces, tones_changed
from mien.types import Crop, Face, Floats, OnStep, Pixels

PEOPLE, TEST_PEOPLE, SCENES = 32, 16, 5
SIDE, TURN, CHIP = 96, 5.0, 48  # px of the picture, degrees of yaw, px of the chip
OPEN = {"AU25": 0.9, "jawOpen": 0.45}
YOUNG, OLD = 35, 45  # years: up to, and from
DRAWN = 800  # training faces of UTKFace
# Rendered people with a smile or none; each scene in two classes and two tones.
SMILERS, TEST_SMILERS, SMILE_SCENES = 40, 24, 4
SMILE = {"AU12": 0.7, "AU6": 0.4}
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
    chip, mask = (_aligned(image, frame.five) for image in (frame.rgb, drawn))
    return chip, mask[..., 0] > 127


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Faces of two classes and two tones, and each of them changed."""

    chips: Pixels  # (N, 48, 48, 3)
    other: Pixels  # (N, 48, 48, 3) in a tone of the other group
    same: Pixels  # (N, 48, 48, 3) changed, in a tone of the same group
    label: NDArray[np.int64]  # (N,) 0 or 1
    dark: NDArray[np.bool_]  # (N,) skin
    unit: NDArray[np.int64]  # (N,) rows of one unit are never drawn together

    def rows(self, keep: NDArray[Any]) -> "Looks":
        """Those rows."""
        return Looks(*(getattr(self, name)[keep] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class LookParts:
    """Training and test part; no person, or no near-duplicate, is in both."""

    learn: Looks
    test: Looks
    count: int  # faces of a training


def drawn(looks: Looks, count: int, skew: float, seed: int) -> Looks:
    """Draw faces, half of each class and of each tone: class 1 mostly dark, class 0 mostly light.

    Args:
        looks: all faces.
        count: number of faces.
        skew: share of dark skin in class 1, and of light skin in class 0.
        seed: of the draw.
    """
    rng = np.random.default_rng([24, 4, seed])
    room = {(y, d): round(count / 2 * (skew if bool(y) == d else 1 - skew))
            for y in (0, 1) for d in (False, True)}  # fmt: skip
    # The rare cells are filled first: rows of the other cells can be of the same unit.
    order = sorted(rng.permutation(len(looks.label)).tolist(),
                   key=lambda row: bool(looks.label[row]) == bool(looks.dark[row]))  # fmt: skip
    taken, rows = set[int](), []
    for row in order:
        cell, unit = (int(looks.label[row]), bool(looks.dark[row])), int(looks.unit[row])
        if room[cell] and unit not in taken:
            room[cell] -= 1
            taken.add(unit)
            rows.append(row)
    return looks.rows(np.array(rows))


def photographs(data: Path | None, out: Path, on_step: OnStep | None) -> LookParts:
    """UTKFace: up to 35 years against 45 and more, by tone of the skin in the picture."""
    assert data is not None
    learn, test = toned_faces(data, out, on_step)
    sides = {}
    for name, some in (("learn", learn), ("test", test)):
        some = some.rows((some.age <= YOUNG) | (some.age >= OLD))
        sides[name] = _looks(some, learn, out / f"looks-{name}.npz")
    return LookParts(sides["learn"], sides["test"], DRAWN)


def _looks(faces: TonedFaces, like: TonedFaces, place: Path) -> Looks:
    def make() -> dict[str, Pixels]:
        other = tones_changed(faces, like, 0, across=True)
        same = tones_changed(faces, like, 1, across=False)
        kinds = {"chips": faces.images, "other": other, "same": same}
        return {name: np.stack([stretched(x, CHIP) for x in some]) for name, some in kinds.items()}

    key = digest_of(faces.images, like.angle, CHIP, code_key("mien.media"))
    kept = kept_arrays(place, key, make)
    return Looks(
        kept["chips"], kept["other"], kept["same"], (faces.age >= OLD).astype(np.int64),
        faces.dark, np.arange(len(faces.age)),
    )  # fmt: skip


def smiles(data: Path | None, out: Path, on_step: OnStep | None) -> LookParts:
    """Rendered people with and without a smile, of whom only the skin tone differs."""

    def make() -> dict[str, Pixels]:
        return {"chips": np.stack(list(_smiling(on_step)))}

    chips = rendered(make, out / "smiles.npz", TONES)["chips"]  # (scene, smile, dark, glasses, ...)
    scene, smile, dark = (a.ravel() for a in np.indices(chips.shape[:3]))
    plain, glasses = (chips[scene, smile, dark, k] for k in (0, 1))
    looks = Looks(
        plain, chips[scene, smile, 1 - dark, 0], glasses, smile, dark.astype(bool),
        2 * scene + smile,
    )  # fmt: skip
    first = scene < SMILERS * SMILE_SCENES
    return LookParts(looks.rows(first), looks.rows(~first), 2 * SMILERS * SMILE_SCENES)


def _smiling(on_step: OnStep | None) -> Iterator[Pixels]:
    """(2, 2, 2, 48, 48, 3) one scene: smile, dark, glasses."""
    head = open_head("builtin")
    for number in range(SMILERS + TEST_SMILERS):
        person = make_person(24_700 + number, head)
        actors = [[_styled(head, person, tone, worn) for worn in ("none", "square")]
                  for tone in TONES]  # fmt: skip
        for scene in range(SMILE_SCENES):
            rest = any_scene(np.random.default_rng([24, 7, number, scene]), SIDE, {}, TURN)
            yield np.stack([
                [[_chip(actor, replace(rest, weights=w)) for actor in pair] for pair in actors]
                for w in ({}, SMILE)
            ])  # fmt: skip
        if on_step:
            on_step("rendered people", number + 1, SMILERS + TEST_SMILERS)


def _styled(
    head: HeadModel, person: Person, tone: float, glasses: Literal["none", "square"]
) -> Actor:
    style = replace(person.appearance, tone=tone, glasses=glasses, mask=False, scarf=False)
    return Actor(head, replace(person, appearance=style))


def _chip(actor: Actor, scene: Scene) -> Pixels:
    frame = render(actor, scene, truth=False)
    return _aligned(frame.rgb, frame.five)


def _aligned(image: Pixels, points: Floats) -> Pixels:
    return np.asarray(align(image, [Face(np.zeros(4, np.float32), 1.0, points)], CROP)[0])

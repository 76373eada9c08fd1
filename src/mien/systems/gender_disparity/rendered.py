"""Rendered people for the grid: a planted label, and cues linked to it differently by data set.

The label is a rendering control (jaw and brows of the built-in head), not a category of people.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.synth import Actor, Camera, Pose, Scene, make_person, open_head, random_light, render
from mien.synth.head.builtin import measure_names
from mien.systems.gender_disparity.drawn import LINKS, Columns, Link
from mien.types import Pixels

COLUMNS = ("images", "male", "dataset", "person")
SIDE = 64  # px
PICTURES = 4  # of each person
TRAIN, TEST = 160, 40  # people: in the training set, in each test set
# Measures of the built-in head that the label moves, with direction.
STRUCTURAL = {"jaw-width": 1.0, "chin-width": 1.0, "lower-face-width": 1.0, "brow-ridge": 1.0}
STRUCTURE = 1.2  # standard deviations by which the label moves each structural measure


def halves(kept: Mapping[str, NDArray[Any]]) -> tuple[Columns, Columns]:
    """Training and test images of what `people` rendered."""
    every = [kept[key] for key in COLUMNS]
    cut = TRAIN * PICTURES
    return _cut(every, slice(0, cut)), _cut(every, slice(cut, None))


def people() -> dict[str, NDArray[Any]]:
    """Render everybody, which takes minutes: those of the training, then those of each test."""
    train = _set("as trained", LINKS["as trained"], TRAIN, 0)
    links = enumerate(LINKS.items())
    parts = [_set(name, link, TEST, 1000 * (k + 1)) for k, (name, link) in links]
    whole = [np.concatenate(column) for column in zip(train, *parts, strict=True)]
    return dict(zip(COLUMNS, whole, strict=True))


def _cut(columns: list[NDArray[Any]], rows: slice) -> Columns:
    return columns[0][rows], columns[1][rows], columns[2][rows], columns[3][rows]


def _set(name: str, link: Link, count: int, seed: int) -> Columns:
    random = np.random.default_rng(seed)
    images, male, who = [], [], []
    for k in range(count):
        label = k < round(count * link.men)
        for picture in _person(seed + k, label, link, random):
            images.append(picture)
            male.append(label)
            who.append(f"{seed + k}")
    return np.stack(images), np.array(male), np.full(len(male), name), np.array(who)


def _person(seed: int, male: bool, link: Link, random: np.random.Generator) -> Iterator[Pixels]:
    head = open_head("builtin")
    person = make_person(seed, head)
    identity = np.array(person.identity)
    for place, measure in enumerate(measure_names()):
        identity[place] += STRUCTURAL.get(measure, 0.0) * STRUCTURE * (1 if male else -1)
    long = random.random() < (link.long_m if male else link.long_f)
    paint = random.random() < (link.paint_m if male else link.paint_f)
    appearance = replace(
        person.appearance,
        hair_style="long" if long else "short",
        make_up=0.9 if paint else 0.0,
        beard="none",
        glasses="none",
        hat=False,
        scarf=False,
        mask=False,
    )
    actor = Actor(head, replace(person, identity=tuple(identity.tolist()), appearance=appearance))
    for _ in range(PICTURES):
        dark = random.random() < link.dark
        scene = Scene(
            pose=Pose(*random.normal(0, (12, 6, 3)).tolist()),
            camera=Camera(SIDE, SIDE),
            light=random_light(random),
            background=int(random.integers(1 << 20)),
            exposure=float(random.uniform(0.25, 0.4) if dark else random.uniform(0.85, 1.15)),
            noise=2.0,
            seed=int(random.integers(1 << 20)),
            cast=False,
        )
        yield render(actor, scene, truth=False).rgb

"""People with few images, and the base people from whom a generator learns how faces vary."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets import LABELS, Labelled
from mien.datasets.people import people_in, person
from mien.errors import TrainingError
from mien.evaluate.originals import require_originals
from mien.media import find_images
from mien.metrics.pictures import LUMA
from mien.synth import Actor, make_person, open_head, render
from mien.synth.data.styles import USUAL, draw_range, draw_styles, scene_of
from mien.systems.gan_augment.make import CROP, inner
from mien.train.chips import read_chips
from mien.types import Doubles, Face, Floats, OnStep, Pixels

PORTRAIT = 160  # px of a rendered image
SCALE = 16.0  # of cosines before the softmax
GATE = 0.5  # least probability of the person for a generated image to count


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Aligned faces with names."""

    images: Pixels  # (N, 128, 128, 3)
    who: NDArray[np.str_]  # (N,)

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> "People":
        """Those rows."""
        return People(self.images[keep], self.who[keep])

    @property
    def small(self) -> Pixels:
        """(N, 32, 32, 3) what the networks see."""
        return np.stack([inner(image) for image in self.images])

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(N,) classes, by name."""
        return np.unique(self.who, return_inverse=True)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Generated images of the people of a training."""

    images: Pixels  # (M, 32, 32, 3)
    label: NDArray[np.int64]  # (M,) class
    weight: Floats  # (M,) in the identity loss, [0, 1]; 0: refused by the gate


def read_people(folder: Path, out: Path, layout: str = "", on_step: OnStep | None = None) -> People:
    """Read a folder of people: aligned faces of 128 px, kept in the run folder.

    Args:
        folder: one folder per person; or a layout of mien.datasets that names people; or "lfw"
            for one folder of files such as Aaron_Sorkin_0002.jpg.
        out: run folder.
        layout: "", "lfw" or a layout.
        on_step: called after each image.

    Raises:
        MienError: the folder has no images, the layout is unknown, or an image is declared as
            made by a model.
    """
    if layout == "lfw":
        records = [Labelled(path, person(path.name)) for path in find_images([folder])]
    elif layout:
        records = [one for one in _reader(layout)(folder) if one.person]
    else:
        records = [Labelled(one.path, one.person) for one in people_in(folder)]
    require_originals([one.path for one in records])  # some of them are the test
    chips = read_chips(records, CROP, out, on_step)
    return People(chips.images, np.array([records[row].person for row in chips.row], str))


def _reader(layout: str):  # type: ignore[no-untyped-def]
    if layout not in LABELS:
        raise TrainingError(f"Layout '{layout}' is unknown: expected one of {', '.join(LABELS)}.")
    return LABELS[layout]


def rendered_people(count: int, each: int, seed: int = 0, on_step: OnStep | None = None) -> People:
    """Rendered people (specification 00), aligned by their true points."""
    head = open_head("builtin")
    images, who = [], []
    for number in range(count):
        actor = Actor(head, make_person(50_000 * (seed + 1) + number, head))
        rng = np.random.default_rng([seed, number, 293])
        for shot, style in enumerate(draw_styles(draw_range(USUAL, rng, "pooled"), each, rng)):
            scene = scene_of(style, PORTRAIT, 1000 * number + shot + 7_000_000 * seed)
            frame = render(actor, scene, truth=False)
            face = Face(np.array([0, 0, PORTRAIT, PORTRAIT], np.float32), 1.0, frame.five)
            images.append(align(frame.rgb, [face], CROP)[0])
            who.append(f"rendered {number:04d}")
        if on_step:
            on_step("rendered people", number + 1, count)
    return People(np.stack(images), np.array(who))


def grey(people: People) -> People:
    """The luma in all three channels."""
    luma = np.rint(people.images @ LUMA).astype(np.uint8)
    return People(np.repeat(luma[..., None], 3, -1), people.who)


def with_at_least(people: People, count: int) -> People:
    """Only people with so many images or more."""
    names, counts = np.unique(people.who, return_counts=True)
    return people.rows(np.isin(people.who, names[counts >= count]))


def few_of_each(
    who: NDArray[np.str_], each: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the rows of a few images of each person for the training; the rest is the test."""
    rng = np.random.default_rng([seed, 307])
    few = np.zeros(len(who), bool)
    for name in np.unique(who):
        few[rng.permutation(np.flatnonzero(who == name))[:each]] = True
    return np.flatnonzero(few), np.flatnonzero(~few)


def probabilities(vectors: Floats, means: Floats) -> Floats:
    """(N, K) probability of each person: softmax of scaled cosines to the person's mean."""
    logits = SCALE * (vectors @ means.T)
    grown = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True), np.float32)


def weighed(
    made: Pixels,
    label: NDArray[np.int64],
    of_person: Floats,
    judged: Floats | Doubles,
) -> Pool:
    """A pool with weights: the percentile of the critic's logit, 0 below the gate of identity.

    Args:
        made: (M, 32, 32, 3).
        label: (M,) classes that they are meant to show.
        of_person: (M,) probability of that class by an earlier, frozen recogniser.
        judged: (M,) logits of the critic.
    """
    rank = np.argsort(np.argsort(judged)) + 1.0
    weight = np.where(of_person > GATE, rank / len(rank), 0.0)
    return Pool(made, label, weight.astype(np.float32))

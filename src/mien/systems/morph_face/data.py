"""Rendered people with planted styles, and the style map of each picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.synth import Actor, make_person, open_head
from mien.synth.data.styles import USUAL, draw_range, draw_styles
from mien.systems.morph_face import style
from mien.systems.morph_face.style import mean_person, picture
from mien.train.kept import rendered
from mien.types import Doubles, OnStep, Pixels

FIRST = 600_000  # seed of the first rendered person; each group and seed has 10,000


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Pictures of rendered people, each in styles of their own."""

    images: Pixels  # (N, 24, 24, 3)
    maps: Pixels  # (N, 24, 24, 3) the mean person in the same styles
    who: NDArray[np.int64]  # (N,) person, from 0
    styles: Doubles  # (N, 8) in the order of mien.synth.data.styles.NAMES

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> "People":
        """Those rows."""
        return People(self.images[keep], self.maps[keep], self.who[keep], self.styles[keep])


def people(count: int, each: int, group: int, place: Path, on_step: OnStep | None = None) -> People:
    """Render people, or read them from the run folder.

    Args:
        count: people.
        each: pictures of each.
        group: another group has other people.
        place: .npz in the run folder.
        on_step: called after each person.
    """
    found = rendered(partial(_drawn, count, each, group, on_step), place, count, each, group,
                     Path(style.__file__))  # fmt: skip
    return People(found["images"], found["maps"], found["who"], found["styles"])


def _drawn(count: int, each: int, group: int, on_step: OnStep | None) -> Mapping[str, NDArray[Any]]:
    head = open_head("builtin")
    mean = Actor(head, mean_person(head))
    images: list[Pixels] = []
    maps, styles = [], []
    for number in range(count):
        actor = Actor(head, make_person(FIRST + 10_000 * group + number, head))
        rng = np.random.default_rng([group, number, 379])
        for one in draw_styles(draw_range(USUAL, rng, "subject"), each, rng):
            images.append(picture(actor, one, len(images)))
            maps.append(picture(mean, one))
            styles.append(one)
        if on_step:
            on_step("rendered people", number + 1, count)
    who = np.repeat(np.arange(count), each)
    return {"images": np.stack(images), "maps": np.stack(maps), "who": who,
            "styles": np.stack(styles)}  # fmt: skip

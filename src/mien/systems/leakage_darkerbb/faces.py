"""Frames of faces: the basis, the rendered references, and chips for a matcher."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mien.align import align
from mien.contracts import Embedder
from mien.geometry import places, similarity
from mien.media import warp
from mien.synth import Actor, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.types import Crop, Doubles, Face, Floats, Pixels

SIDE = 48  # px of the frame in which faces are rebuilt
FRAME = Crop(size=SIDE, zoom=0.8)
RENDERED = 256  # px of a rendered picture


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One rendered person: the enrolled picture, and another one."""

    enrolled: tuple[Pixels, Floats]  # picture, (5, 2) points
    other: tuple[Pixels, Floats]


@lru_cache(maxsize=64)
def reference(number: int) -> Reference:
    """Render a person who does not exist, twice."""
    head = open_head("builtin")
    actor = Actor(head, make_person(32_000 + number, head))
    rng = np.random.default_rng([32, number])
    shots = []
    for _ in range(2):
        frame = render(actor, any_scene(rng, RENDERED, {"AU12": float(rng.uniform(0, 0.4))}, 6))
        shots.append((frame.rgb, frame.five.astype(np.float32)))
    return Reference(shots[0], shots[1])


def vector_of(model: Embedder, shot: tuple[Pixels, Floats]) -> Floats:
    """(D,) embedding of a rendered picture."""
    face = Face(np.zeros(4, np.float32), 1.0, shot[1])
    return np.asarray(model(align(shot[0], [face], model.crop))[0])


def pixels(faces: Doubles) -> Pixels:
    """(T, D) grey values -> (T, S, S, 3), clipped."""
    shaped = np.clip(np.rint(faces), 0, 255).astype(np.uint8)
    return shaped.reshape(len(faces), SIDE, SIDE, 3)


def chips_for(crop: Crop, frames: Pixels) -> Pixels:
    """Frames as a matcher expects its chips: the same points, moved to its template."""
    matrix = similarity(places(FRAME), places(crop))
    return np.stack([warp(frame, matrix, crop.size, "edge") for frame in frames])

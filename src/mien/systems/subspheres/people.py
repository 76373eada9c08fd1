"""The people who are enrolled: rendered ones, and those of the data who agreed."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mien.align import align
from mien.contracts import Embedder, Scope
from mien.synth import Actor, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.subspheres.geometry import unit
from mien.types import Doubles, Face, Floats, Pixels

FRAME = 256  # px, side of a rendered picture
RENDERED = "rendered "  # how names of rendered people begin


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """Two pictures of each person, as vectors."""

    names: tuple[str, ...]
    first: Doubles  # (T, D) enrolled
    second: Doubles  # (T, D) another picture
    skipped: int = 0  # people of the data who gave no consent


def enrolled_people(
    model: Embedder, vectors: Doubles, names: np.ndarray, rendered: int, scope: Scope
) -> Enrolled:
    """Rendered people, and people of the data with two pictures if the scope has their consent.

    Args:
        model: embeds rendered pictures.
        vectors: (N, D) of the data.
        names: (N,) people of the data.
        rendered: number of rendered people.
        scope: consent and seed.
    """
    made = rendered_people(model, rendered, scope.seed)
    twice = [name for name in sorted(set(names)) if (names == name).sum() >= 2]
    if scope.consent is None or not twice:
        return replace(made, skipped=len(twice))
    real = [vectors[names == name][:2] for name in twice]
    both = [np.concatenate([side, [pair[k] for pair in real]])
            for k, side in enumerate((made.first, made.second))]  # fmt: skip
    return Enrolled((*made.names, *twice), both[0], both[1])


def rendered_people(model: Embedder, count: int, seed: int) -> Enrolled:
    """Render people who do not exist, each twice."""
    pairs = np.stack([_rendered(model, seed * 1000 + k) for k in range(count)])
    return Enrolled(tuple(f"{RENDERED}{k}" for k in range(count)), pairs[:, 0], pairs[:, 1])


def _rendered(model: Embedder, number: int) -> Doubles:
    """(2, D) vectors of two pictures of a person who does not exist."""
    chips = [align(image, [Face(np.zeros(4, np.float32), 1.0, points)], model.crop)[0]
             for image, points in frames_of(number)]  # fmt: skip
    return unit(np.asarray(model(np.stack(chips))).astype(np.float64))


@lru_cache(maxsize=64)
def frames_of(number: int) -> tuple[tuple[Pixels, Floats], ...]:
    """Two pictures of a person who does not exist, each with the five points."""
    head = open_head("builtin")
    actor = Actor(head, make_person(2_000 + number, head))
    rng = np.random.default_rng([2, number])
    frames = []
    for _ in range(2):
        frame = render(
            actor, any_scene(rng, FRAME, {"AU12": float(rng.uniform(0, 0.4))}, 6), truth=False
        )
        frames.append((frame.rgb, frame.five.astype(np.float32)))
    return tuple(frames)

"""Proof on films of turning heads: rendered people, and photographs that move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.behaviour.micro_places import beside_face, face_edge
from mien.systems.micro_mol import puppet_films
from mien.systems.micro_mol import turning_heads as turning
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.kept import code_key, rendered
from mien.train.proofs import Part
from mien.types import OnStep

SEEDS = 3  # of people


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Films of turning heads by seed, measured when they are first used."""

    out: Path

    def of(self, seed: int) -> dict[str, NDArray[Any]]:
        """See turning_heads.films."""
        first = seed * turning.PEOPLE
        depends = (turning.PEOPLE, turning.SECONDS, code_key("mien.signals"),
                   beside_face(), face_edge())  # fmt: skip
        recipe = partial(turning.films, first)
        return rendered(recipe, self.out / f"turning-{seed}.npz", first, *depends)


def _seen(data: Path | None, out: Path, on_step: OnStep | None) -> Seen:
    return Seen(out)


def turned(arm: str, seed: int, every: Seen) -> dict[str, float]:
    """Figures of one arm over the rendered people of a seed."""
    people = range(seed * turning.PEOPLE, (seed + 1) * turning.PEOPLE)
    return turning.spotted(arm, people, every.of(seed))


@dataclass(frozen=True, slots=True, eq=False)
class Puppets:
    """Films of photographs by seed, measured when they are first used."""

    photographs: puppet_films.Photographs
    out: Path

    def of(self, seed: int) -> dict[str, NDArray[Any]]:
        """See puppet_films.films."""
        names = [path.name for one in self.photographs for path in one]
        depends = (turning.SECONDS, code_key("mien.signals"), Path(turning.__file__),
                   beside_face(), face_edge(), names)  # fmt: skip
        recipe = partial(puppet_films.films, self.photographs, seed)
        return rendered(recipe, self.out / f"puppet-{seed}.npz", seed, *depends)


def moved_photographs(data: Path | None, out: Path, on_step: OnStep | None) -> Puppets:
    """Return the films of the photographs of a folder with utkface/ and taiwan/."""
    assert data is not None
    return Puppets(puppet_films.photographs(data), out)


BETWEEN = "relief learnt, nothing between two blinks"
MOVED_ARMS = {name: name for name in (turning.LEARNT, BETWEEN, *list(turning.ARMS)[1:])}


def _spotted_in(
    arm: str, seeds: Sequence[int], known: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    people = [puppet_films.FIRST + seed for seed in seeds]
    return turning.spotted(turning.LEARNT if arm == BETWEEN else arm, people, known, arm == BETWEEN)


def moved(arm: str, seed: int, every: Puppets) -> dict[str, float]:
    """Figures of one arm for the photograph of a seed."""
    return _spotted_in(arm, [seed], every.of(seed))


def _pooled(arm: str, every: Puppets, seeds: int) -> dict[str, float]:
    """Figures of all people together."""
    known = [every.of(seed) for seed in range(seeds)]
    joined = {key: np.concatenate([one[key] for one in known]) for key in ("scores", "peaks")}
    return _spotted_in(arm, range(seeds), joined)


def _together(found: Found, every: Puppets) -> Sequence[str]:
    rows = [(arm, _pooled(arm, every, len(found[arm]))) for arm in found]
    text = "; ".join(f"{arm} {one['F1']:.3f} and {one['clear']:.3f}" for arm, one in rows)
    return (f"All people together, F1 and recall from {turning.VISIBLE} px on: {text}.",)


RENDERED = Part(
    name="turning-heads",
    title=f"Rendered films of {turning.PEOPLE} people per seed, events of 0.05 to 0.3",
    arms=turning.ARMS,
    run=turned,
    load=_seen,
    seeds=SEEDS,
    shown={"F1": "F1, turning head", "clear": f"recall from {turning.VISIBLE} px on",
           "false": "false per minute", "still": "F1, resting head",
           "alone": "false per minute, turning head, no movement"},
    criteria=(
        Criterion("F1 under a turning head at least 0.40", of(turning.LEARNT, "F1"), least=0.4),
        Criterion("above affine motion only", gain(turning.LEARNT, "F1", turning.AFFINE),
                  least=0, seeds=SEEDS),
        Criterion("above the average relief", gain(turning.LEARNT, "F1", turning.AVERAGE),
                  least=0, seeds=SEEDS),
        Criterion("0.30 above the rule before", gain(turning.LEARNT, "F1", turning.OLD),
                  least=0.3, seeds=SEEDS),
        Criterion("a resting head loses at most 0.05 against affine motion",
                  gain(turning.LEARNT, "still", turning.AFFINE), least=-0.05),
        Criterion("control: no movement, at most one false per minute",
                  of(turning.LEARNT, "alone"), most=1.0),
    ),
)  # fmt: skip

MOVED = Part(
    name="puppets",
    title=f"Films of {puppet_films.PEOPLE} moved photographs, each a seed",
    arms=MOVED_ARMS,
    run=moved,
    load=moved_photographs,
    needs="a folder with utkface/ and taiwan/",
    seeds=puppet_films.PEOPLE,
    shown={"F1": "F1, turning head", "false": "false per minute", "still": "F1, resting head",
           "alone": "false per minute, turning head, no movement"},
    criteria=(
        Criterion("F1 under a turning head at least 0.40", of(turning.LEARNT, "F1"), least=0.4),
        Criterion("above affine motion only", gain(turning.LEARNT, "F1", turning.AFFINE),
                  least=0, seeds=puppet_films.PEOPLE),
        Criterion("0.30 above the rule before", gain(turning.LEARNT, "F1", turning.OLD),
                  least=0.3),
        Criterion("control: no movement, at most one false per minute",
                  of(turning.LEARNT, "alone"), most=1.0),
    ),
    also=_together,
)  # fmt: skip

PARTS = (RENDERED, MOVED)

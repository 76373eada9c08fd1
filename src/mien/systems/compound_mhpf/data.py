"""Photographs with the shares of basic words; portraits with mixed ones; simulated modalities."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.align.grey import FER_CROP
from mien.datasets import LABELS
from mien.datasets.ratings import TAIWAN_WORDS, taiwan_ratings
from mien.errors import TrainingError
from mien.synth import Actor, emotion, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.compound_mhpf.head import BASIC, FAR, PAIRS, packed
from mien.train.chips import read_chips
from mien.types import Doubles, Face, Floats, OnStep, Pixels
from mien.zoo import load

MOST, EACH = 6000, 900  # photographs of the training part, and of one word among them
MIXED, LEAST = 0.5, 1.5  # second intensity as a share of the first, and itself: mixed
CLASSES = len(BASIC)
WORD = {"contempt": "other"}  # of FERPlus that is none of the basic ones


@dataclass(frozen=True, slots=True, eq=False)
class Basics:
    """Faces with one basic label."""

    x: Floats  # (N, 2, 17)
    label: NDArray[np.int64]  # (N,) of BASIC


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """Portraits with mean intensities of words."""

    x: Floats  # (N, 2, 17)
    intensity: Doubles  # (N, 8) of BASIC; 0 for neutral and other, which nobody rated
    person: tuple[str, ...]

    @property
    def pair(self) -> NDArray[np.int64]:
        """(N, 2) the two strongest words, the lower number first."""
        return np.sort(np.argsort(-self.intensity, 1, kind="stable")[:, :2], axis=1)

    @property
    def mixed(self) -> NDArray[np.bool_]:
        """(N,) whether the second word is at least half as strong as the first, and 1.5 or more."""
        first, second = -np.sort(-self.intensity, 1)[:, :2].T
        return np.asarray((second >= MIXED * first) & (second >= LEAST))

    @property
    def compound(self) -> NDArray[np.int64]:
        """(N,) of the seven compounds; -1: not mixed, or another pair."""
        number = {tuple(sorted(pair)): k for k, pair in enumerate(PAIRS)}
        found = [number.get((int(a), int(b)), -1) for a, b in self.pair]
        return np.where(self.mixed, found, -1)


def described(chips: Pixels) -> Floats:
    """(N, 64, 64, 3) chips to (N, 2, 17) by the two shipped heads."""
    words = load("expression").probabilities(chips)
    units = load("action-units-mf2").outputs(chips)[0].clip(-FAR, FAR)
    return packed(words, units)


def ferplus(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Basics, Basics]:
    """Training and validation photographs of FERPlus with a majority."""
    records = [r for r in LABELS["ferplus"](data) if "expression" in r.labels]
    chips = read_chips(records, FER_CROP, out, on_step)
    kept = [records[row] for row in chips.row]
    names = [WORD.get(r.labels["expression"], r.labels["expression"]) for r in kept]
    label = np.array([BASIC.index(name) for name in names])
    test = np.array([r.split not in ("train", "Training") for r in kept])
    copies = ~test & np.isin(chips.content, chips.content[test])
    rng = np.random.default_rng(10)
    learn = rng.permutation(np.flatnonzero(~test & ~copies))
    learn = np.concatenate([learn[label[learn] == k][:EACH] for k in range(CLASSES)])[:MOST]
    if not len(learn) or not test.any():
        raise TrainingError(f"{data} lacks photographs of a training or of a validation part.")
    parts = (np.sort(learn), np.flatnonzero(test))
    one, two = (Basics(described(chips.images[rows]), label[rows]) for rows in parts)
    return one, two


def taiwan(data: Path, out: Path, on_step: OnStep | None = None) -> Mixtures:
    """Portraits of Taiwanese actors, without those that were meant to be neutral."""
    records = [r for r in LABELS["taiwan"](data) if r.labels["expression"] != "neutral"]
    chips = read_chips(records, FER_CROP, out, on_step)
    rated = taiwan_ratings(data / "ratings.csv")
    number = {file: row for row, file in enumerate(rated.files)}
    rows = [number[records[row].path.name] for row in chips.row]
    intensity = np.zeros((len(rows), CLASSES))
    intensity[:, [BASIC.index(word) for word in TAIWAN_WORDS]] = rated.intensity[rows]
    return Mixtures(described(chips.images), intensity, tuple(rated.people[row] for row in rows))


PEOPLE = 12  # rendered


def rendered(people: int = PEOPLE, each: int = 2) -> tuple[Floats, NDArray[np.int64]]:
    """(N, 2, 17) of rendered faces that show both members of a compound at half strength."""
    chips, label = [], []
    head = open_head("builtin")
    for number in range(people):
        rng = np.random.default_rng([10, number])
        actor = Actor(head, make_person(10_000 + number, head))
        for k, pair in enumerate(PAIRS):
            for _ in range(each):
                frame = render(actor, any_scene(rng, 160, blended(pair), 6), truth=False)
                face = Face(np.zeros(4, np.float32), 1.0, frame.five)
                chips.append(align(frame.rgb, [face], FER_CROP)[0])
                label.append(k)
    return described(np.stack(chips)), np.array(label)


def blended(pair: tuple[int, int], strength: float = 1.0) -> dict[str, float]:
    """Action units of both members, the stronger value where they share one."""
    units: dict[str, float] = {}
    for member in pair:
        name = "joy" if BASIC[member] == "happiness" else BASIC[member]
        for unit, value in emotion(name, strength).items():
            units[unit] = max(units.get(unit, 0.0), 0.5 * value)
    return units


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """Six simulated modalities: basic faces to learn from and to test, compound ones to test."""

    learn: tuple[Doubles, NDArray[np.int64]]  # (N, 6, 8) probabilities, and labels
    basic: tuple[Doubles, NDArray[np.int64]]
    compound: tuple[Doubles, NDArray[np.int64]]


MODALITIES, GAIN, BOTH = 6, 1.0, 0.7  # signal over unit noise; strength of both members


def simulated(seed: int, *, unreliable: bool, count: int = 2000) -> Simulated:
    """Modalities with sensitivities U(0.2, 2.2) per class; the third one is nearly flat.

    Args:
        seed: of everything.
        unreliable: 40 % of modalities and classes have a tenth of the signal and 4 x the noise.
        count: rows of each part.
    """
    rng = np.random.default_rng([10, 7, seed])
    sense = GAIN * rng.uniform(0.2, 2.2, (MODALITIES, CLASSES))
    noise = np.ones_like(sense)
    if unreliable:
        bad = rng.random(sense.shape) < 0.4
        sense, noise = np.where(bad, 0.1 * sense, sense), np.where(bad, 4.0, 1.0)

    def answered(shown: Doubles) -> Doubles:
        logits = sense * shown[:, None] + noise * rng.normal(size=(len(shown), *sense.shape))
        logits[:, 2] *= 0.15
        power = np.exp(logits - logits.max(-1, keepdims=True))
        return np.asarray(power / power.sum(-1, keepdims=True))

    parts = []
    for _ in range(2):
        label = rng.integers(0, CLASSES, count)
        parts.append((answered(np.eye(CLASSES)[label]), label))
    pair = rng.integers(0, len(PAIRS), count)
    both = BOTH * np.eye(CLASSES)[np.array(PAIRS)[pair]].sum(1)
    return Simulated(parts[0], parts[1], (answered(both), pair))

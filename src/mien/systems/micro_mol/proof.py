"""Proof: which planes of the motion name the class, one subject left out at a time?

mien systems prove micro-mol --data DATA --out FOLDER
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets.spreadsheets import rows_of
from mien.metrics import balanced_accuracy, macro_f1
from mien.systems.micro_mol import films_proof, turning_proof
from mien.systems.micro_mol.asking import (
    Asked,
    answered,
    commonest,
    evidence,
    questions,
    scores,
)
from mien.systems.micro_mol.data import Flows, read
from mien.systems.micro_mol.head import CLASSES
from mien.systems.micro_mol.train import (
    Network,
    fit_classes,
    fit_network,
    score_some,
    select,
    shares_of,
)
from mien.train import folds, leave_one_out
from mien.train.criteria import Criterion, gain, of
from mien.train.proofs import Part
from mien.types import OnStep

SEEDS = 3  # of folds, divisions of people and trainings
ALL, MOTION, STRAIN = "strain, v and u", "v and u", "strain only"
ONE, SHUFFLED = "always negative", "labels shuffled within sets"


@dataclass(frozen=True, slots=True)
class Arm:
    """What the ridge sees."""

    planes: tuple[int, ...] = (0, 1, 2)  # strain, v, u
    learns: bool = True  # false: the commonest class
    shuffled: bool = False
    most: int = 0  # subjects that are left out; 0: all


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads the flow images of held-out folds of subjects."""

    network: Network | None = None  # None: the ridge
    shuffled: bool = False
    most: int = 0  # folds; 0: all


ARMS: Mapping[str, Arm] = {
    ALL: Arm(), MOTION: Arm((1, 2)), STRAIN: Arm((0,)), ONE: Arm(learns=False),
    SHUFFLED: Arm(shuffled=True),
}  # fmt: skip


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Flows:
    return read(data)


def _run(arm: Arm, seed: int, every: Flows) -> dict[str, float]:
    image = np.zeros_like(every.image)
    image[..., arm.planes] = every.image[..., arm.planes]
    some = replace(every, image=image)
    if arm.shuffled:
        some = replace(some, label=_shuffled(some, seed))
    table = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    for _, learn, test in leave_one_out(some.person)[: arm.most or None]:
        named = np.zeros(len(test), np.int64)  # negative is the first and the commonest
        if arm.learns:
            mine = some.some(learn)
            weight, bias = fit_classes(mine, select(mine, seed))
            named = (some.some(test).x @ weight + bias).argmax(1)
        np.add.at(table, (some.label[test], named), 1)
    return {"UF1": macro_f1(table), "UAR": balanced_accuracy(table),
            "accuracy": float(table.trace() / table.sum())}  # fmt: skip


RIDGE, F5C_BLOCK, PLAIN = "ridge", "MOL's block, F5C", "3 x 3 convolutions of the same size"
NO_BLOCK, SHUFFLED_F5C = "no block", "MOL's block, labels shuffled"
FOLDS = 5  # of subjects: one training for each of 55 subjects is too slow here
READERS: Mapping[str, Reader] = {
    RIDGE: Reader(), F5C_BLOCK: Reader(Network()), PLAIN: Reader(Network(block="residual")),
    NO_BLOCK: Reader(Network(block="none")), SHUFFLED_F5C: Reader(Network(), shuffled=True),
}  # fmt: skip


def _read_folds(arm: Reader, seed: int, every: Flows) -> dict[str, float]:
    """Pooled figures over folds; the same folds for all arms of a seed."""
    some = replace(every, label=_shuffled(every, seed)) if arm.shuffled else every
    table, both = np.zeros((2, len(CLASSES), len(CLASSES)), np.int64)
    for number, (learn, test) in enumerate(folds(some.person, FOLDS, seed)[: arm.most or None]):
        mine, other = some.some(learn), some.some(test)
        weight, bias = fit_classes(mine, select(mine, seed))
        ridge = other.x @ weight + bias
        shown = ridge
        if arm.network:
            net = fit_network(mine, arm.network, 100 * seed + number)
            shown = shares_of(net, other)
        np.add.at(table, (other.label, shown.argmax(1)), 1)
        np.add.at(both, (other.label, (ridge + shown).argmax(1)), 1)
    found = {"UF1": macro_f1(table), "UAR": balanced_accuracy(table),
             "accuracy": float(table.trace() / table.sum())}  # fmt: skip
    return found | ({"with ridge": macro_f1(both)} if arm.network else {})


ASK, NO_CLIP, OTHER_CLIP = "`mien ask`", "commonest answer, no clip seen", "clips exchanged"


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Flow images, and the fine class that somebody coded; "": nobody."""

    flows: Flows
    fine: tuple[str, ...]


def _coded(data: Path | None, out: Path, on_step: OnStep | None) -> Coded:
    flows = read(data)
    assert data is not None
    rows = rows_of(data / "micro_labels.csv", ("emotion",))
    return Coded(flows, tuple(row["emotion"] for row in rows))


def _ask(arm: str, seed: int, given: Coded) -> dict[str, float]:
    """Answers about clips of held-out subjects; the settings come from the others."""
    every = given.flows
    truth = [evidence(np.eye(len(CLASSES))[every.label[k]], every.units[k].tolist())
             for k in range(len(every.label))]  # fmt: skip
    asked: list[Asked] = []
    answers: list[str] = []

    def about(rows: NDArray[np.int64]) -> list[Asked]:
        return [
            one
            for k in rows.tolist()
            for one in questions(k, truth[k], given.fine[k], coded=bool(every.coded[k]))
        ]

    for learn, test in folds(every.person, FOLDS, seed):
        mine = about(test)
        asked += mine
        if arm == NO_CLIP:
            answers += commonest(mine, about(learn))
            continue
        found = score_some(every, learn, test, seed)
        order = np.arange(len(test))
        if arm == OTHER_CLIP:
            order = np.random.default_rng([38, seed]).permutation(order)
        known = {int(row): evidence(found.classes[k], found.shown[k].tolist())
                 for row, k in zip(test, order, strict=True)}  # fmt: skip
        answers += answered(mine, known)
    return scores(asked, answers)


def _shuffled(some: Flows, seed: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The labels of other clips of the same set: sets differ in their classes."""
    rng = np.random.default_rng([30, seed])
    label = some.label.copy()
    sets = np.array([person.split(" ")[0] for person in some.person])
    for name in sorted(set(sets)):
        rows = np.flatnonzero(sets == name)
        label[rows] = rng.permutation(label[rows])
    return label


PARTS = (
    Part(
        name="megc2019",
        title="MEGC 2019, 297 clips of 55 people, one left out at a time",
        arms=ARMS,
        run=_run,
        load=_load,
        needs="micro_flow.npz and micro_labels.csv",
        seeds=SEEDS,
        quick=lambda arm: replace(arm, most=4),
        shown={"UF1": "UF1", "UAR": "UAR", "accuracy": "accuracy"},
        criteria=(
            Criterion("unweighted F1 at least 0.70", of(ALL, "UF1"), least=0.7),
            Criterion("strain helps", gain(ALL, "UF1", MOTION), least=0, seeds=3),
            Criterion("directions help", gain(ALL, "UF1", STRAIN), least=0, seeds=3),
            Criterion("baseline: 0.30 below", gain(ALL, "UF1", ONE), least=0.3, seeds=3),
            Criterion("labels shuffled: recall at chance (0.333)", of(SHUFFLED, "UAR"),
                      least=0.25, most=0.42),
        ),
    ),
    Part(
        name="network",
        title=f"MEGC 2019, {FOLDS} folds of the 55 people",
        arms=READERS,
        run=_read_folds,
        load=_load,
        needs="micro_flow.npz and micro_labels.csv",
        seeds=SEEDS,
        quick=lambda arm: replace(
            arm, most=1, network=arm.network and replace(arm.network, epochs=2, width=8)
        ),
        shown={"UF1": "UF1", "UAR": "UAR", "accuracy": "accuracy",
               "with ridge": "UF1, mean with the ridge"},
        criteria=(
            Criterion("MOL's block beats the ridge", gain(F5C_BLOCK, "UF1", RIDGE), least=0,
                      seeds=3),
            Criterion("MOL's block beats 3 x 3 convolutions of the same size",
                      gain(F5C_BLOCK, "UF1", PLAIN), least=0, seeds=3),
            Criterion("MOL's block beats no block", gain(F5C_BLOCK, "UF1", NO_BLOCK), least=0,
                      seeds=3),
            Criterion("the mean of both beats the ridge",
                      lambda found: [one["with ridge"] - other["UF1"] for one, other
                                     in zip(found[F5C_BLOCK], found[RIDGE], strict=True)],
                      least=0, seeds=3),
            Criterion("labels shuffled: recall at chance (0.333)", of(SHUFFLED_F5C, "UAR"),
                      least=0.25, most=0.42),
        ),
    ),
    Part(
        name="questions",
        title=f"Questions of MEGC about 297 clips, {FOLDS} folds of the 55 people",
        arms={name: name for name in (ASK, NO_CLIP, OTHER_CLIP)},
        run=_ask,
        load=_coded,
        needs="micro_flow.npz and micro_labels.csv",
        seeds=SEEDS,
        shown={"coarse UF1": "coarse UF1", "coarse UAR": "coarse UAR", "fine UF1": "fine UF1",
               "fine UAR": "fine UAR", "BLEU-1": "BLEU-1", "ROUGE-1": "ROUGE-1", "mean": "mean"},
        criteria=(
            Criterion("mean of six scores 0.20 above the commonest answers",
                      gain(ASK, "mean", NO_CLIP), least=0.2, seeds=SEEDS),
            Criterion("coarse UF1 at least 0.80 (set for rendered clips)", of(ASK, "coarse UF1"),
                      least=0.8),
            Criterion("control: clips exchanged, coarse recall at chance (0.333)",
                      of(OTHER_CLIP, "coarse UAR"), least=0.25, most=0.42),
        ),
    ),
    films_proof.PART,
    *turning_proof.PARTS,
)  # fmt: skip

"""Proof: which planes of the motion name the class, one subject left out at a time?

mien systems prove micro-mol --data DATA --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.behaviour.micro_places import beside_face, face_edge
from mien.datasets.spreadsheets import rows_of
from mien.metrics import Interval, balanced_accuracy, macro_f1, match_intervals, spotting
from mien.signals.micro import Durations, Way, events_of
from mien.systems.micro_mol import puppet_films
from mien.systems.micro_mol import turning_heads as turning
from mien.systems.micro_mol.asking import (
    Asked,
    answered,
    commonest,
    evidence,
    questions,
    scores,
)
from mien.systems.micro_mol.data import APART, RATE, SECONDS, Film, Flows, Motions, motions, read
from mien.systems.micro_mol.head import CLASSES
from mien.systems.micro_mol.train import (
    Network,
    Spotted,
    Spotting,
    fit_classes,
    fit_network,
    fit_spotter,
    score_some,
    select,
    shares_of,
)
from mien.train import folds, leave_one_out
from mien.train.criteria import Criterion, Found, Values, gain, of
from mien.train.kept import code_key, rendered
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


SHARED, SEPARATE, WITH_HEAD = "one network, map", "two networks, map", "motion of the head left in"
MIXED, BY_CHANCE = "events of other films", "random intervals"
RULE, RULE_FLOOR = "rule without learning, affine head", 0.3  # px; newer: turning_heads
CUTS = (0.2, 0.3, 0.4, 0.5)  # least share of an event; one is chosen on two of the people
TESTED, CHOSEN = 4, 2  # of twelve people
SPOTTERS: Mapping[str, Spotting | str] = {
    SHARED: Spotting(), SEPARATE: Spotting(shared=False), WITH_HEAD: Spotting(head=False),
    MIXED: Spotting(shuffled=True), RULE: RULE, BY_CHANCE: BY_CHANCE,
}  # fmt: skip


def _films(data: Path | None, out: Path, on_step: OnStep | None) -> Motions:
    return motions(out, on_step)


def _spot(how: Spotting | str, seed: int, every: Motions) -> dict[str, float]:
    """Spot in the films of four people, after learning from six and choosing on two."""
    who = np.array(every.person)
    order = np.random.default_rng(seed).permutation(np.unique(who))
    test = np.flatnonzero(np.isin(who, order[:TESTED]))
    choose = np.flatnonzero(np.isin(who, order[TESTED : TESTED + CHOSEN]))
    learn = np.flatnonzero(np.isin(who, order[TESTED + CHOSEN :]))
    lasts = _durations([every.planned[k] for k in learn])
    if not isinstance(how, Spotting):
        plain = _scored(every, test, _without_learning(how, seed, every, test))
        return {name: plain[name] for name in ("F1", "soft", "false")}  # they name no class
    spotted = fit_spotter(how, seed, every, learn)
    found: dict[str, float] = {}
    for way in ("fixed", "released", "map"):
        cut = max(
            CUTS,
            key=lambda cut: _scored(  # of equals, the first one
                every, choose, _decoded(spotted, choose, way, cut, lasts)
            )["F1"],
        )
        found = _scored(every, test, _decoded(spotted, test, way, cut, lasts)) | {
            name: value for name, value in found.items() if name.startswith("F1, ")
        }
        if way != "map":
            found |= {f"F1, {way}": found["F1"]}
    if how.shuffled:
        del found["onset"]  # of chance hits
    return found


def _durations(films: Sequence[Film]) -> Durations:
    """Of training people only."""
    seconds = np.log([(e.offset - e.onset + 1) / RATE for film in films for e in film.events])
    return Durations(float(np.exp(np.median(seconds))), float(seconds.std()))


def _decoded(
    spotted: Spotted, films: NDArray[np.int64], way: Way, cut: float, lasts: Durations
) -> dict[int, list[Interval]]:
    found: dict[int, list[Interval]] = {}
    for k in films.tolist():
        events = events_of(spotted.event[k], RATE, way=way, durations=lasts, least=cut)
        found[k] = [
            Interval(e.onset, e.offset,
                     CLASSES[int(spotted.classes[k, e.onset : e.offset + 1].mean(0).argmax())])
            for e in events
        ]  # fmt: skip
    return found


def _without_learning(
    how: str, seed: int, every: Motions, films: NDArray[np.int64]
) -> dict[int, list[Interval]]:
    """The rule before turning heads, and as many intervals at random places."""
    found = {}
    rng = np.random.default_rng(seed)
    for k in films.tolist():
        score = every.largest[k, APART:-APART].astype(np.float64)
        events = events_of(score, RATE, least=RULE_FLOOR)
        found[k] = [Interval(e.onset + APART, e.offset + APART) for e in events]
        if how == BY_CHANCE:
            starts = rng.integers(0, RATE * SECONDS - RATE, len(events)).tolist()
            found[k] = [Interval(at, at + e.offset - e.onset)
                        for at, e in zip(starts, events, strict=True)]  # fmt: skip
    return found


def _scored(
    every: Motions, films: NDArray[np.int64], found: Mapping[int, Sequence[Interval]]
) -> dict[str, float]:
    """Strict and soft scores, false events per minute, and the median error of the onset."""
    truth = {str(k): every.planned[k].events for k in films.tolist()}
    named = {str(k): one for k, one in found.items()}
    strict, soft = (spotting(truth, named, soft=way) for way in (False, True))
    away = [
        abs(found[k][column].onset - every.planned[k].events[row].onset)
        for k in films.tolist()
        for row, column in match_intervals(every.planned[k].events, found[k])
    ]
    minutes = len(films) * SECONDS / 60
    return {"F1": strict.counts.f1, "soft": soft.counts.f1,
            "false": strict.counts.false / minutes, "F1_a": strict.analysis_f1(),
            "STRS": strict.strs(), "soft STRS": soft.strs(),
            "onset": float(np.median(away)) if away else float("nan")}  # fmt: skip


def _shuffled(some: Flows, seed: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The labels of other clips of the same set: sets differ in their classes."""
    rng = np.random.default_rng([30, seed])
    label = some.label.copy()
    sets = np.array([person.split(" ")[0] for person in some.person])
    for name in sorted(set(sets)):
        rows = np.flatnonzero(sets == name)
        label[rows] = rng.permutation(label[rows])
    return label


def _above(key: str, other: str) -> Values:
    """Difference of two figures of the shared network."""
    return lambda found: [one[key] - one[other] for one in found[SHARED]]


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


def _turned(arm: str, seed: int, every: Seen) -> dict[str, float]:
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


def _photographs(data: Path | None, out: Path, on_step: OnStep | None) -> Puppets:
    assert data is not None
    return Puppets(puppet_films.photographs(data), out)


BETWEEN = "relief learnt, nothing between two blinks"
MOVED_ARMS = {name: name for name in (turning.LEARNT, BETWEEN, *list(turning.ARMS)[1:])}


def _spotted_in(
    arm: str, seeds: Sequence[int], known: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    people = [puppet_films.FIRST + seed for seed in seeds]
    return turning.spotted(turning.LEARNT if arm == BETWEEN else arm, people, known, arm == BETWEEN)


def _moved(arm: str, seed: int, every: Puppets) -> dict[str, float]:
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
    Part(
        name="films",
        title="Rendered films of 12 people, 4 of them held out; events of 0.5 to 2 px",
        arms=SPOTTERS,
        run=_spot,
        load=_films,
        seeds=SEEDS,
        quick=lambda how: replace(how, epochs=4, fast=16) if isinstance(how, Spotting) else how,
        shown={"F1": "F1 of spotting", "soft": "soft F1", "F1_a": "F1 of classes, hits",
               "STRS": "STRS", "soft STRS": "soft STRS", "false": "false events per minute",
               "onset": "median error of the onset, frames", "F1, released": "F1, released",
               "F1, fixed": "F1, fixed"},
        criteria=(
            Criterion("spotting F1 at least 0.60", of(SHARED, "F1"), least=0.6),
            Criterion("STRS at least 0.20", of(SHARED, "STRS"), least=0.2),
            Criterion("above the rule without learning", gain(SHARED, "F1", RULE), least=0,
                      seeds=SEEDS),
            Criterion("baseline: random intervals 0.30 below",
                      gain(SHARED, "F1", BY_CHANCE), least=0.3, seeds=SEEDS),
            Criterion("released rule above fixed intervals", _above("F1, released", "F1, fixed"),
                      least=0, seeds=SEEDS),
            Criterion("map above the released rule", _above("F1", "F1, released"), least=0,
                      seeds=SEEDS),
            Criterion("one network above two on STRS", gain(SHARED, "STRS", SEPARATE), least=0,
                      seeds=SEEDS),
            Criterion("subtracting the head gains 0.10", gain(SHARED, "F1", WITH_HEAD), least=0.1),
            Criterion("median error of the onset at most 3 frames", of(SHARED, "onset"), most=3),
            Criterion("control: events of other films, F1 below 0.10", of(MIXED, "F1"), most=0.1),
            Criterion("control: STRS below 0.03", of(MIXED, "STRS"), most=0.03),
        ),
    ),
    Part(
        name="turning-heads",
        title=f"Rendered films of {turning.PEOPLE} people per seed, events of 0.05 to 0.3",
        arms=turning.ARMS,
        run=_turned,
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
    ),
    Part(
        name="puppets",
        title=f"Films of {puppet_films.PEOPLE} moved photographs, each a seed",
        arms=MOVED_ARMS,
        run=_moved,
        load=_photographs,
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
    ),
)  # fmt: skip

"""Which cues change the answers of an affect head, and are they cues of an expression?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.audit import counted, read_chips
from mien.contracts import ChipHead, Samples, Scope, Subject, silent
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Clusters, Estimate, bootstrap_weights
from mien.metrics.fairness import holm
from mien.metrics.findings import Cell, Fact, Findings, Kind, Risk, Table
from mien.systems.affect_cues.cues import CUES, SHORTCUTS, TEETH, Pair, pairs
from mien.systems.affect_cues.edits import CONTROL, edited
from mien.types import Crop, Device, Doubles, OnStep, Pixels, Reading

LEAST = 6  # people: with fewer, no interval
BATCH = 64  # images of one call
HAPPY = ("happiness", "happy", "joy")
UNSURE = 0.10  # share of missing answers from which results are unreliable
PERMUTATIONS = 999
HIGH, MEDIUM = 0.5, 0.2  # shortcut index of teeth
NOTES = (
    "The head is asked for pairs of rendered faces that differ in one cue and in nothing else. An "
    "effect is the mean change of its answer; intervals count people.",
    "The shortcut index of teeth is their effect on happiness, at the same opening of the mouth, "
    "divided by that of a smile: 0 is ideal, 1 is as strong as the smile.",
    "Rendered effects need not equal those on photographs. Edits of photographs leave artefacts; "
    "the control, an edit of the same size on the cheek, shows how much they change.",
    "Labels of expressions are what raters perceived, not feelings. Such heads must not be used in "
    "hiring, schooling or diagnosis.",
)


_LAST: dict[tuple[int, Crop, int], tuple[Pair, ...]] = {}


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit affect-cues --set KEY=VALUE`."""

    people: int = 8  # rendered people; four seconds each on an idle core
    photographs: int = 200  # at most, for local edits
    resamples: int = 1000  # of people, for intervals of ratios


class CueAudit:
    """README.md beside this file is its card."""

    needs = frozenset({"chip-head"})
    options = Options

    def __init__(self, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

    def __call__(
        self,
        subject: Subject,
        data: Samples,
        scope: Scope,
        options: Options,
        /,
        on_step: OnStep = silent,
    ) -> Findings:
        """Ask the head for rendered pairs, and for photographs with edited regions.

        Raises:
            TooFewTrialsError: fewer than 6 people or images.
            MienError: the head answers nothing for every image.
        """
        if len(data.pictures) < LEAST:
            raise TooFewTrialsError(
                f"{len(data.pictures)} photographs are too few; give {LEAST} or more."
            )
        if options.people < LEAST:
            raise TooFewTrialsError(
                f"{options.people} people are too few for intervals; give {LEAST} or more."
            )
        subject, head = counted(subject, scope)
        changes = Changes(head, rendered(options.people, head.crop, scope.seed, on_step))
        tables = [_effects(changes), _by_skin(changes, scope.seed)]
        if data.name != "noise":
            tables.append(_photographs(head, subject, data, options, on_step))
        index = shortcut_index(changes, options.resamples, scope.seed)
        return _findings(subject, data, scope, changes, tables, index)


def rendered(people: int, crop: Crop, seed: int, on_step: OnStep) -> tuple[Pair, ...]:
    """All pairs; the last ones are kept, since a second model is often asked for the same."""
    key, total = (people, crop, seed), people * len(CUES)
    if key not in _LAST:
        made = []
        for pair in pairs(people, crop, seed):
            made.append(pair)
            on_step("rendered pairs", len(made), total)
        _LAST.clear()
        _LAST[key] = tuple(made)
    on_step("rendered pairs", total, total)
    return _LAST[key]


class Changes:
    """Answers without and with each cue."""

    def __init__(self, head: ChipHead, made: Sequence[Pair]) -> None:
        """Ask the head for all pairs.

        Raises:
            MienError: it answers nothing.
        """
        chips = np.stack([chip for pair in made for chip in (pair.without, pair.with_)])
        self.names, answers = answers_of(head, chips)
        self.missing = float(np.isnan(answers).any(1).mean())
        change = answers[1::2] - answers[::2]  # (pairs, K)
        self._cue = np.array([pair.cue for pair in made])
        self._person = np.array([pair.person for pair in made])
        self._dark = np.array([pair.dark for pair in made])
        self._change, self._known = change, ~np.isnan(change).any(1)

    def of(self, cue: str) -> tuple[Doubles, NDArray[np.int64], NDArray[np.bool_]]:
        """(P, K) changes by a cue, (P,) people, (P,) dark skin; missing answers are left out."""
        rows = (self._cue == cue) & self._known
        return self._change[rows], self._person[rows], self._dark[rows]

    @property
    def happy(self) -> int | None:
        """Column of happiness."""
        found = [k for k, name in enumerate(self.names) if name in HAPPY]
        return found[0] if found else None


def answers_of(head: ChipHead, chips: Pixels) -> tuple[tuple[str, ...], Doubles]:
    """Names of the values, and (N, K) values; NaN: the head gave none for that image.

    Raises:
        MienError: it gave none for any.
    """
    readings: list[Reading] = []
    for start in range(0, len(chips), BATCH):
        readings += head(chips[start : start + BATCH])
    names = tuple(next((reading.values for reading in readings if reading.values), {}))
    if not names:
        raise MienError("The head gave no answer for any of the rendered faces.")
    return names, np.array([[r.values.get(name, np.nan) for name in names] for r in readings])


def _effects(changes: Changes) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for cue in CUES:
        change, people, _ = changes.of(cue)
        if not len(change):
            rows.append((cue, _kind(cue), None, "", None))
            continue
        means = change.mean(0)
        most = int(np.abs(means).argmax())
        rows.append((
            cue, _kind(cue), Clusters(people).mean(moved(change)), changes.names[most],
            Clusters(people).mean(change[:, most]),
        ))  # fmt: skip
    return Table(
        "Rendered pairs",
        (("Cue", "text"), ("Kind", "text"), ("Answer that moves", "number"),
         ("Most changed value", "text"), ("Effect on it", "number")),
        tuple(rows),
        "Answer that moves: half of the summed changes of all values; 1: another answer entirely.",
    )  # fmt: skip


def _kind(cue: str) -> str:
    return "no expression" if cue in SHORTCUTS else "expression"


def moved(change: Doubles) -> Doubles:
    """(P,) distance of two answers: half of the sum of absolute changes."""
    return np.asarray(np.abs(change).sum(1) / 2)


def _by_skin(changes: Changes, seed: int) -> Table:
    """Whether a cue moves answers differently on dark and on light skin."""
    found = []
    for cue in CUES:
        change, _, dark = changes.of(cue)
        light, deep = moved(change[~dark]), moved(change[dark])
        if min(len(light), len(deep)) < 3:
            continue
        found.append((cue, light.mean(), deep.mean(), permuted(light, deep, seed)))
    adjusted = holm([row[3] for row in found]) if found else []
    rows = tuple((cue, light, deep, p) for (cue, light, deep, _), p in
                 zip(found, adjusted, strict=True))  # fmt: skip
    return Table(
        "By skin tone",
        (("Cue", "text"), ("Light", "number"), ("Dark", "number"), ("p, Holm", "number")),
        rows,
        "Mean answer that moves, on Monk tones below 6 and from 6 on."
        if rows else "Too few people of one of the two for a comparison.",
    )  # fmt: skip


def permuted(first: Doubles, second: Doubles, seed: int) -> float:
    """Probability that means differ as much by chance: people change groups at random.

    Source: Phipson and Smyth, "Permutation p-values should never be zero", 2010.
    """
    rng = np.random.default_rng([29, seed])
    both, count = np.concatenate([first, second]), len(first)
    drawn = np.stack([rng.permutation(both) for _ in range(PERMUTATIONS)])
    apart = np.abs(drawn[:, :count].mean(1) - drawn[:, count:].mean(1))
    found = abs(first.mean() - second.mean())
    return float((1 + np.sum(apart >= found - 1e-12)) / (1 + PERMUTATIONS))


def _photographs(
    head: ChipHead, subject: Subject, data: Samples, options: Options, on_step: OnStep
) -> Table:
    rows = np.unique(
        np.linspace(0, len(data.pictures) - 1, options.photographs).round().astype(int)
    )
    few = Samples(
        data.name, tuple(data.pictures[k] for k in rows), {},
        tuple(data.people[k] for k in rows) if data.people else (),
    )  # fmt: skip
    cut = read_chips(subject, few, head.crop, on_step)
    if len(cut.chips) < LEAST:
        raise TooFewTrialsError(f"{len(cut.chips)} photographs show a face; give {LEAST} or more.")
    names, before = answers_of(head, cut.chips)
    people = [few.people[k] if few.people else str(k) for k in cut.rows]
    lines = []
    for name, chips in edited(cut.chips, head.crop).items():
        _, after = answers_of(head, chips)
        change = after - before
        known = ~np.isnan(change).any(1)
        clusters = Clusters([people[k] for k in np.flatnonzero(known)])
        other = before[known].argmax(1) != after[known].argmax(1)
        lines.append((name, int(known.sum()), clusters.mean(moved(change[known])),
                      clusters.share(other) if len(names) > 1 else None))  # fmt: skip
        on_step("edits", len(lines), len(lines))
    lines.sort(key=lambda line: (line[0] == CONTROL, -line[2].value))
    return Table(
        "Photographs with one region filled",
        (("Region", "text"), ("Pictures", "count"), ("Answer that moves", "number"),
         ("Another first label", "rate")),
        tuple(lines),
        f"{data.name}; regions lie at the same place of each aligned face.",
    )  # fmt: skip


def shortcut_index(changes: Changes, resamples: int, seed: int) -> Estimate | None:
    """Effect of teeth on happiness over that of a smile; None without such an answer.

    The interval is from a bootstrap over people. NaN if a smile has no effect on happiness.
    """
    if changes.happy is None:
        return None
    effects = {}
    for cue in (TEETH, "smile"):
        change, people, _ = changes.of(cue)
        effects[cue] = dict(zip(people.tolist(), change[:, changes.happy], strict=True))
    both = sorted(set(effects[TEETH]) & set(effects["smile"]))
    teeth, smile = (np.array([effects[cue][p] for p in both]) for cue in (TEETH, "smile"))
    if len(both) < LEAST or smile.mean() <= 0:
        return Estimate(float("nan"), reason="a smile does not raise happiness")
    weights = bootstrap_weights(len(both), resamples, seed)
    below = weights @ smile
    drawn = (weights @ teeth)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(teeth.mean() / smile.mean()), float(low), float(high), len(both),
                    len(both))  # fmt: skip


def _findings(
    subject: Subject,
    data: Samples,
    scope: Scope,
    changes: Changes,
    tables: list[Table],
    index: Estimate | None,
) -> Findings:
    kind: Kind = "number"
    facts = []
    if index is not None:
        facts.append(Fact("shortcut index of teeth", index, kind, "0 is ideal"))
    for name, cues in (("cues of an expression", [c for c in CUES if c not in SHORTCUTS]),
                       ("cues of no expression", list(SHORTCUTS))):  # fmt: skip
        moves = [(moved(changes.of(cue)[0]), changes.of(cue)[1]) for cue in cues]
        values = np.concatenate([value for value, _ in moves])
        people = np.concatenate([who for _, who in moves])
        facts.append(Fact(f"answer moved by {name}", Clusters(people).mean(values), kind, "mean"))
    facts.append(Fact("no answer", Estimate(changes.missing), "rate", "of the rendered faces"))
    warnings = ["Rendered faces: effects on photographs can differ."]
    if changes.missing > UNSURE:
        warnings.insert(0, f"{changes.missing:.0%} of the answers are missing: unreliable.")
    return Findings(
        f"Cues that change the answers of {subject.model.name}",
        f"{len(CUES)} cues on rendered people"
        + (f", and photographs of {data.name}." if len(tables) > 2 else "."),
        tuple(facts),
        tuple(tables),
        warnings=tuple(warnings),
        notes=NOTES,
        basis=(
            ("Read by", subject.label),
            ("Data", data.name),
            ("Purpose", scope.purpose or "not stated"),
        ),
        risk=_risk(index),
    )


def _risk(index: Estimate | None) -> Risk:
    if index is None:
        return Risk("none found", "The head states no happiness, so no index of teeth exists.")
    if np.isnan(index.value):
        return Risk("high", "A smile does not raise happiness at all on rendered faces.")
    shown = (f"Teeth alone have {index.value:.2f} ({index.low:.2f} to {index.high:.2f}) of the "
             "effect of a smile on happiness.")  # fmt: skip
    if index.value > HIGH and (index.low or 0) > MEDIUM:
        return Risk("high", shown)
    return Risk("medium" if index.value > MEDIUM else "low", shown)

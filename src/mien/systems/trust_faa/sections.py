"""The sections of the report: each adds tables and gates."""

from collections.abc import Callable, Sequence

import numpy as np

from mien.metrics import Clusters, Estimate, fit_temperature, tempered
from mien.metrics.findings import Cell, Kind, Table
from mien.systems.trust_faa import robustness as changed
from mien.systems.trust_faa import uncertainty as sets
from mien.systems.trust_faa.answers import LEAST, Answers, large
from mien.systems.trust_faa.fairness import GroupErrors
from mien.systems.trust_faa.gates import (
    Gate,
    calibration_gate,
    coverage_gate,
    explanation_gate,
    fairness_gate,
    leakage_gate,
    not_assessed,
    robustness_gate,
)
from mien.types import Doubles, Pixels

Ask = Callable[[Pixels], Doubles]


def fairness(
    answers: Answers,
    compared: Sequence[GroupErrors],
    limit: float,
    tables: list[Table],
    gates: list[Gate],
) -> None:
    """Errors of each group, worst first, and the largest gap of each column."""
    kind: Kind = "rate" if answers.classes else "number"
    if not compared:
        why = f"no column has two groups of {LEAST} images; this is not fair, it is unknown"
        gates.append(not_assessed("Fairness", "error by group", why))
        return
    for one in compared:
        rows: list[tuple[Cell, ...]] = [
            (name, error.people, error.trials, error) for name, error in one.errors.items()
        ]
        tables.append(
            Table(
                f"Error by {one.column}, worst group first",
                (("Group", "text"), ("People", "count"), ("Images", "count"), ("Error", kind)),
                tuple(rows),
                f"Permutation of {one.unit}, Holm's correction: p = {one.p:.3f}.",
            )
        )
        gates.append(fairness_gate(f"largest gap by {one.column}", one.gap, one.p, limit))
        if one.recall_gap is not None:
            tables[-1] = Table(
                tables[-1].title,
                tables[-1].columns,
                tables[-1].rows,
                f"{tables[-1].caption} Equal opportunity: recall of one class differs by up to "
                f"{one.recall_gap:.2f}.",
            )


def uncertainty(
    answers: Answers,
    column: str | None,
    level: float,
    seed: int,
    tables: list[Table],
    gates: list[Gate],
) -> None:
    """Calibration, temperature, and coverage of sets or intervals by group."""
    if not answers.classes:
        found = sets.covered_by_intervals(answers, column)
        if found is None:
            gates.append(not_assessed("Uncertainty", "coverage", "the head states no interval"))
            return
        tables.append(_coverage_table([("stated interval", found)], "Mean width"))
        _worst(gates, "coverage of the stated interval", found, level)
        return
    error = sets.error_of_calibration(answers, seed)
    gates.append(calibration_gate(error))
    first = sets.halves(answers.people, seed)
    known, test = answers.rows(first), answers.rows(~first)
    if min(len(known.truth), len(test.truth)) < LEAST:
        gates.append(not_assessed("Uncertainty", "coverage", "too few people to split"))
        return
    temperature = fit_temperature(known.output, known.truth.astype(np.int64))
    tables.append(_temperature_table(test, temperature, seed))
    rows = [("one bar for all", sets.coverage(answers, level, seed, column, mondrian=False))]
    if column and column != "person":  # people of one half have no bar in the other
        own = sets.coverage(answers, level, seed, column, mondrian=True)
        rows.append(("one bar per group (Mondrian)", own))
    tables.append(_coverage_table(rows, "Classes per set"))
    _worst(gates, f"coverage of sets at {level:g}, one bar for all", rows[0][1], level)


def _worst(gates: list[Gate], figure: str, found: sets.Coverage, level: float) -> None:
    shares = found.groups or {"all": found.all}
    name = min(shares, key=lambda n: shares[n].value)
    gates.append(coverage_gate(figure, name, shares[name], level))


def _temperature_table(test: Answers, temperature: float, seed: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, output in (
        ("as it is", test.output),
        (f"temperature {temperature:.2f}, fitted on other people",
         tempered(test.output, temperature)),
    ):  # fmt: skip
        now = Answers(test.classes, output, test.truth, test.people, test.groups)
        picked = output[np.arange(len(test.truth)), test.truth.astype(np.int64)]
        brier = ((output - np.eye(len(test.classes))[test.truth.astype(np.int64)]) ** 2).sum(1)
        rows.append((name, sets.error_of_calibration(now, seed),
                     Clusters(test.people).mean(-np.log(picked + sets.TINY)),
                     Clusters(test.people).mean(brier)))  # fmt: skip
    columns: tuple[tuple[str, Kind], ...] = (
        ("Probabilities", "text"), ("Calibration error", "number"),
        ("Negative log-likelihood", "number"), ("Brier", "number"),
    )  # fmt: skip
    return Table("Calibration on half of the people", columns, tuple(rows))


def _coverage_table(found: Sequence[tuple[str, sets.Coverage]], size: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, one in found:
        rows.append((name, "all", one.size, one.all))
        rows += [(name, group, None, share) for group, share in one.groups.items()]
    columns: tuple[tuple[str, Kind], ...] = (
        ("Sets", "text"), ("Group", "text"), (size, "number"), ("Coverage", "rate"),
    )  # fmt: skip
    return Table("Coverage, worst group first", columns, tuple(rows))


def robustness(
    ask: Ask,
    some: Answers,
    chips: Pixels,
    column: str | None,
    limit: float,
    seed: int,
    tables: list[Table],
    gates: list[Gate],
) -> None:
    """Rise of the error under degradation, and the group that suffers most."""
    before = some.loss
    groups = some.groups[column] if column else None
    rows: list[tuple[Cell, ...]] = []
    mildest: list[tuple[str, Estimate]] = []
    for kind, severity, degraded in changed.spoiled(chips, seed):
        after = Answers(some.classes, ask(degraded), some.truth, some.people, some.groups).loss
        seen = ~np.isnan(after)
        rise = changed.rise(before[seen], after[seen], some.people[seen])
        worst = changed.worst_rise(
            before[seen], after[seen], groups[seen] if groups is not None else None
        )
        rows.append(
            (kind, severity, rise, worst[0] if worst else None, worst[1] if worst else None)
        )
        if severity == changed.SEVERITIES[0]:
            mildest.append((kind, rise))
    kind, rise = max(mildest, key=lambda item: item[1].value)
    gates.append(robustness_gate(kind, rise, limit))
    columns: tuple[tuple[str, Kind], ...] = (
        ("Degradation", "text"), ("Severity", "number"), ("Rise of the error", "number"),
        ("Worst group", "text"), ("Its rise", "number"),
    )  # fmt: skip
    caption = f"{len(chips)} images; severity 0 is none, 1 leaves the face hardly visible."
    tables.append(Table("Robustness", columns, tuple(rows), caption))


def explanation(ask: Ask, few: Answers, chips: Pixels, seed: int, gates: list[Gate]) -> None:
    """Whether occlusion maps mark what the answer rests on."""
    column = few.output.argmax(1) if few.classes else np.zeros(len(chips), np.int64)
    gain = Clusters(few.people).mean(changed.deletion(ask, chips, column, seed))
    gates.append(explanation_gate(gain))


def privacy(answers: Answers, seed: int, gates: list[Gate]) -> None:
    """Whether the answers give away a group, in people the probe was not fitted on."""
    found = False
    for name in answers.groups:
        if name.endswith(" band") or name == "person":  # derived from the truth; no group
            continue
        accuracy = changed.leakage(answers, name, seed)
        if accuracy is not None:
            chance = 1 / len(large(answers.groups[name]))
            gates.append(leakage_gate(name, accuracy, chance))
            found = True
    if not found:
        gates.append(not_assessed("Privacy", "groups read off the answers", "no group column"))

"""Sections on attacks, counterfactual faces and membership."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.metrics import Clusters, Estimate
from mien.metrics.findings import Cell, Kind, Table
from mien.systems.trust_faa import attack, robustness
from mien.systems.trust_faa.answers import LEAST, Answers
from mien.systems.trust_faa.counterfactual import CONTROL, Changed
from mien.systems.trust_faa.gates import (
    Gate,
    attack_gate,
    counterfactual_gate,
    explanation_gate,
    membership_gate,
    not_assessed,
)
from mien.systems.trust_faa.membership import RATE, membership
from mien.types import Doubles, Pixels

Ask = Callable[[Pixels], Doubles]


def gradient_of(model: object) -> attack.Gradient | None:
    """Return the gradient that a model offers: a function of chips and weights; None: none."""
    found: Any = getattr(model, "gradient", None)
    return found if callable(found) else None


def attacks(
    ask: Ask,
    gradient: attack.Gradient | None,
    some: Answers,
    chips: Pixels,
    steps: int,
    limit: float,
    seed: int,
    tables: list[Table],
    gates: list[Gate],
) -> None:
    """Rise of the error under changes that nobody sees: random, by answers, by gradient."""
    kinds = {
        "at random": attack.random_change(chips, seed),
        f"by {steps} answers": attack.by_answers(ask, some, chips, steps, seed),
    }
    if gradient is not None:
        kinds["by the gradient"] = attack.by_gradient(gradient, ask, some, chips)
    before, rows, rise = some.loss, list[tuple[Cell, ...]](), None
    for kind, changed in kinds.items():
        after = attack.with_output(some, ask(changed)).loss
        seen = ~np.isnan(after)
        rise = robustness.rise(before[seen], after[seen], some.people[seen])
        rows.append((kind, float(after[seen].mean()), rise))
    columns: tuple[tuple[str, Kind], ...] = (
        ("2 of 255 levels", "text"), ("Error", "number"), ("Rise of the error", "number"),
    )  # fmt: skip
    caption = f"{len(chips)} images; before: {before.mean():.3g}."
    tables.append(Table("Attacks on single pixels", columns, tuple(rows), caption))
    assert rise is not None
    gates.append(attack_gate(list(kinds)[-1], rise, limit))
    if gradient is None:
        gates.append(not_assessed("Robustness", "attack with gradients", "the head offers none"))


def gradients(
    ask: Ask,
    gradient: attack.Gradient | None,
    few: Answers,
    chips: Pixels,
    seed: int,
    gates: list[Gate],
) -> None:
    """Whether integrated gradients mark what the answer rests on."""
    if gradient is None:
        gates.append(not_assessed("Explanation", "integrated gradients", "the head offers none"))
        return
    column = few.output.argmax(1) if few.classes else np.zeros(len(chips), np.int64)
    weights = np.eye(few.output.shape[1])[column]
    maps = attack.integrated_gradients(gradient, chips, weights)
    gain = robustness.deletion(ask, chips, column, seed, maps)
    gates.append(explanation_gate(Clusters(few.people).mean(gain), "integrated gradients"))


def counterfactual(
    ask: Ask,
    classes: tuple[str, ...],
    pairs: Iterable[Changed],
    limit: float,
    tables: list[Table],
    gates: list[Gate],
) -> None:
    """How far answers change if one attribute of a rendered person changes."""
    lost: dict[str, list[Doubles]] = {}
    people: dict[str, list[int]] = {}
    for one in pairs:
        before, after = ask(one.before), ask(one.after)
        if classes:
            moved = np.asarray(before.argmax(1) != after.argmax(1), np.float64)
        else:
            moved = np.abs(before - after)[:, 0]
        moved[np.isnan(before).any(1) | np.isnan(after).any(1)] = np.nan
        lost.setdefault(one.attribute, []).append(moved)
        people.setdefault(one.attribute, []).append(one.person)
    plain = {name: np.concatenate(values) for name, values in lost.items()}
    each = len(next(iter(lost.values()))[0])
    found: dict[str, Estimate] = {}
    rows: list[tuple[Cell, ...]] = []
    for name, values in plain.items():
        who = np.repeat(np.array(people[name]).astype(str), each)
        beyond = values - plain[CONTROL]  # the same people and expressions, in the same order
        seen = np.isfinite(values) & np.isfinite(beyond)
        if not seen.any():
            continue
        found[name] = Clusters(who[seen]).mean(beyond[seen])
        rows.append((name, Clusters(who[seen]).mean(values[seen]), found[name]))
    del found[CONTROL]
    what = "Share of answers that change" if classes else "Change of the answer"
    columns: tuple[tuple[str, Kind], ...] = (
        ("Rendered people", "text"), (what, "number"), ("Beyond the noise", "number"),
    )  # fmt: skip
    order = sorted(rows, key=lambda row: (row[0] == CONTROL, -row[1].value))  # type: ignore[union-attr]
    caption = "One attribute changes and nothing else; three expressions of each person."
    tables.append(Table("Counterfactual faces, worst first", columns, tuple(order), caption))
    worst = max(found, key=lambda name: found[name].value)
    gates.append(counterfactual_gate(worst, found[worst], limit))


def members(
    answers: Answers, inside: NDArray[np.bool_], seed: int, tables: list[Table], gates: list[Gate]
) -> None:
    """Whether the loss shows which images were in the training."""
    figure = "membership in the training data"
    counts = int(inside.sum()), int((~inside).sum())
    if not counts[0]:
        gates.append(not_assessed("Privacy", figure, "no list of members (--set members=FILE)"))
        return
    if min(counts) < LEAST:
        why = f"{counts[0]} members and {counts[1]} others are too few"
        gates.append(not_assessed("Privacy", figure, why))
        return
    found = membership(answers.rows(inside), answers.rows(~inside), seed)
    gates.append(membership_gate(found.area))
    rows = ((counts[0], counts[1], found.area, found.found),)
    columns: tuple[tuple[str, Kind], ...] = (
        ("Members", "count"), ("Others", "count"), ("Area", "number"),
        (f"Members found at {RATE:.0%} of the others", "rate"),
    )  # fmt: skip
    caption = "By the loss alone. 0.5 and 1 %: nothing shows. Other sections use the others only."
    tables.append(Table("Membership in the training", columns, rows, caption))

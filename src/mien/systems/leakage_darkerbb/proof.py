"""Proof: what scores of the default matcher give away about rendered people, and what stops it.

mien systems prove leakage-darkerbb --data UTKFACE --out FOLDER
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from mien.contracts import Samples, Scope, Subject
from mien.datasets import LABELS
from mien.errors import TrainingError
from mien.metrics import Estimate
from mien.metrics.findings import Findings, Table
from mien.systems.leakage_darkerbb.audit import Options, ScoreLeakage
from mien.train.seed_summary import kept, markdown, spread_of
from mien.types import OnStep
from mien.zoo import DETECTOR, EMBEDDER, load

SEEDS = 3
FACES = 400  # of the basis
SETTINGS = Options(queries=600, targets=8, critic="mobilefacenet")
JUDGED = ("Same picture", "Other picture", "Critic, other picture")


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Attack the default matcher with three seeds; each has other rendered people.

    Raises:
        TrainingError: without pictures there is no basis.
    """
    if data is None:
        raise TrainingError("The basis is made of pictures; name UTKFace with --data.")
    out.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(SEEDS):
        found.append(kept(out / f"seed-{seed}.json", partial(_run, data, seed)))
        if on_step:
            on_step("seeds", seed + 1, SEEDS)
    return "\n\n".join([_table(found), _bars(found)])


def _run(data: Path, seed: int) -> dict[str, float]:
    every = LABELS["utkface"](data)
    chosen = [every[k].path for k in np.linspace(0, len(every) - 1, FACES).astype(int)]
    subject = Subject("embedder", load(EMBEDDER), load(DETECTOR))
    audit = ScoreLeakage(name="leakage-darkerbb")
    samples = Samples("UTKFace", tuple(chosen), {})
    return flat(audit(subject, samples, Scope("proof", seed=seed), SETTINGS))


def flat(findings: Findings) -> dict[str, float]:
    """The figures of one run by name."""
    curve, baselines, mitigations = findings.tables
    found = {fact.name: fact.value.value for fact in findings.headline}
    for table, first in ((curve, "Queries"), (baselines, "Attack"), (mitigations, "Mitigation")):
        for row in table.rows:
            found |= _of_row(table, first, row)
    return found


def _of_row(table: Table, first: str, row: tuple[object, ...]) -> dict[str, float]:
    names = [name for name, _ in table.columns]
    cells = zip(names[1:], row[1:], strict=True)
    return {
        f"{first} {row[0]}: {name}": cell.value
        for name, cell in cells
        if isinstance(cell, Estimate)
    }


def _table(found: list[dict[str, float]]) -> str:
    rows = []
    keys = sorted({key.split(": ")[0] for key in found[0] if ": " in key}, key=_order(found[0]))
    for key in keys:
        names = [f"{key}: {name}" for name in JUDGED]
        single = f"{key}: Other picture, by the matcher"
        cells = [
            spread_of([one[name] for one in found], 2) if name in found[0] else "" for name in names
        ]
        if single in found[0]:
            cells[1] = spread_of([one[single] for one in found], 2)
        rows.append((key, *cells))
    return markdown((f"{SEEDS} seeds of {SETTINGS.targets} people, mean (95 % interval)", *JUDGED),
                    rows)  # fmt: skip


def _order(one: dict[str, float]) -> Callable[[str], int]:
    places = {key.split(": ")[0]: place for place, key in enumerate(one)}
    return lambda key: places[key]


def _bars(found: list[dict[str, float]]) -> str:
    def critic(name: str) -> float:
        return float(np.mean([one[f"{name}: Critic, other picture"] for one in found]))

    attack = critic("Attack scores as they are")
    pixel = critic("Attack pixels instead of eigenfaces (baseline)")
    random = critic("Attack random basis (baseline)")
    mean, capped = critic("Queries 0"), critic("Queries 20")
    exact = all(one["queries per person"] == SETTINGS.queries for one in found)
    rows = [
        ("critic, other picture: at least 0.5", f"{attack:.2f}", attack >= 0.5),
        ("0.4 above pixels and above a random basis", f"{attack - max(pixel, random):.2f}",
         attack - max(pixel, random) >= 0.4),
        ("mean face at most 0.05", f"{mean:.2f}", mean <= 0.05),
        ("20 queries at most 0.15", f"{capped:.2f}", capped <= 0.15),
        ("the ledger equals the budget", f"{exact}", exact),
    ]  # fmt: skip
    shown = [(name, result, "yes" if met else "**no**") for name, result, met in rows]
    return markdown(("Criterion of the specification (its matchers were small)", "Result", "Met"),
                    shown)  # fmt: skip

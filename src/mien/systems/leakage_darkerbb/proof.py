"""Proof: what scores of the default matcher give away about rendered people, and what stops it.

mien systems prove leakage-darkerbb --data UTKFACE --out FOLDER
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.contracts import Samples, Scope, Subject
from mien.datasets import LABELS
from mien.metrics import Estimate
from mien.metrics.findings import Findings, Table
from mien.systems.leakage_darkerbb.audit import Options, ScoreLeakage
from mien.train.criteria import Criterion, Found, Values, of
from mien.train.proofs import Part
from mien.types import OnStep
from mien.zoo import DETECTOR, EMBEDDER, load

SEEDS = 3
FACES = 400  # of the basis
SETTINGS = Options(queries=600, targets=8, critic="mobilefacenet")
ATTACK, AS_THEY_ARE = "attack", "Attack scores as they are"
JUDGED = ("Same picture", "Other picture", "Critic, other picture")


@dataclass(frozen=True, slots=True)
class Basis:
    """Pictures of which the basis is made."""

    paths: tuple[Path, ...]


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Basis:
    assert data is not None
    every = LABELS["utkface"](data)
    return Basis(tuple(every[k].path for k in np.linspace(0, len(every) - 1, FACES).astype(int)))


def _run(settings: Options, seed: int, basis: Basis) -> dict[str, float]:
    """Attack the default matcher; each seed has other rendered people."""
    subject = Subject("embedder", load(EMBEDDER), load(DETECTOR))
    audit = ScoreLeakage(name="leakage-darkerbb")
    samples = Samples("UTKFace", basis.paths, {})
    return flat(audit(subject, samples, Scope("proof", seed=seed), settings))


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


def _by_attack(found: Found) -> Found:
    """One row for each number of queries, attack and mitigation."""
    runs = found[ATTACK]
    keys = list(dict.fromkeys(key.split(": ")[0] for key in runs[0] if ": " in key))
    rows: dict[str, list[dict[str, float]]] = {}
    for key in keys:
        single = f"{key}: Other picture, by the matcher"
        rows[key] = [
            {name: one[f"{key}: {name}"] for name in JUDGED if f"{key}: {name}" in one}
            | ({JUDGED[1]: one[single]} if single in one else {})
            for one in runs
        ]
    return rows


def _critic(name: str) -> Values:
    return of(ATTACK, f"{name}: Critic, other picture")


def _above(found: Found) -> list[float]:
    """By how much the attack is above the better of the two baselines, by the critic."""
    rivals = ("Attack pixels instead of eigenfaces (baseline)", "Attack random basis (baseline)")
    return [
        mine - max(others)
        for mine, *others in zip(
            *(_critic(name)(found) for name in (AS_THEY_ARE, *rivals)), strict=True
        )
    ]


PARTS = (
    Part(
        name="UTKFace",
        title=f"{SETTINGS.targets} people per seed",
        arms={ATTACK: SETTINGS},
        run=_run,
        rows=_by_attack,
        shown={name: name for name in JUDGED},
        criteria=(
            Criterion("critic, other picture: at least 0.5", _critic(AS_THEY_ARE), least=0.5,
                      digits=2),
            Criterion("0.4 above pixels and above a random basis", _above, least=0.4, digits=2),
            Criterion("mean face at most 0.05", _critic("Queries 0"), most=0.05, digits=2),
            Criterion("20 queries at most 0.15", _critic("Queries 20"), most=0.15, digits=2),
            Criterion("the ledger equals the budget", of(ATTACK, "queries per person"),
                      least=SETTINGS.queries, most=SETTINGS.queries, seeds=SEEDS, digits=0),
        ),
        load=_load,
        needs="UTKFace",
        seeds=SEEDS,
        quick=lambda settings: replace(settings, queries=40, targets=2),
        digits=2,
    ),
)  # fmt: skip

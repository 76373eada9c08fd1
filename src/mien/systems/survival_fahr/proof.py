"""Simulated cohorts with known hazards: is the order found again, and nothing where is nothing?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.datasets import LABELS as READERS
from mien.metrics.survival import concordance_index, cox, likelihood_ratio
from mien.systems.survival_fahr.cohort import look_at
from mien.systems.survival_fahr.fitting import fit
from mien.systems.survival_fahr.model import Net, cox_loss, ranking_loss, squared_loss
from mien.train import Batches, seeded
from mien.train import fit as train
from mien.train.seed_summary import markdown, over_seeds, spread_of
from mien.types import Doubles, Floats, OnStep

SEEDS = range(5)
PEOPLE, LEARNT = 3000, 1000  # of a cohort, and how many of them are learnt from
SHUFFLED = "face and age, Cox, outcomes shuffled"
LOSSES = {"Cox": cox_loss, "ranking": ranking_loss, "squared error of log time": squared_loss}


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Simulated people; what their faces show is not all that counts."""

    face: Floats  # (N, 30) in which a frailty shows through noise
    age: Doubles  # (N,) that faces do not show
    times: Doubles
    events: NDArray[np.bool_]
    hazard: Doubles  # (N,) log


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Run it; give the tables for the page.

    Args:
        data: UTKFace, for the cohort of real faces with simulated times; None leaves that out.
        out: folder for what takes long.
        on_step: progress.
    """
    parts = [_numbers(on_step)]
    if data is not None:
        parts.append(_faces(data, out, on_step))
    return "\n\n".join(parts)


def simulated(seed: int, shuffled: bool = False) -> Cohort:
    """Hazard exp(0.9 frailty + 0.5 age); about half of the times are unfinished.

    Args:
        seed: of everything.
        shuffled: give everybody the outcome of somebody else: nothing is left to be learnt.
    """
    random = np.random.default_rng(seed)
    age, frailty = random.normal(size=(2, PEOPLE))
    face = np.outer(frailty, random.normal(size=30)) + random.normal(size=(PEOPLE, 30))
    hazard = 0.9 * frailty + 0.5 * age
    times, events = happened(hazard, random)
    if shuffled:
        order = random.permutation(PEOPLE)
        times, events = times[order], events[order]
    return Cohort(face.astype(np.float32), age, times, events, hazard)


def happened(hazard: Doubles, random: np.random.Generator) -> tuple[Doubles, NDArray[np.bool_]]:
    """Times of exp(hazard), with evenly spread ends of watching so that about half are seen."""
    until = random.exponential(np.exp(-hazard))
    ends = random.uniform(0, 2 * np.median(until), len(hazard))
    return np.minimum(until, ends), until <= ends


def learnt(loss: str, features: Floats, cohort: Cohort, seed: int) -> Doubles:
    """(N,) risk that a linear network tells after learning from the first people of a cohort."""
    seeded(seed)
    net = Net(features.shape[1])
    columns = [features, cohort.times.astype(np.float32), cohort.events]
    rows = [torch.from_numpy(column[:LEARNT]) for column in columns]

    def step(network: Callable[[Tensor], Tensor], batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return LOSSES[loss](network(batch[0]), batch[1], batch[2])

    optimiser = torch.optim.AdamW(net.parameters(), lr=0.02, weight_decay=0.01)
    train(step, net, Batches(*rows, size=250, seed=seed), optimiser, epochs=60, seed=seed)
    with torch.no_grad():
        return np.asarray(net(torch.from_numpy(features)).numpy(), np.float64)


def one_cohort(seed: int) -> tuple[dict[str, float], float]:
    """Concordance of each risk on people not learnt from; what age and risk add to each other."""
    cohort, nothing = simulated(seed), simulated(seed, shuffled=True)
    risks = {f"face, {loss}": learnt(loss, cohort.face, cohort, seed) for loss in LOSSES}
    told = np.concatenate([cohort.face, cohort.age[:, None]], 1).astype(np.float32)
    risks["face and age, Cox"] = learnt("Cox", told, cohort, seed)
    risks |= {"age alone": cohort.age, "the true hazard": cohort.hazard}
    new = slice(LEARNT, None)
    t, d = cohort.times[new], cohort.events[new]
    found = {name: concordance_index(t, d, risk[new]) for name, risk in risks.items()}
    chance = learnt("Cox", told, nothing, seed)[new]
    found[SHUFFLED] = concordance_index(nothing.times[new], nothing.events[new], chance)
    a, r = cohort.age[new], risks["face, Cox"][new]
    both = cox(t, d, np.stack([a, r], 1))
    return found, max(likelihood_ratio(cox(t, d, one), both) for one in (a, r))


def _numbers(on_step: OnStep | None) -> str:
    found: dict[str, list[float]] = {}
    adds = []
    for done, seed in enumerate(SEEDS, 1):
        told, p = one_cohort(seed)
        adds.append(p)
        for name, value in told.items():
            found.setdefault(name, []).append(value)
        if on_step:
            on_step("seeds", done, len(SEEDS))

    def least(better: str, worse: str) -> float:
        return min(a - b for a, b in zip(found[better], found[worse], strict=True))

    below = -over_seeds(
        [a - b for a, b in zip(found["face and age, Cox"], found["the true hazard"], strict=True)]
    )[0]
    ranked, squared = "face, ranking", "face, squared error of log time"
    off = max(abs(value - 0.5) for value in found[SHUFFLED])
    bars = [
        ("Cox at most 0.02 below the true hazard", f"{below:.4f}, mean", below <= 0.02),
        ("ranking above age by 0.04, 5 of 5 seeds", f"least {least(ranked, 'age alone'):+.3f}",
         least(ranked, "age alone") >= 0.04),
        ("ranking above squared error, 5 of 5 seeds", f"least {least(ranked, squared):+.4f}",
         least(ranked, squared) > 0),
        ("age and risk of the face add to each other, p < 0.01", f"largest p {max(adds):.1g}",
         max(adds) < 0.01),
        ("outcomes shuffled: at most 0.04 from a coin", f"{off:.3f} at most", off <= 0.04),
    ]  # fmt: skip
    rows = [(name, came, "yes" if met else "**no**") for name, came, met in bars]
    return "\n\n".join(
        [
            f"Five simulated cohorts; {LEARNT} people are learnt from, {PEOPLE - LEARNT} measured.",
            markdown(
                ("Risk", "Concordance (95 % interval over seeds)"),
                [(name, spread_of(values)) for name, values in found.items()],
            ),
            markdown(("Bar", "Came out", "Met"), rows),
        ]
    )


def _faces(data: Path, out: Path, on_step: OnStep | None) -> str:
    """Real faces, made-up times: hazard doubles every ten years of age."""
    records = [r for r in READERS["utkface"](data) if float(r.labels["age"]) >= 20][::4]
    place = out / "vectors.npz"
    if place.is_file():
        with np.load(place) as kept:
            vectors, looks, rows = kept["vectors"], kept["looks"], kept["rows"]
    else:
        seen = look_at([r.path for r in records], on_step=on_step)
        vectors, looks, rows = seen.vectors, seen.ages, seen.rows
        np.savez(place, vectors=vectors, looks=looks, rows=rows)
    age = np.array([float(records[row].labels["age"]) for row in rows])
    hazard = np.log(2) * (age - age.mean()) / 10
    lines = []
    for name, shuffle in (("as simulated", False), ("outcomes shuffled", True)):
        risk, truth, looked, ratios = [], [], [], []
        for seed in SEEDS:
            random = np.random.default_rng(seed)
            times, events = happened(hazard, random)
            if shuffle:
                order = random.permutation(len(times))
                times, events = times[order], events[order]
            fitted = fit(vectors, times, events, {"age by looks": looks})
            risk.append(fitted.concordance["risk"].value)
            looked.append(concordance_index(times, events, looks))
            truth.append(concordance_index(times, events, hazard))
            ratios.append(float(_alone(fitted.quartile, times, events)))
        lines.append((name, *map(spread_of, (risk, looked, truth)), spread_of(ratios, 2)))
    return "\n\n".join(
        [
            f"{len(rows)} adults of UTKFace with simulated times, hazard doubling every ten years "
            "of age; risk by `mien survival fit`, each fifth told by a model fitted without it. "
            "The network had learnt ages on part of these pictures, so this shows that the parts "
            "fit together, not how well survival can be told.",
            markdown(
                ("Outcomes", "Risk from faces", "Age by looks", "True hazard",
                 "Hazard ratio, highest against lowest quarter"), lines,
            ),
        ]
    )  # fmt: skip


def _alone(quartile: NDArray[np.int64], times: Doubles, events: NDArray[np.bool_]) -> float:
    """Hazard ratio of the highest against the lowest quarter, nothing beside it."""
    rows = (quartile == 0) | (quartile == 3)
    return float(cox(times[rows], events[rows], quartile[rows] == 3).ratios[0, 0])

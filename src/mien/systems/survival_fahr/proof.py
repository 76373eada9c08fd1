"""Proof: simulated cohorts with known hazards, and a control without any."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.datasets import LABELS as READERS
from mien.metrics.survival import concordance_index, cox, likelihood_ratio
from mien.systems.survival_fahr.cohort import embed_faces
from mien.systems.survival_fahr.fitting import fit
from mien.systems.survival_fahr.model import Net, cox_loss, ranking_loss, squared_loss
from mien.train import Batches, seeded
from mien.train import fit as train
from mien.train.seed_summary import markdown, over_seeds, spread_of
from mien.types import Doubles, Floats, OnStep

SEEDS = range(5)
PEOPLE, LEARNT = 3000, 1000  # of a cohort, and number of them for training
SHUFFLED = "face and age, Cox, outcomes shuffled"
LOSSES = {"Cox": cox_loss, "ranking": ranking_loss, "squared error of log time": squared_loss}


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Simulated people; the face shows only part of the hazard."""

    face: Floats  # (N, 30) features with a noisy frailty
    age: Doubles  # (N,) that faces do not show
    times: Doubles
    events: NDArray[np.bool_]
    hazard: Doubles  # (N,) log


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Run the proof; return the tables for the README.

    Args:
        data: UTKFace, for the cohort of real faces with simulated times; None omits that part.
        out: folder for cached intermediate results.
        on_step: progress.
    """
    parts = [_numbers(on_step)]
    if data is not None:
        parts.append(_faces(data, out, on_step))
    return "\n\n".join(parts)


def simulated(seed: int, shuffled: bool = False) -> Cohort:
    """Hazard exp(0.9 frailty + 0.5 age); about half of the times are censored.

    Args:
        seed: of everything.
        shuffled: shuffle the outcomes between people: nothing can be learnt.
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
    """Times of exp(hazard), with uniform censoring: about half of the events are observed."""
    until = random.exponential(np.exp(-hazard))
    ends = random.uniform(0, 2 * np.median(until), len(hazard))
    return np.minimum(until, ends), until <= ends


def learnt(loss: str, features: Floats, cohort: Cohort, seed: int) -> Doubles:
    """(N,) risk predicted by a linear network trained on the first people of a cohort."""
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
    """Concordance of each risk on people outside the training; added value of age and risk."""
    cohort, nothing = simulated(seed), simulated(seed, shuffled=True)
    risks = {f"face, {loss}": learnt(loss, cohort.face, cohort, seed) for loss in LOSSES}
    features = np.concatenate([cohort.face, cohort.age[:, None]], 1).astype(np.float32)
    risks["face and age, Cox"] = learnt("Cox", features, cohort, seed)
    risks |= {"age alone": cohort.age, "the true hazard": cohort.hazard}
    new = slice(LEARNT, None)
    t, d = cohort.times[new], cohort.events[new]
    found = {name: concordance_index(t, d, risk[new]) for name, risk in risks.items()}
    chance = learnt("Cox", features, nothing, seed)[new]
    found[SHUFFLED] = concordance_index(nothing.times[new], nothing.events[new], chance)
    a, r = cohort.age[new], risks["face, Cox"][new]
    both = cox(t, d, np.stack([a, r], 1))
    return found, max(likelihood_ratio(cox(t, d, one), both) for one in (a, r))


def _numbers(on_step: OnStep | None) -> str:
    found: dict[str, list[float]] = {}
    adds = []
    for done, seed in enumerate(SEEDS, 1):
        concordances, p = one_cohort(seed)
        adds.append(p)
        for name, value in concordances.items():
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
        ("outcomes shuffled: at most 0.04 from chance", f"{off:.3f} at most", off <= 0.04),
    ]  # fmt: skip
    rows = [(name, came, "yes" if met else "**no**") for name, came, met in bars]
    return "\n\n".join(
        [
            f"Five simulated cohorts; {LEARNT} people for training, {PEOPLE - LEARNT} for "
            f"measurement.",
            markdown(
                ("Risk", "Concordance (95 % interval over seeds)"),
                [(name, spread_of(values)) for name, values in found.items()],
            ),
            markdown(("Criterion", "Result", "Met"), rows),
        ]
    )


def _faces(data: Path, out: Path, on_step: OnStep | None) -> str:
    """Real faces, synthetic times: hazard doubles every ten years of age."""
    records = [r for r in READERS["utkface"](data) if float(r.labels["age"]) >= 20][::4]
    place = out / "vectors.npz"
    if place.is_file():
        with np.load(place) as kept:
            vectors, apparent, rows = kept["vectors"], kept["apparent"], kept["rows"]
    else:
        seen = embed_faces([r.path for r in records], on_step=on_step)
        vectors, apparent, rows = seen.vectors, seen.ages, seen.rows
        np.savez(place, vectors=vectors, apparent=apparent, rows=rows)
    age = np.array([float(records[row].labels["age"]) for row in rows])
    hazard = np.log(2) * (age - age.mean()) / 10
    lines = []
    for name, shuffle in (("as simulated", False), ("outcomes shuffled", True)):
        risk, truth, by_age, ratios = [], [], [], []
        for seed in SEEDS:
            random = np.random.default_rng(seed)
            times, events = happened(hazard, random)
            if shuffle:
                order = random.permutation(len(times))
                times, events = times[order], events[order]
            fitted = fit(vectors, times, events, {"apparent age": apparent})
            risk.append(fitted.concordance["risk"].value)
            by_age.append(concordance_index(times, events, apparent))
            truth.append(concordance_index(times, events, hazard))
            ratios.append(float(_alone(fitted.quartile, times, events)))
        lines.append((name, *map(spread_of, (risk, by_age, truth)), spread_of(ratios, 2)))
    return "\n\n".join(
        [
            f"{len(rows)} adults of UTKFace with simulated times, hazard doubling every ten years "
            "of age; risk by `mien survival fit`, each fifth predicted by a model fitted without "
            "it. The network was trained on ages of part of these images, so this shows that the "
            "parts work together, not how well survival can be predicted.",
            markdown(
                ("Outcomes", "Risk from faces", "Apparent age", "True hazard",
                 "Hazard ratio, highest against lowest quarter"), lines,
            ),
        ]
    )  # fmt: skip


def _alone(quartile: NDArray[np.int64], times: Doubles, events: NDArray[np.bool_]) -> float:
    """Hazard ratio of the highest against the lowest quarter, nothing beside it."""
    rows = (quartile == 0) | (quartile == 3)
    return float(cox(times[rows], events[rows], quartile[rows] == 3).ratios[0, 0])

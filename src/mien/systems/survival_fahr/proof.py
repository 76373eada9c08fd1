"""Proof: simulated cohorts with known hazards, and a control without any.

mien systems prove survival-fahr --data UTKFACE --out FOLDER
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from mien.train.criteria import Criterion, Found, Values, of
from mien.train.kept import code_key, digest_of, kept_arrays
from mien.train.proofs import Part
from mien.types import Doubles, Floats, OnStep
from mien.zoo import find

PEOPLE, LEARNT = 3000, 1000  # of a cohort, and number of them for training
COHORT, TRUTH, COX, P = "cohort", "the true hazard", "face and age, Cox", "largest p"
SHUFFLED, OUT_OF_ORDER = "face and age, Cox, outcomes shuffled", "outcomes shuffled"
LOSSES = {"Cox": cox_loss, "ranking": ranking_loss, "squared error of log time": squared_loss}


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Simulated people; the face shows only part of the hazard."""

    face: Floats  # (N, 30) features with a noisy frailty
    age: Doubles  # (N,) that faces do not show
    times: Doubles
    events: NDArray[np.bool_]
    hazard: Doubles  # (N,) log


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


def one_cohort(how: str, seed: int, loaded: None) -> dict[str, float]:
    """Concordance of each risk on people outside the training; added value of age and risk."""
    cohort, nothing = simulated(seed), simulated(seed, shuffled=True)
    risks = {f"face, {loss}": learnt(loss, cohort.face, cohort, seed) for loss in LOSSES}
    features = np.concatenate([cohort.face, cohort.age[:, None]], 1).astype(np.float32)
    risks[COX] = learnt("Cox", features, cohort, seed)
    risks |= {"age alone": cohort.age, TRUTH: cohort.hazard}
    new = slice(LEARNT, None)
    t, d = cohort.times[new], cohort.events[new]
    found = {name: concordance_index(t, d, risk[new]) for name, risk in risks.items()}
    chance = learnt("Cox", features, nothing, seed)[new]
    found[SHUFFLED] = concordance_index(nothing.times[new], nothing.events[new], chance)
    a, r = cohort.age[new], risks["face, Cox"][new]
    both = cox(t, d, np.stack([a, r], 1))
    return {**found, P: max(likelihood_ratio(cox(t, d, one), both) for one in (a, r))}


def _apart(better: str, worse: str) -> Values:
    """Difference of two concordances of one cohort."""
    return lambda found: [one[better] - one[worse] for one in found[COHORT]]


def _by_risk(found: Found) -> Found:
    """One row for each risk."""
    runs = found[COHORT]
    return {name: [{"concordance": one[name]} for one in runs] for name in runs[0] if name != P}


@dataclass(frozen=True, slots=True, eq=False)
class Adults:
    """Vectors and ages of real faces."""

    vectors: Floats  # (N, D)
    apparent: Doubles  # (N,) years, by age-fahr
    age: Doubles  # (N,) years, by the labels


def _adults(data: Path | None, out: Path, on_step: OnStep | None) -> Adults:
    assert data is not None
    records = [r for r in READERS["utkface"](data) if float(r.labels["age"]) >= 20][::4]

    def make() -> dict[str, NDArray[Any]]:
        seen = embed_faces([r.path for r in records], on_step=on_step)
        return {"vectors": seen.vectors, "apparent": seen.ages, "rows": seen.rows}

    names = [(r.path.name, r.path.stat().st_size) for r in records]
    key = digest_of(code_key("mien.systems.survival_fahr"), find("age-fahr").digest, names)
    kept = kept_arrays(out / "vectors.npz", key, make)
    vectors, apparent, rows = kept["vectors"], kept["apparent"], kept["rows"]
    return Adults(vectors, apparent, np.array([float(records[k].labels["age"]) for k in rows]))


def _fitted(how: str, seed: int, adults: Adults) -> dict[str, float]:
    """Real faces, synthetic times: hazard doubles every ten years of age."""
    hazard = np.log(2) * (adults.age - adults.age.mean()) / 10
    random = np.random.default_rng(seed)
    times, events = happened(hazard, random)
    if how == OUT_OF_ORDER:
        order = random.permutation(len(times))
        times, events = times[order], events[order]
    fitted = fit(adults.vectors, times, events, {"apparent age": adults.apparent})
    return {
        "risk": fitted.concordance["risk"].value,
        "age": concordance_index(times, events, adults.apparent),
        "truth": concordance_index(times, events, hazard),
        "ratio": _alone(fitted.quartile, times, events),
    }


def _of_adults(found: Found, adults: Adults) -> Sequence[str]:
    return (
        f"{len(adults.age)} adults of UTKFace with simulated times, hazard doubling every ten "
        "years of age; risk by `mien survival fit`, each fifth predicted by a model fitted without "
        "it. The network was trained on ages of part of these images, so this shows that the parts "
        "work together, not how well survival can be predicted.",
    )


def _alone(quartile: NDArray[np.int64], times: Doubles, events: NDArray[np.bool_]) -> float:
    """Hazard ratio of the highest against the lowest quarter, nothing beside it."""
    rows = (quartile == 0) | (quartile == 3)
    return float(cox(times[rows], events[rows], quartile[rows] == 3).ratios[0, 0])


RANKED, SQUARED = "face, ranking", "face, squared error of log time"
PARTS = (
    Part(
        name="simulated cohorts",
        title=f"Risk; {LEARNT} people for training, {PEOPLE - LEARNT} for measurement",
        arms={COHORT: COHORT},
        run=one_cohort,
        rows=_by_risk,
        shown={"concordance": "Concordance"},
        criteria=(
            Criterion("Cox at most 0.02 below the true hazard", _apart(COX, TRUTH), least=-0.02,
                      digits=4),
            Criterion("ranking above age by 0.04, 5 of 5 seeds", _apart(RANKED, "age alone"),
                      least=0.04, seeds=5),
            Criterion("ranking above squared error, 5 of 5 seeds", _apart(RANKED, SQUARED),
                      least=1e-9, seeds=5, digits=4),
            Criterion("age and risk of the face add to each other: p below 0.01, 5 of 5 seeds",
                      of(COHORT, P), most=0.01, seeds=5),
            Criterion("outcomes shuffled: at most 0.04 from chance, 5 of 5 seeds",
                      of(COHORT, SHUFFLED), least=0.46, most=0.54, seeds=5),
        ),
    ),
    Part(
        name="faces",
        title="Outcomes",
        arms={how: how for how in ("as simulated", OUT_OF_ORDER)},
        run=_fitted,
        shown={"risk": "Risk from faces", "age": "Apparent age", "truth": "True hazard",
               "ratio": "Hazard ratio, highest against lowest quarter"},
        criteria=(
            Criterion("outcomes shuffled: concordance within 0.05 of chance",
                      of(OUT_OF_ORDER, "risk"), least=0.45, most=0.55),
        ),
        load=_adults,
        needs="UTKFace",
        also=_of_adults,
    ),
)  # fmt: skip

"""Proof: what recognises people in stills when a film is left out, and what a random split adds.

mien systems prove actor-stills --data DATA --out FOLDER
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.systems.actor_stills.data import Stills, cast, portraits
from mien.systems.actor_stills.model import CLASSIFIERS, LOGISTIC, classify
from mien.systems.actor_stills.protocols import (
    era_folds,
    film_folds,
    nearest_person,
    random_folds,
    strangers_rejected,
)
from mien.train.criteria import Criterion, Found, Values, gain, of, spread
from mien.train.proofs import Part
from mien.types import Doubles, OnStep

SEEDS = 5
NEAREST = "nearest mean"
KINDS = (NEAREST, *CLASSIFIERS)
REJECTED = 0.05
Arm = tuple[str, str]  # features, classifier
ARMS: dict[str, Arm] = {f"{f}, {c}": (f, c) for f in ("face", "scene") for c in KINDS}
FACE, SCENE = f"face, {LOGISTIC}", f"scene, {LOGISTIC}"
OTHERS = [f"face, {name}" for name in CLASSIFIERS if name != LOGISTIC]
CONTROL = "face, labels shuffled"
SHOWN = {"film": "Leave one film out: CA", "film F1": "F1", "film AUC": "AUC",
         "random": "Random split: CA", "drop": "Drop, points"}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Casts:
    """One cast for each seed, or the same portraits for all of them."""

    each: tuple[Stills, ...]


def _portraits(data: Path | None, out: Path, on_step: OnStep | None) -> Casts:
    assert data is not None
    return Casts((portraits(data / "taiwan", out, on_step),) * SEEDS)


def _casts(data: Path | None, out: Path, on_step: OnStep | None) -> Casts:
    return Casts(tuple(cast(seed, out, on_step) for seed in range(SEEDS)))


def accuracy(arm: Arm, seed: int, given: Casts) -> dict[str, float]:
    """CA under both protocols, and F1 and AUC where a film is left out."""
    stills = given.each[seed]
    features, kind = arm
    actor = stills.actor
    if features == "shuffled":
        actor = np.random.default_rng([seed, 239]).permutation(actor)
    vectors = stills.scene if features == "scene" else stills.face
    films = film_folds(actor.tolist(), stills.film.tolist())
    mixed = random_folds(actor.tolist(), seed)
    if kind == NEAREST:
        film, share = (
            float(nearest_person(vectors, actor.tolist(), folds).right.mean())
            for folds in (films, mixed)
        )
        return {"film": film, "random": share, "drop": 100 * (share - film)}
    one = classify(kind, vectors, actor.tolist(), films, seed).figures(actor.tolist())
    share = classify(kind, vectors, actor.tolist(), mixed, seed).figures(actor.tolist())["CA"]
    return {"film": one["CA"], "film F1": one["F1"], "film AUC": one["AUC"], "random": share,
            "drop": 100 * (share - one["CA"])}  # fmt: skip


def rendered(arm: Arm, seed: int, given: Casts) -> dict[str, float]:
    """The same, and for the arm of the criteria what else the paper asks: era, grey, age, year."""
    found = accuracy(arm, seed, given)
    stills = given.each[seed]
    if arm == ARMS[FACE]:
        found |= grey_stills(stills) | ages(stills)
    if arm == ("face", NEAREST):
        found |= open_set(stills)
    return found


def open_set(stills: Stills) -> dict[str, float]:
    """Strangers rejected at 5 % of known people, and CA from earlier to later years."""
    actor = stills.actor.tolist()
    film = nearest_person(stills.face, actor, film_folds(actor, stills.film.tolist()))
    era = nearest_person(stills.face, actor, era_folds(actor, [str(y) for y in stills.year]))
    return {"strangers": float(strangers_rejected(film, actor, REJECTED).mean()),
            "era": float(era.right.mean())}  # fmt: skip


def grey_stills(stills: Stills) -> dict[str, float]:
    """CA on stills without colours, where training has colours only, and where a third is grey."""
    actor = stills.actor.tolist()
    some = np.random.default_rng(241).random(len(actor)) < 0.3
    taught = {"plain": stills.face, "augmented": np.where(some[:, None], stills.grey, stills.face)}
    found = {}
    for name, train in taught.items():
        right = []
        for rows, test in film_folds(actor, stills.film.tolist()):
            both = np.concatenate([train[rows], stills.grey[test]])
            who = [actor[k] for k in (*rows, *test)]
            folds = [(np.arange(len(rows)), np.arange(len(rows), len(both)))]
            right.append(classify(LOGISTIC, both, who, folds).predicted == stills.actor[test])
        found[f"grey, {name}"] = float(np.concatenate(right).mean())
    return found


def ages(stills: Stills) -> dict[str, float]:
    """Errors of the age by ridge regression, and of the year by one and by several people."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    guess = np.full(len(stills.age), np.nan)
    mean = np.full(len(stills.age), np.nan)
    for train, test in film_folds(stills.actor.tolist(), stills.film.tolist()):
        model = make_pipeline(StandardScaler(), Ridge(alpha=100.0))
        guess[test] = model.fit(stills.face[train], stills.age[train]).predict(stills.face[test])
        mean[test] = stills.age[train].mean()
    error = float(np.nanmean(np.abs(guess - stills.age)))
    plain = float(np.nanmean(np.abs(mean - stills.age)))
    one, many = year_errors(stills, guess)
    return {"age": error, "age, mean": plain, "age, gain": 1 - error / plain,
            "within 5": float(np.nanmean(np.abs(guess - stills.age) <= 5)),
            "year, one": one, "year, all": many}  # fmt: skip


def year_errors(stills: Stills, guess: Doubles) -> tuple[float, float]:
    """Mean absolute error of a film's year by each person alone, and by three people or more.

    A person's year is the median over the stills. People are weighted by how well their years
    agree, the inverse variance of the mean.
    """
    alone, together = [], []
    for film in np.unique(stills.film):
        here = (stills.film == film) & np.isfinite(guess)
        years, weights = [], []
        for name in np.unique(stills.actor[here]):
            own = here & (stills.actor == name)
            born = stills.year[own] - stills.age[own]
            each = born + guess[own]
            years.append(float(np.median(each)))
            weights.append(len(each) / max(float(each.var(ddof=min(1, len(each) - 1))), 1.0))
        truth = float(stills.year[here][0])
        alone += [abs(year - truth) for year in years]
        if len(years) >= 3:
            together.append(abs(float(np.average(years, weights=weights)) - truth))
    return float(np.mean(alone)), float(np.mean(together))


def _points(arm: str, key: str, other: str) -> Values:
    return lambda found: [100 * (one[key] - one[other]) for one in found[arm]]


def _also(found: Found, loaded: Casts) -> Sequence[str]:
    def say(arm: str, key: str, digits: int = 3) -> str:
        return spread([one[key] for one in found[arm]], digits)

    nearest = f"face, {NEAREST}"
    return [
        f"**Other questions, rendered.** Nearest mean, from earlier to later years: CA "
        f"{say(nearest, 'era')}. Age by ridge regression: {say(FACE, 'age', 1)} years of error, "
        f"the mean of the training part {say(FACE, 'age, mean', 1)}, within 5 years "
        f"{say(FACE, 'within 5', 2)}. Year by one person {say(FACE, 'year, one', 1)}, by three or "
        f"more {say(FACE, 'year, all', 1)}. Stills without colours: CA {say(FACE, 'grey, plain')}, "
        f"with three in ten training stills without colours {say(FACE, 'grey, augmented')}. "
        f"Strangers rejected at 5 % of known people: {say(nearest, 'strangers')}."
    ]


PARTS = (
    Part(
        name="portraits",
        title="taiwan_expressions: 25 actors, four methods in the place of films",
        arms={**ARMS, CONTROL: ("shuffled", LOGISTIC)},
        run=accuracy,
        shown=SHOWN,
        criteria=(
            Criterion("labels shuffled: CA within 0.04 of 1/25", of(CONTROL, "random"),
                      least=0.0, most=1 / 25 + 0.04),
            Criterion("faces 20 points above scenery, a film left out", gain(FACE, "film", SCENE),
                      least=0.20, seeds=SEEDS),
            Criterion("logistic regression within 2 points of the best other",
                      gain(FACE, "film", OTHERS), least=-0.02),
        ),
        load=_portraits,
        needs="a folder with taiwan",
        seeds=SEEDS,
    ),
    Part(
        name="rendered cast",
        title="Rendered: 14 people, 14 films, 574 stills per seed",
        arms={**ARMS, CONTROL: ("shuffled", LOGISTIC)},
        run=rendered,
        shown=SHOWN,
        criteria=(
            Criterion("labels shuffled: CA within 0.04 of 1/14", of(CONTROL, "random"),
                      least=1 / 14 - 0.04, most=1 / 14 + 0.04),
            Criterion("faces 20 points above scenery, a film left out", gain(FACE, "film", SCENE),
                      least=0.20, seeds=SEEDS),
            Criterion("logistic regression within 2 points of the best other",
                      gain(FACE, "film", OTHERS), least=-0.02),
            Criterion("scenery falls by 20 points from the random split", of(SCENE, "drop"),
                      least=20, digits=1),
            Criterion("faces fall by at most 10 points", of(FACE, "drop"), most=10, digits=1),
            Criterion("grey training stills: 3 points more on grey stills, 4 of 5 seeds",
                      _points(FACE, "grey, augmented", "grey, plain"), least=3, seeds=4, digits=1),
            Criterion("age: error 30 % below the mean's", of(FACE, "age, gain"), least=0.3,
                      digits=2),
            Criterion("year: three people better than one, 5 of 5 seeds",
                      lambda found: [one["year, one"] - one["year, all"] for one in found[FACE]],
                      least=0.0, seeds=SEEDS, digits=1),
            Criterion("strangers rejected at 5 % of known people: 80 %",
                      of(f"face, {NEAREST}", "strangers"), least=0.8, digits=2),
        ),
        load=_casts,
        seeds=SEEDS,
        also=_also,
    ),
)  # fmt: skip

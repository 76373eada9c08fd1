"""How labelled stills are split into training and test, and how a person is recognised in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles, Floats

Rows = NDArray[np.int64]
FOLDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Tested stills: whether the nearest person is right, and how similar people are."""

    rows: Rows  # (T,) tested stills, each once
    right: NDArray[np.bool_]  # (T,)
    best: Doubles  # (T,) cosine to the nearest person
    stranger: Doubles  # (T,) the same if the person of the still were not known


def random_folds(actors: Sequence[str], seed: int, count: int = FOLDS) -> list[tuple[Rows, Rows]]:
    """Stratified folds, as in the paper: stills of one scene fall on both sides."""
    rng = np.random.default_rng([seed, 17])
    who = np.asarray(actors, str)
    fold = np.empty(len(who), np.int64)
    for number, name in enumerate(np.unique(who)):
        own = rng.permutation(np.flatnonzero(who == name))
        fold[own] = (np.arange(len(own)) + number) % count
    return _parts(fold)


def film_folds(actors: Sequence[str], films: Sequence[str]) -> list[tuple[Rows, Rows]]:
    """Leave one film out. Only people who are in another film too are tested."""
    who, film = np.asarray(actors, str), np.asarray(films, str)
    found = []
    for name in np.unique(film):
        train = np.flatnonzero(film != name)
        test = np.flatnonzero((film == name) & np.isin(who, who[train]))
        if len(test):
            found.append((train, test))
    return found


def era_folds(actors: Sequence[str], years: Sequence[str]) -> list[tuple[Rows, Rows]]:
    """Train on the earlier half of each person's years, test on the later; none without years."""
    who = np.asarray(actors, str)
    known = np.array([year.lstrip("-").isdigit() for year in years], bool)
    year = np.array([int(y) if k else 0 for y, k in zip(years, known, strict=True)])
    early = np.zeros(len(who), bool)
    late = np.zeros(len(who), bool)
    for name in np.unique(who):
        own = (who == name) & known
        if own.any() and year[own].min() < year[own].max():
            middle = (year[own].min() + year[own].max()) / 2
            early |= own & (year <= middle)
            late |= own & (year > middle)
    return [(np.flatnonzero(early), np.flatnonzero(late))] if late.any() else []


def nearest_person(
    vectors: Floats, actors: Sequence[str], folds: Sequence[tuple[Rows, Rows]]
) -> Answered:
    """Assign each tested still to the person with the most similar mean, as a gallery does.

    Args:
        vectors: (N, D) unit vectors.
        actors: (N,) names.
        folds: training and test rows.
    """
    who = np.asarray(actors, str)
    rows, right, best, stranger = [], [], [], []
    for train, test in folds:
        names = np.unique(who[train])
        means = np.stack([vectors[train][who[train] == name].mean(0) for name in names])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        cosine = (vectors[test] @ means.T).astype(np.float64)
        own = names[None] == who[test][:, None]
        rows.append(test)
        right.append(names[cosine.argmax(1)] == who[test])
        best.append(cosine.max(1))
        stranger.append(np.where(own, -1.0, cosine).max(1))
    return Answered(*(np.concatenate(part) for part in (rows, right, best, stranger)))


def strangers_rejected(found: Answered, actors: Sequence[str], rate: float) -> NDArray[np.bool_]:
    """(T,) whether the person of a still would be rejected if nobody knew that person.

    The threshold rejects a share `rate` of known people. It is set on half of the people and used
    on the other half, and the other way round.
    """
    who = np.asarray(actors, str)[found.rows]
    half = np.isin(who, np.unique(who)[::2])
    rejected = np.zeros(len(who), bool)
    for side in (half, ~half):
        threshold = np.quantile(found.best[~side], rate) if (~side).any() else np.inf
        rejected[side] = found.stranger[side] < threshold
    return rejected


def _parts(fold: Rows) -> list[tuple[Rows, Rows]]:
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]

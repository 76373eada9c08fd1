"""Fairness: errors by group, their largest difference, and whether chance explains it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.metrics import Clusters, Estimate
from mien.systems.trust_faa.answers import Answers, large, people_weights, with_interval
from mien.types import Doubles

PERMUTATIONS = 999
LEAST_OF_CLASS = 10  # images of a class in a group, for a recall


@dataclass(frozen=True, slots=True)
class GroupErrors:
    """Errors of the groups of one column."""

    column: str
    errors: dict[str, Estimate]  # group -> mean error, worst first
    gap: Estimate  # largest minus smallest mean error
    p: float  # probability of a gap as large if groups were drawn by lot
    unit: str  # what was drawn: "people" or "images"
    recall_gap: float | None  # largest difference of a class's recall; None: no classes, too few


def compare(answers: Answers, column: str, seed: int) -> GroupErrors | None:
    """Compare the errors of the groups of one column; None if fewer than two are large enough."""
    groups = answers.groups[column]
    names = large(groups)
    if len(names) < 2:
        return None
    kept = answers.rows(np.isin(groups, names))
    groups, loss = kept.groups[column], kept.loss
    member = np.array([groups == name for name in names], np.float64)  # (G, N)
    means = member @ loss / member.sum(1)
    p, unit = permutation(loss, groups, kept.people, seed)
    units = kept.people if unit == "people" else np.arange(len(loss)).astype(str)
    weights = people_weights(units, seed)
    drawn = (weights @ (member * loss).T) / np.maximum(weights @ member.T, 1e-9)  # (R, G)
    gap = with_interval(float(np.ptp(means)), np.ptp(drawn, axis=1), units)
    errors = {name: mean_error(loss[groups == name], kept.people[groups == name], kept.classes)
              for name in names}  # fmt: skip
    errors = dict(sorted(errors.items(), key=lambda item: -item[1].value))
    return GroupErrors(column, errors, gap, p, unit, recall_gap(kept, groups, names))


def mean_error(loss: Doubles, people: NDArray[np.str_], classes: tuple[str, ...]) -> Estimate:
    """Mean error with an interval by person: a share for classes, a mean for numbers."""
    clusters = Clusters(people)
    return clusters.share(loss) if classes else clusters.mean(loss)


def permutation(
    loss: Doubles, groups: NDArray[np.str_], people: NDArray[np.str_], seed: int
) -> tuple[float, str]:
    """Probability of a gap at least as large if the groups were drawn by lot.

    People keep all their images together where each person has one group; where groups are people,
    images are drawn.
    """
    names, number = np.unique(groups, return_inverse=True)
    _, who = np.unique(people, return_inverse=True)
    one_group = all(len(set(number[who == k])) == 1 for k in range(who.max() + 1))
    by_people = one_group and who.max() + 1 > len(names)
    unit = who if by_people else np.arange(len(loss))
    of_unit = np.zeros(unit.max() + 1, np.int64)
    of_unit[unit] = number
    rng = np.random.default_rng(seed)
    gaps = np.empty(PERMUTATIONS + 1)
    for k in range(PERMUTATIONS + 1):
        drawn = of_unit if k == 0 else rng.permutation(of_unit)
        mine = drawn[unit]
        means = np.bincount(mine, loss, len(names)) / np.maximum(
            np.bincount(mine, minlength=len(names)), 1
        )
        gaps[k] = np.ptp(means)
    return float((gaps >= gaps[0] - 1e-12).mean()), "people" if by_people else "images"


def recall_gap(answers: Answers, groups: NDArray[np.str_], names: list[str]) -> float | None:
    """Equal opportunity: the largest difference of the recall of one class between groups."""
    gaps = []
    for k in range(len(answers.classes)):
        recalls = []
        for name in names:
            mine = (groups == name) & (answers.truth == k)
            if mine.sum() >= LEAST_OF_CLASS:
                recalls.append(1 - answers.loss[mine].mean())
        if len(recalls) > 1:
            gaps.append(np.ptp(recalls))
    return float(max(gaps)) if gaps else None

"""Uncertainty: calibration, temperature, and prediction sets with a promised coverage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.metrics import Clusters, Estimate, calibration_error
from mien.systems.trust_faa.answers import Answers, large, people_weights, with_interval
from mien.types import Doubles

TINY = 1e-12
DRAWS = 200  # of people, for the interval of the calibration error


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of prediction sets, for all and group by group."""

    size: float  # mean classes in a set
    all: Estimate
    groups: dict[str, Estimate]  # worst first


def halves(people: NDArray[np.str_], seed: int) -> NDArray[np.bool_]:
    """(N,) whether an image is of the calibration half; people are on one side."""
    names, who = np.unique(people, return_inverse=True)
    chosen = np.random.default_rng([seed, 24]).permutation(len(names)) < len(names) / 2
    return np.asarray(chosen[who])


def stated(answers: Answers) -> tuple[Doubles, Doubles]:
    """(N,) probability of the predicted class, and whether it is right."""
    return answers.output.max(1), 1 - answers.loss


def error_of_calibration(answers: Answers, seed: int) -> Estimate:
    """Expected calibration error in 15 bins, with an interval by person."""
    probability, right = stated(answers)
    value = calibration_error(probability, right)
    weights = people_weights(answers.people, seed, DRAWS)
    drawn = np.array([calibration_error(probability, right, w) for w in weights])
    return with_interval(value, drawn, answers.people)


def quantile(scores: Doubles, level: float) -> float:
    """The ceil((n + 1) level)-th smallest score; infinite if there are too few.

    Source: Vovk et al., Algorithmic Learning in a Random World, 2005; split conformal prediction.
    """
    rank = int(np.ceil((len(scores) + 1) * level))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")


def coverage(
    answers: Answers, level: float, seed: int, column: str | None, *, mondrian: bool
) -> Coverage:
    """Coverage of sets of classes on people who did not set the bar.

    Args:
        answers: of classes.
        level: share of images whose true class the set should contain.
        seed: of the halves.
        column: groups to report, or None.
        mondrian: one bar per group instead of one for all.
    """
    first = halves(answers.people, seed)
    known, test = answers.rows(first), answers.rows(~first)
    score = 1 - known.output[np.arange(len(known.truth)), known.truth]
    bar = np.full(len(test.truth), quantile(score, level))
    if mondrian and column:
        for name in np.unique(test.groups[column]):
            bar[test.groups[column] == name] = quantile(score[known.groups[column] == name], level)
    sets = 1 - test.output <= bar[:, None]
    return covered(
        sets[np.arange(len(test.truth)), test.truth], test, column, float(sets.sum(1).mean())
    )


def covered_by_intervals(answers: Answers, column: str | None) -> Coverage | None:
    """Coverage of the intervals that a head of numbers states; None if it states none."""
    if answers.interval is None or np.isnan(answers.interval).all():
        return None
    low, high = answers.interval.T
    inside = (answers.truth >= low) & (answers.truth <= high)
    return covered(inside, answers, column, float(np.mean(high - low)))


def covered(
    inside: NDArray[np.bool_], answers: Answers, column: str | None, size: float
) -> Coverage:
    """Shares of images inside, for all and for groups that are large enough."""
    found = {}
    if column:
        groups = answers.groups[column]
        for name in large(groups):
            mine = groups == name
            found[name] = Clusters(answers.people[mine]).share(inside[mine])
    worst = dict(sorted(found.items(), key=lambda item: item[1].value))
    return Coverage(size, Clusters(answers.people).share(inside), worst)

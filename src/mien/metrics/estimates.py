"""Measured numbers with intervals, counted by person.

Trials that share a person are not independent, so an interval that counts trials is too narrow.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import TooFewTrialsError
from mien.metrics.intervals import rule_of_three, wilson_share
from mien.types import Doubles

LEAST_PEOPLE = 3  # fewer do not show how people differ


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its interval, and the trials and people behind it."""

    value: float  # NaN: unknown, for the reason given
    low: float = math.nan  # 95 % interval; NaN: unknown
    high: float = math.nan
    trials: int = 0  # comparisons, images, searches, ...
    people: int = 0  # independent units among them
    reason: str = ""  # why there is no value or no interval

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)


class Clusters:
    """The people of each trial, for intervals that count people.

    A trial of one person involves that person, a comparison of two people involves both. Two trials
    are treated as independent only if they have no person in common.

    Source: Fafchamps and Gubert, "The formation of risk sharing networks", J. Development
        Economics 83, 2007; Aronow, Samii and Assenova, "Cluster-robust variance estimation for
        dyadic data", Political Analysis 23, 2015, eq. 4. With one person a trial it is the usual
        cluster-robust variance.
    """

    def __init__(
        self, first: ArrayLike, second: ArrayLike | None = None, weights: ArrayLike | None = None
    ) -> None:
        """Store the people of N trials.

        Args:
            first: (N,) whole numbers from 0 (or anything np.unique can sort): the person of the
                trial.
            second: (N,) the other person; equal to `first` for one person. Default: one person.
            weights: (N,) how much each trial counts, 0 or more; default 1.
        """
        a = np.asarray(first).ravel()
        b = a if second is None else np.asarray(second).ravel()
        if a.shape != b.shape or not a.size:
            raise TooFewTrialsError(
                f"Got {a.size} first and {b.size} second people; pass one of each per trial, and "
                "at least one trial."
            )
        self.first, self.second, self.people = _numbered(a, b)
        self.weights = np.ones(a.shape) if weights is None else np.asarray(weights, np.float64)
        self.two = self.first != self.second
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        self.unit, self.units = _renumbered(  # (N,) number of the pair of people
            low.astype(np.int64) * self.people + high, self.people**2
        )
        self._total = self._sums(self.weights, slice(None))  # what every trial adds at value 1
        self.units_of_two = np.zeros(self.units, bool)
        self.units_of_two[self.unit[self.two]] = True

    def variance(self, values: ArrayLike, *, other: ArrayLike | None = None) -> float:
        """Variance of the weighted mean of `values` (N,), or covariance with that of `other`."""
        one = self._influence(np.asarray(values, np.float64))
        two = one if other is None else self._influence(np.asarray(other, np.float64))
        total = float(one[0] @ two[0] - one[1] @ two[1])
        if other is None and total <= 0:  # can happen by chance where people hardly differ
            total = float(np.sum(one[2] ** 2))
        return total * self.people / max(1, self.people - 1)

    def share(self, hits: ArrayLike) -> Estimate:
        """A rate with its interval.

        Args:
            hits: (N,) whether the event occurred.

        Returns:
            The weighted share, in [0, 1], with Wilson's interval at the number of independent
            trials that would vary as much (Korn and Graubard, "Confidence intervals for
            1998). Where no event occurred, the rule of three over people (or pairs of people).
            1998). Where nothing happened, the rule of three over people (or pairs of people).
        """
        from scipy.special import ndtri, stdtrit  # loaded when used: scipy is slow to import

        x = np.asarray(hits, np.float64).ravel()
        value = float(np.average(x, weights=self.weights))
        size, people = int(x.size), self.people
        if value in (0.0, 1.0):
            room = rule_of_three(self.units)
            ends = (0.0, room) if value == 0 else (1 - room, 1.0)
            return Estimate(value, *ends, size, people)
        if people < LEAST_PEOPLE:
            reason = f"{people} people are too few for an interval"
            return Estimate(value, trials=size, people=people, reason=reason)
        varies = self.variance(x)  # 0 if the share is the same for everybody
        free = value * (1 - value) / varies if varies > 0 else math.inf
        free = min(free, float(x.size)) * (ndtri(0.975) / stdtrit(self.people - 1, 0.975)) ** 2
        return Estimate(value, *wilson_share(value, free), size, people)

    def mean(self, values: ArrayLike) -> Estimate:
        """The weighted mean of any numbers (N,), with the interval of Student's t by person."""
        from scipy.special import stdtrit

        x = np.asarray(values, np.float64).ravel()
        value = float(np.average(x, weights=self.weights))
        size, people = int(x.size), self.people
        if people < LEAST_PEOPLE:
            reason = f"{people} people are too few for an interval"
            return Estimate(value, trials=size, people=people, reason=reason)
        half = float(stdtrit(self.people - 1, 0.975)) * math.sqrt(self.variance(x))
        return Estimate(value, value - half, value + half, size, people)

    def _influence(self, values: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """Sums of the contribution of each trial: by person, by pair of two people, by pair."""
        weight = self.weights.sum()
        mean = float(self.weights @ values) / weight
        seen = np.flatnonzero(values)  # rare errors among millions of trials are summed quickly
        rows = seen if seen.size < values.size / 2 else slice(None)
        person, unit = self._sums(self.weights[rows] * values[rows], rows)
        by_person = (person - mean * self._total[0]) / weight
        by_unit = (unit - mean * self._total[1]) / weight
        return by_person, by_unit * self.units_of_two, by_unit

    def _sums(self, part: Doubles, rows: slice | NDArray[np.intp]) -> tuple[Doubles, Doubles]:
        """Sums of parts of some trials: by person, and by pair of people."""
        two = self.two[rows]
        by_person = np.bincount(self.first[rows], part, self.people).astype(np.float64)
        by_person += np.bincount(self.second[rows][two], part[two], self.people)
        return by_person, np.bincount(self.unit[rows], part, self.units).astype(np.float64)


def _renumbered(codes: NDArray[np.int64], top: int) -> tuple[NDArray[np.intp], int]:
    """Whole numbers below `top` as 0, 1, 2, ..., and their count."""
    if top <= 4 * codes.size + 1000:  # a table is faster than sorting
        seen = np.zeros(top, bool)
        seen[codes] = True
        return (np.cumsum(seen) - 1)[codes], int(seen.sum())
    names, number = np.unique(codes, return_inverse=True)
    return number, int(names.size)


def _numbered(
    a: NDArray[np.generic], b: NDArray[np.generic]
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """People as 0, 1, 2, ... and their count."""
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and min(a.min(), b.min()) >= 0:
        top = int(max(a.max(), b.max())) + 1
        if top <= 10 * a.size + 1000:  # whole numbers already: no sorting of millions
            seen = np.zeros(top, bool)
            seen[a] = seen[b] = True
            renamed = np.cumsum(seen) - 1
            return renamed[a], renamed[b], int(seen.sum())
    names, number = np.unique(np.concatenate([a, b]), return_inverse=True)
    return number[: a.size], number[a.size :], int(names.size)

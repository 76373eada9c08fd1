"""Comparisons with their outcomes, and their error rates with intervals by person."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.estimates import Clusters, Estimate
from mien.metrics.intervals import wilson_share
from mien.metrics.verification import equal_error_of_sorted, fnmr, threshold_at_fmr
from mien.types import Doubles

LEAST_ERRORS = 30  # behind a rate; the rule of 30, Doddington et al., Speech Communication 31, 2000
STEP = 2.0  # factor between the two rates that the slope of the trade-off is read between

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)  # no slots: clusters are made once and kept
class Trials:
    """Comparisons of two images (or templates); a failure stays in the denominator."""

    similarity: Doubles  # (N,) higher = more similar; NaN exactly where the comparison failed
    same: Flags  # (N,) whether both show one person
    first: Numbers  # (N,) person on the one side, 0, 1, 2, ...
    second: Numbers  # (N,) person on the other side
    failed: Flags = field(default_factory=lambda: np.zeros(0, bool))  # (N,) a side has no template

    def __post_init__(self) -> None:
        if not self.failed.size:
            object.__setattr__(self, "failed", np.zeros(self.same.shape, bool))
        sizes = {a.shape for a in (self.similarity, self.same, self.first, self.second)}
        if len(sizes | {self.failed.shape}) != 1:
            raise MienError(f"Columns of trials must be equally long, got shapes {sorted(sizes)}.")
        lost = np.flatnonzero(np.isnan(self.similarity) & ~self.failed)
        if lost.size:
            raise MienError(
                f"{lost.size} comparisons have no similarity (the first is row "
                f"{lost[0] + 1}) and are not marked as failed. Mark those with an image without a "
                "face as failed, and correct the others."
            )
        crossed = np.flatnonzero(self.same != (self.first == self.second))
        if crossed.size:
            raise MienError(
                f"Row {crossed[0] + 1} marks two people as the same, or one person as two; correct "
                "the column `same` or the names."
            )

    @cached_property
    def genuine(self) -> Doubles:
        """(P,) similarities of mated comparisons, failures left out."""
        return self.similarity[self.same & ~self.failed]

    @cached_property
    def impostors(self) -> Doubles:
        """(Q,) similarities of non-mated comparisons, failures left out."""
        return self.similarity[~self.same & ~self.failed]

    @property
    def misses(self) -> int:
        """Number of mated comparisons that failed."""
        return int(np.sum(self.same & self.failed))

    @cached_property
    def people(self) -> int:
        """Number of people."""
        top = int(max(self.first.max(initial=-1), self.second.max(initial=-1))) + 1
        seen = np.zeros(top, bool)
        seen[self.first] = seen[self.second] = True
        return int(seen.sum())

    @cached_property
    def rising(self) -> Doubles:
        """(Q,) similarities of non-mated comparisons, rising."""
        return np.sort(self.impostors)

    def threshold(self, fmr: float) -> float:
        """As mien.metrics.threshold_at_fmr, but sorted once for many rates."""
        allowed = int(fmr * self.rising.size + 1e-9)
        if allowed < 1:
            return threshold_at_fmr(self.impostors, fmr)  # its error names what is missing
        return -np.inf if allowed >= self.rising.size else float(self.rising[-allowed - 1])

    def require(self) -> "Trials":
        """Raise an error if no error rate can be computed; return the trials otherwise."""
        if self.people < 2:
            raise TooFewTrialsError(
                f"All {self.same.size} comparisons are of {self.people} person, so there is no "
                "false match; add images of other people."
            )
        if not self.impostors.size:
            raise TooFewTrialsError(
                "There are no comparisons of two different people with a face in both images (zero "
                "impostors), so there is no false match rate; add pairs of different people."
            )
        if not self.same.any():
            raise TooFewTrialsError(
                "There are no comparisons of one person, so there is no false non-match rate; add "
                "second images of some people."
            )
        return self

    @cached_property
    def _same_people(self) -> Clusters:
        return Clusters(self.first[self.same])

    @cached_property
    def _others(self) -> Clusters:
        apart = ~self.same & ~self.failed
        return Clusters(self.first[apart], self.second[apart])

    def fmr(self, threshold: float) -> Estimate:
        """False match rate at a threshold that was set before, on other people."""
        return self._others.share(self.impostors > threshold)

    def fnmr(self, threshold: float) -> Estimate:
        """False non-match rate at a threshold; a comparison that failed is a non-match."""
        return self._same_people.share(self._missed(threshold))

    def fnmr_at(self, fmr: float) -> Estimate:
        """False non-match rate at the threshold with this false match rate on these people.

        The threshold is uncertain too. Its part is added to first order: the contribution of each
        person to the false match rate, times the slope of the trade-off between half and twice the
        rate.

        Raises:
            TooFewTrialsError: fewer than 30 false matches would stand behind the threshold.
        """
        self._require_errors(fmr)
        bar = self.threshold(fmr)
        rates = [r for r in (fmr / STEP, fmr * STEP) if 1 / self.impostors.size <= r <= 1]
        ends = [fnmr(self.genuine, self.threshold(r), self.misses) for r in rates]
        slope = (ends[-1] - ends[0]) / (rates[-1] - rates[0]) if len(rates) == 2 else 0.0
        return self._both(self._missed(bar), self.impostors > bar, (1.0, -slope))

    def equal_error(self) -> Estimate:
        """The rate at which both errors are equally frequent, with its interval."""
        value = equal_error_of_sorted(np.sort(self.genuine), self.rising, self.misses)
        rate = min(max(value, LEAST_ERRORS / self.impostors.size), 1.0)
        if value in (0.0, 1.0) or rate > 0.5:
            return Estimate(value, trials=self.same.size, people=self.people, reason="no overlap")
        bar = self.threshold(rate)
        rates = [r for r in (rate / STEP, rate * STEP) if 1 / self.impostors.size <= r <= 1]
        bars = [self.threshold(r) for r in rates]
        rise = fnmr(self.genuine, bars[0], self.misses) - fnmr(self.genuine, bars[-1], self.misses)
        fall = rates[-1] - rates[0]
        share = rise / (rise + fall)  # of the false match rate in the equal error
        return self._both(self._missed(bar), self.impostors > bar, (1 - share, share), value=value)

    def _missed(self, threshold: float) -> Flags:
        missed: Flags = self.failed[self.same] | ~(self.similarity[self.same] > threshold)
        return missed

    def _require_errors(self, fmr: float) -> None:
        needed = int(np.ceil(LEAST_ERRORS / fmr))
        if self.impostors.size < needed:
            raise TooFewTrialsError(
                f"FMR {fmr:g} needs {needed:,} comparisons of different people (30 false matches), "
                f"got {self.impostors.size:,}; ask for {LEAST_ERRORS / self.impostors.size:.2g} "
                "or more, or add people."
            )

    def _both(
        self, missed: Flags, matched: Flags, parts: tuple[float, float], value: float | None = None
    ) -> Estimate:
        """A number on which both error rates act: Wilson's interval at their joint variance."""
        return joint_share(self._same_people, missed, self._others, matched, parts, value)


def joint_share(
    same: Clusters,
    missed: Flags,
    others: Clusters,
    matched: Flags,
    parts: tuple[float, float],
    value: float | None = None,
) -> Estimate:
    """A share whose error is `parts[0]` times that of `missed` plus `parts[1]` times `matched`'s.

    The two are treated as independent. If the people who resemble many others are also most similar
    to themselves, the interval is slightly too wide: in simulations with half of the variance
    shared, nominal 95 % covered 96 to 98 %.
    """
    from scipy.special import ndtri, stdtrit  # loaded when used: scipy is slow to import

    alone = same.share(missed)
    share = alone.value if value is None else value
    if share in (0.0, 1.0) or same.people < 3 or others.people < 3:
        return alone
    variance = parts[0] ** 2 * same.variance(missed) + parts[1] ** 2 * others.variance(matched)
    most = missed.size / max(parts[0] ** 2, 1e-9)  # independent trials there can be
    free = min(share * (1 - share) / max(variance, 1e-18), most)
    free *= (ndtri(0.975) / stdtrit(same.people - 1, 0.975)) ** 2
    ends = wilson_share(share, free)
    return Estimate(share, *ends, trials=int(missed.size), people=same.people)

"""Compare error rates by group, as ISO/IEC 19795-10:2024 requires."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.errors import TooFewTrialsError
from mien.metrics.estimates import Clusters, Estimate
from mien.metrics.trials import Flags

LEAST_PEOPLE = 30  # of a group; smaller groups get no verdict
ALPHA = 0.05  # probability of naming any group if all rates are equal


@dataclass(frozen=True, slots=True)
class Groups:
    """One error rate, group by group."""

    rates: dict[str, Estimate]  # every group, also those that are too small for a verdict
    small: tuple[str, ...]  # groups of fewer than LEAST_PEOPLE people
    worst: str | None  # group with the highest rate among those large enough
    spread: Estimate  # highest rate / geometric mean of the rates, at least 1; lower is better
    p: float  # probability of differences as large if all rates were equal; NaN: untested
    apart: tuple[str, ...]  # groups whose rate differs from that of all others together
    verdict: str  # a sentence


def compare_groups(
    wrong: Mapping[str, Flags], clusters: Mapping[str, Clusters], least: int = LEAST_PEOPLE
) -> Groups:
    """Compare one error rate between groups.

    Args:
        wrong: (N_g,) whether each trial of a group is in error.
        clusters: whose trials those are. Impostor pairs are pairs within the group.
        least: people that a group needs for a verdict.

    Returns:
        Rates with intervals by person; the worst group; maximum over geometric mean. Groups are
        named as different if they differ from all others together: t with variances by person
        under the pooled rate, degrees of freedom of the smallest group, Holm's correction, so
        that the probability of naming any group wrongly is at most about one in twenty.

    Raises:
        TooFewTrialsError: there are not two groups.

    Source: ISO/IEC 19795-10:2024 for what is reported; Grother, NIST IR 8429, 2022, for maximum
        over geometric mean; Holm, Scandinavian J. Statistics 6, 1979.
    """
    if len(wrong) < 2:
        raise TooFewTrialsError(
            f"A comparison of groups needs at least two, got {', '.join(wrong) or 'none'}; label "
            "people with their groups."
        )
    rates = {name: clusters[name].share(flags) for name, flags in wrong.items()}
    small = tuple(name for name, rate in rates.items() if rate.people < least)
    large = [name for name in rates if name not in small]
    if len(large) < 2:
        verdict = (
            f"No verdict: {len(large)} of {len(rates)} groups have {least} people or more; two are "
            "needed. Add people of " + ", ".join(small) + "."
        )
        nothing = Estimate(math.nan, reason="fewer than two groups are large enough")
        return Groups(rates, small, None, nothing, math.nan, (), verdict)
    worst = max(large, key=lambda name: rates[name].value)
    free = _independent({n: wrong[n] for n in large}, clusters, rates)
    people = min(rates[name].people for name in large)
    adjusted = holm([_apart(name, rates, free, people) for name in large])
    apart = tuple(n for n, p in zip(large, adjusted, strict=True) if p <= ALPHA)
    spread = max_over_geometric_mean([rates[name] for name in large], large)
    return Groups(
        rates, small, worst, spread, min(adjusted), apart, _verdict(apart, worst, rates, small)
    )


def max_over_geometric_mean(rates: Sequence[Estimate], names: Sequence[str]) -> Estimate:
    """The highest rate over the geometric mean of all; NaN if a group has no error.

    Source: Grother, NIST IR 8429, 2022, section 4.
    """
    values = np.array([rate.value for rate in rates])
    people = sum(rate.people for rate in rates)
    none = [name for name, value in zip(names, values, strict=True) if value == 0]
    if none:
        return Estimate(
            math.nan,
            people=people,
            reason=f"no error was observed in {', '.join(none)}, so there is no geometric mean",
        )
    ratio = float(values.max() / np.exp(np.log(values).mean()))
    return Estimate(ratio, people=people, trials=sum(rate.trials for rate in rates))


def _apart(
    name: str, rates: Mapping[str, Estimate], free: Mapping[str, float], people: int
) -> float:
    """Probability of a difference this large between a group and all others, if all are equal.

    Under that assumption all groups have one rate, so the variance is that of the pooled rate; a
    group's own variance would be too small just where its rate is low by chance.
    """
    from scipy.special import stdtr

    others = [other for other in free if other != name]
    pooled = sum(free[n] * rates[n].value for n in free) / sum(free.values())
    if pooled in (0.0, 1.0):
        return 1.0
    theirs = sum(free[n] for n in others)
    middle = sum(free[n] * rates[n].value for n in others) / theirs
    noise = pooled * (1 - pooled) * (1 / free[name] + 1 / theirs)
    return float(2 * stdtr(people - 2, -abs(rates[name].value - middle) / math.sqrt(noise)))


def _independent(
    wrong: Mapping[str, Flags], clusters: Mapping[str, Clusters], rates: Mapping[str, Estimate]
) -> dict[str, float]:
    """Number of independent trials of each group.

    The correlation within people is estimated poorly from few errors. A group is therefore never
    assigned a lower correlation than all groups together.
    """
    inflation = {}  # by how much the variance exceeds that of independent trials
    for name, flags in wrong.items():
        share = rates[name].value
        if 0 < share < 1:
            alone = share * (1 - share) / rates[name].trials
            inflation[name] = max(1.0, clusters[name].variance(flags) / alone)
    total = sum(rates[name].trials for name in inflation)
    pooled = sum(inflation[n] * rates[n].trials for n in inflation) / total if total else 1.0
    return {n: rates[n].trials / max(inflation.get(n, 1.0), pooled) for n in wrong}


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted probabilities, in the order given.

    Source: Holm, Scandinavian J. Statistics 6, 1979.
    """
    order = np.argsort(p)
    adjusted, largest = [0.0] * len(p), 0.0
    for place, number in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - place) * p[number]))
        adjusted[number] = largest
    return adjusted


def _verdict(
    apart: Sequence[str], worst: str, rates: Mapping[str, Estimate], small: Sequence[str]
) -> str:
    beside = f" No verdict about {', '.join(small)}: too few people." if small else ""
    if not apart:
        return (
            f"No group differs from the others by more than chance explains (worst: {worst}, "
            f"{rates[worst].value:.2%}). This does not prove that the rates are equal." + beside
        )
    named = ", ".join(f"{name} ({rates[name].value:.2%})" for name in apart)
    return f"Different from the others: {named}. Worst group: {worst}." + beside

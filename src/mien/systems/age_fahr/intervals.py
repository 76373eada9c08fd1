"""Which conformal interval holds in every band of ages, and how well could any hold?

Held-out faces are parted at random into those that set the interval and those that test it. Each
rule is judged by its share of labels inside, band by band. "exact" is no rule: each band of the
calibration has as many faces, and the coverage that conformal prediction then has by chance.

Source: Boström and Johansson, "Mondrian conformal regressors", PMLR 128, 2020; coverage given the
calibration is a Beta: Vovk, "Conditional validity of inductive conformal predictors", 2012.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles

EDGES = (0.0, 13.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 200.0)
SURE, LOW, HIGH = 0.9, 0.88, 0.92
NEAREST, BY_LABEL = 100, 60  # calibration faces behind each interval
ANSWER, SPREAD, LABEL, EXACT = "by answer (shipped)", "by spread", "by label", "exact"


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Faces that no training saw."""

    answer: Doubles  # (N,) years
    spread: Doubles  # (N,) years, standard deviation that the head states
    label: Doubles  # (N,) years
    setting: int  # faces that set an interval

    def rows(self, keep: NDArray[np.int64]) -> "HeldOut":
        """Some of them."""
        return HeldOut(self.answer[keep], self.spread[keep], self.label[keep], self.setting)


def run(rule: str, seed: int, held: HeldOut) -> dict[str, float]:
    """Share of labels inside, in all and by band, for one random parting."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(held.label))
    known, new = held.rows(order[: held.setting]), held.rows(order[held.setting :])
    if rule == EXACT:
        inside, width = _by_chance(known, new, random), np.nan
    else:
        low, high = RULES[rule](known, new)
        inside = (new.label >= low) & (new.label <= high)
        width = float(np.median((high - low)[new.label >= 20]))
    figures = {"all": float(inside.mean()), "adults": float(inside[new.label >= 20].mean())}
    for name, value in (("label", new.label), ("answer", new.answer)):
        each = _bands(inside, value)
        within = float(np.mean([LOW <= one <= HIGH for one in each]))
        figures |= {f"{name} least": min(each), f"{name} most": max(each), f"{name} held": within}
    return figures | ({} if np.isnan(width) else {"width": width})


def _bands(inside: NDArray[np.bool_], years: Doubles) -> list[float]:
    band = np.digitize(years, EDGES)
    return [float(inside[band == b].mean()) for b in np.unique(band)]


def _quantile(values: Doubles, share: float) -> float:
    """The conformal quantile: the rank that new values exceed with at most 1 - share."""
    rank = int(np.ceil((len(values) + 1) * share))
    return float(np.sort(values)[min(rank, len(values)) - 1])


def by_answer(known: HeldOut, new: HeldOut) -> tuple[Doubles, Doubles]:
    """Half-width from the faces with the nearest answers."""
    off = np.abs(known.label - known.answer)
    far = np.array([_quantile(off[_near(known.answer, m, NEAREST)], SURE) for m in new.answer])
    return new.answer - far, new.answer + far


def by_spread(known: HeldOut, new: HeldOut) -> tuple[Doubles, Doubles]:
    """The same in units of the spread that the head states for each face."""
    off = np.abs(known.label - known.answer) / known.spread
    far = np.array([_quantile(off[_near(known.answer, m, NEAREST)], SURE) for m in new.answer])
    return new.answer - far * new.spread, new.answer + far * new.spread


def by_label(known: HeldOut, new: HeldOut) -> tuple[Doubles, Doubles]:
    """From the least to the most age whose own faces would have such an answer."""
    off, years = known.answer - known.label, np.arange(0.0, 121.0)
    near = [off[_near(known.label, year, BY_LABEL)] for year in years]
    most = np.array([_quantile(one, (1 + SURE) / 2) for one in near])
    least = -np.array([_quantile(-one, (1 + SURE) / 2) for one in near])
    away = new.answer[:, None] - years
    possible = (away >= least) & (away <= most)
    low = np.where(possible.any(1), years[possible.argmax(1)], new.answer)
    high = np.where(possible.any(1), years[-1 - possible[:, ::-1].argmax(1)], new.answer)
    return np.minimum(low, new.answer), np.maximum(high, new.answer)


def _near(values: Doubles, at: float, count: int) -> NDArray[np.intp]:
    return np.argsort(np.abs(values - at), kind="stable")[:count]


def _by_chance(known: HeldOut, new: HeldOut, random: np.random.Generator) -> NDArray[np.bool_]:
    """(N,) whether each label lies inside, if every band had its own valid interval."""
    inside = np.zeros(len(new.label), bool)
    band, setting = (np.digitize(one.label, EDGES) for one in (new, known))
    for number in np.unique(band):
        count = int((setting == number).sum())
        rank = int(np.ceil((count + 1) * SURE))
        here = band == number
        covered = random.beta(rank, max(count + 1 - rank, 1e-9))
        inside[here] = random.random(int(here.sum())) < covered
    return inside


RULES = {ANSWER: by_answer, SPREAD: by_spread, LABEL: by_label}

"""Criteria of a proof as data: what is compared, the bar, and in how many seeds it must hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from mien.train.seed_summary import markdown, over_seeds

Found = Mapping[str, Sequence[Mapping[str, float]]]  # figures of each seed, by arm
Values = Callable[[Found], Sequence[float]]  # one for each seed


def of(arm: str, key: str) -> Values:
    """A figure of one arm."""
    return lambda found: [one[key] for one in found[arm]]


def gain(arm: str, key: str, over: str | Sequence[str], *, low: bool = False) -> Values:
    """By how much an arm is better than the best of others, on the same seed.

    Args:
        arm: the arm.
        key: the figure.
        over: the other arms.
        low: whether a lower figure is better.
    """
    others = (over,) if isinstance(over, str) else tuple(over)
    sign = -1.0 if low else 1.0

    def each(found: Found) -> list[float]:
        return [
            min(sign * (one[key] - found[name][seed][key]) for name in others)
            for seed, one in enumerate(found[arm])
        ]

    return each


def ratio(arm: str, key: str, over: str) -> Values:
    """A figure of one arm divided by that of another, on the same seed."""
    return lambda found: [
        one[key] / other[key] for one, other in zip(found[arm], found[over], strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A statement set before the measurement, and how it is checked."""

    text: str
    values: Values
    least: float = -inf
    most: float = inf
    seeds: int = 0  # in which it must hold; 0: it must hold for the mean over seeds
    digits: int = 3

    def result(self, found: Found) -> tuple[str, bool]:
        """What came out, and whether the criterion is met.

        With fewer seeds than the criterion asks for (a quick run), all of them must meet it.
        """
        values = list(self.values(found))
        if not self.seeds:
            mean = float(np.mean(values))
            return spread(values, self.digits), self.least <= mean <= self.most
        met = sum(self.least <= value <= self.most for value in values)
        shown = f"{met} of {len(values)} seeds ({spread(values, self.digits)})"
        return shown, met >= min(self.seeds, len(values))


def criteria_table(criteria: Sequence[Criterion], found: Found) -> str:
    """Markdown: each criterion, the result, whether it is met."""
    rows = []
    for criterion in criteria:
        shown, met = criterion.result(found)
        rows.append((criterion.text, shown, "yes" if met else "**no**"))
    return markdown(("Criterion", "Result", "Met"), rows)


def arms_table(
    title: str, shown: Mapping[str, str], found: Found, digits: int | Mapping[str, int] = 3
) -> str:
    """Markdown: one row for each arm, one column for each figure, mean and interval over seeds.

    Args:
        title: of the column of arms.
        shown: heading of each figure, by its key; an arm without a figure has an empty cell.
        found: the figures.
        digits: after the point; or by key, for figures of several units (a key left out: 1).
    """
    places = {key: digits if isinstance(digits, int) else digits.get(key, 1) for key in shown}
    rows = [
        (arm, *(spread([one[key] for one in each], places[key]) if key in each[0] else ""
                for key in shown))
        for arm, each in found.items()
    ]  # fmt: skip
    seeds = max(len(each) for each in found.values())
    some = f"{seeds} seeds, mean (95 % interval)" if seeds > 1 else "one run"
    return markdown((f"{title}; {some}", *shown.values()), rows)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and interval over seeds, or the one value of a quick run."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f}"
    mean, low, high = over_seeds(values)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

"""Accuracy and disparity of a grid of gender predictors, by model, loss and data set.

For audits only: the results say nothing about an individual person.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import TooFewTrialsError
from mien.evaluate.fairness.grid import Results
from mien.metrics import Estimate, bootstrap_weights
from mien.metrics.factors import eta_squared, kendall, pareto, permutation_p, share_between
from mien.types import Doubles

LEAST = 30  # images of each gender that a data set needs for a verdict
RESAMPLES = 1000
ROUNDS = 1000  # of the permutation tests
ALPHA = 0.05
BALANCED = 0.1  # a data set is balanced if its share of men is within this of a half


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One configuration on one data set, seeds combined."""

    model: str
    loss: str
    dataset: str
    women: int
    men: int
    recall_women: float  # A_F
    recall_men: float  # A_M
    accuracy: float
    disparity: Estimate  # A_M - A_F; unknown with fewer than LEAST images of a gender
    surely: int  # sign of the disparity if it is certain among all data sets, else 0

    @property
    def balanced(self) -> float:
        """Mean of the two recalls."""
        return (self.recall_women + self.recall_men) / 2


@dataclass(frozen=True, slots=True)
class Factor:
    """The share that one component explains."""

    name: str
    share: float  # eta squared, in [0, 1]
    p: float  # NaN for interactions and the residual


def cells_of(results: Results, resamples: int = RESAMPLES, seed: int = 0) -> list[Cell]:
    """Accuracy and disparity of every configuration, intervals over people (or images).

    A sign is certain if the interval at 5 % divided by the number of data sets excludes 0, so that
    signs can be compared between data sets.
    """
    datasets, which = list(results.grid.datasets), np.array(results.test.dataset)
    right, male = results.right, results.test.male
    cells = []
    for data in datasets:
        rows = [np.flatnonzero((which == data) & (male == sex)) for sex in (False, True)]
        if not all(part.size for part in rows):
            raise TooFewTrialsError(
                f"The data set '{data}' has {rows[0].size} women and {rows[1].size} men in the "
                "test; both are needed to compare them."
            )
        weights = [_draws(results, part, resamples, seed) for part in rows]
        for model, loss in results.grid.pairs:
            nets = [k for k, net in enumerate(results.nets) if net[:2] == (model, loss)]
            hits = [right[nets][:, part].mean(0) for part in rows]  # share of seeds, (n,)
            cells.append(_cell((model, loss, data), hits, weights, len(datasets)))
    return cells


def _draws(results: Results, rows: NDArray[np.int64], resamples: int, seed: int) -> Doubles:
    """(R, n) weight of each image when people are resampled with replacement."""
    people = [results.test.person[k] or f"\0{k}" for k in rows]
    who = np.unique(people, return_inverse=True)[1]
    weights: Doubles = bootstrap_weights(int(who.max()) + 1, resamples, seed)[:, who]
    return weights


def _cell(
    name: tuple[str, str, str], hits: list[Doubles], weights: list[Doubles], datasets: int
) -> Cell:
    women, men = hits
    recalls = [float(h.mean()) for h in hits]
    gap = recalls[1] - recalls[0]
    count = women.size + men.size
    if min(women.size, men.size) < LEAST:
        reason = f"{women.size} women and {men.size} men; {LEAST} of each are needed"
        disparity, surely = Estimate(float("nan"), trials=count, reason=reason), 0
    else:
        means = [w @ h / w.sum(1) for w, h in zip(weights, hits, strict=True)]
        drawn = means[1] - means[0]
        low, high = np.percentile(drawn, [2.5, 97.5])
        strict = np.percentile(drawn, [50 * ALPHA / datasets, 100 - 50 * ALPHA / datasets])
        disparity = Estimate(gap, float(low), float(high), count, count)
        surely = int(strict[0] > 0) - int(strict[1] < 0)
    accuracy = float((women.sum() + men.sum()) / count)
    return Cell(*name, women.size, men.size, recalls[0], recalls[1], accuracy, disparity, surely)


def table_of(results: Results, *, gap: bool) -> Doubles:
    """(K, sets) disparity of each network on each data set, or its balanced accuracy."""
    which, male = np.array(results.test.dataset), results.test.male
    place = np.array([list(results.grid.datasets).index(d) for d in which])
    return _table(results.right.astype(np.float64), male, place, len(results.grid.datasets), gap)


def _table(
    right: Doubles, male: NDArray[np.bool_], place: NDArray[np.int64], sets: int, gap: bool
) -> Doubles:
    recalls: list[Doubles] = []
    for sex in (False, True):
        inside = np.eye(sets)[place[male == sex]]  # (n, sets)
        recalls.append(right[:, male == sex] @ inside / np.maximum(inside.sum(0), 1))
    made: Doubles = recalls[1] - recalls[0] if gap else (recalls[0] + recalls[1]) / 2
    return made


def factors_of(results: Results, *, gap: bool, rounds: int = ROUNDS, seed: int = 0) -> list[Factor]:
    """Shares of the disparity (or of the accuracy) that model, loss and data set explain.

    Each test shuffles what would be exchangeable if the component had no effect: images of one
    gender between data sets; networks between models of one loss; networks between losses of one
    model. So the noise of a small test set, which all networks share, is not a data set effect.
    """
    table = table_of(results, gap=gap)
    models, losses = (np.array([net[k] for net in results.nets]) for k in (0, 1))
    sets = table.shape[1]
    shares = eta_squared(
        table.ravel(),
        {
            "model": np.repeat(models, sets),
            "loss": np.repeat(losses, sets),
            "data set": np.tile(np.arange(sets), len(table)),
        },
    )
    tests = {
        "model": lambda random: share_between(table, _shuffled(models, losses, random), 0),
        "loss": lambda random: share_between(table, _shuffled(losses, models, random), 0),
        "data set": _shuffled_pictures(results, gap),
    }
    observed = {
        "model": share_between(table, models, 0),
        "loss": share_between(table, losses, 0),
        "data set": share_between(table, np.arange(sets), 1),
    }
    return [
        Factor(
            name,
            share,
            permutation_p(observed[name], tests[name], rounds, seed)
            if name in tests and np.isfinite(share)
            else float("nan"),
        )
        for name, share in shares.items()
    ]


def _shuffled(
    labels: NDArray[np.str_], within: NDArray[np.str_], random: np.random.Generator
) -> NDArray[np.str_]:
    """Labels of networks in random order among networks that agree in the other component."""
    mixed = labels.copy()
    for level in np.unique(within):
        rows = np.flatnonzero(within == level)
        mixed[rows] = labels[random.permutation(rows)]
    return mixed


def _shuffled_pictures(results: Results, gap: bool) -> Callable[[np.random.Generator], float]:
    right, male = results.right.astype(np.float64), results.test.male
    names = list(results.grid.datasets)
    place = np.array([names.index(d) for d in results.test.dataset])

    def once(random: np.random.Generator) -> float:
        mixed = place.copy()
        for sex in (False, True):
            rows = np.flatnonzero(male == sex)
            mixed[rows] = place[random.permutation(rows)]
        table = _table(right, male, mixed, len(names), gap)
        return share_between(table, np.arange(len(names)), 1)

    return once


def flips(cells: list[Cell], among: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    """Model, loss, and two data sets on which it is certainly biased in opposite directions.

    Args:
        cells: of all configurations.
        among: data sets that count: those balanced between men and women.
    """
    found = []
    for model, loss in dict.fromkeys((c.model, c.loss) for c in cells):
        mine = [c for c in cells if (c.model, c.loss) == (model, loss) and c.dataset in among]
        up = max((c for c in mine if c.surely > 0), key=lambda c: c.disparity.value, default=None)
        down = min((c for c in mine if c.surely < 0), key=lambda c: c.disparity.value, default=None)
        if up and down:
            found.append((model, loss, up.dataset, down.dataset))
    return found


def balanced_sets(cells: list[Cell], named: tuple[str, ...]) -> tuple[str, ...]:
    """Data sets that are balanced between the two labels, by name or by count."""
    if named:
        return named
    of = {c.dataset: c.men / (c.men + c.women) for c in cells}
    return tuple(name for name, share in of.items() if abs(share - 0.5) <= BALANCED)


def one_set_audit(cells: list[Cell]) -> list[tuple[str, int, int]]:
    """Of each data set: signs certain on it, and the number of sets it would be wrong about.

    For each data set taken alone: configurations with a certain sign there, and the most other data
    sets on which one of those configurations certainly has the opposite sign.
    """
    rows = []
    for data in dict.fromkeys(c.dataset for c in cells):
        sure = {(c.model, c.loss): c.surely for c in cells if c.dataset == data and c.surely}
        wrong = [
            sum(c.surely == -sign for c in cells if (c.model, c.loss) == pair)
            for pair, sign in sure.items()
        ]
        rows.append((data, len(sure), max(wrong, default=0)))
    return rows


def orders(results: Results) -> tuple[float, float]:
    """Mean Kendall's tau: of the order of configurations between data sets, and of data sets
    between configurations, by disparity.
    """  # noqa: D205 - one sentence
    table = table_of(results, gap=True)
    pairs = list(results.grid.pairs)
    mean = np.stack(
        [
            table[[k for k, net in enumerate(results.nets) if net[:2] == pair]].mean(0)
            for pair in pairs
        ]
    )  # (pairs, sets)

    def agreement(rows: Doubles) -> float:
        taus = [kendall(a, b) for i, a in enumerate(rows) for b in rows[i + 1 :]]
        return float(np.nanmean(taus)) if len(taus) else float("nan")

    return agreement(mean.T), agreement(mean)


def front(cells: list[Cell]) -> list[tuple[str, str, float, float, bool]]:
    """Model, loss, balanced accuracy, mean |disparity| over data sets, and whether no other
    configuration is at least as good in both.
    """  # noqa: D205 - one sentence
    rows = []
    for model, loss in dict.fromkeys((c.model, c.loss) for c in cells):
        mine = [c for c in cells if (c.model, c.loss) == (model, loss)]
        gaps = [abs(c.recall_men - c.recall_women) for c in mine]
        rows.append((model, loss, float(np.mean([c.balanced for c in mine])), float(np.mean(gaps))))
    best = pareto([r[2] for r in rows], [r[3] for r in rows])
    return [(*row, bool(flag)) for row, flag in zip(rows, best, strict=True)]

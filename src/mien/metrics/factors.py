"""Find the factor behind a number: shares of variance, permutation tests, orders, trade-offs."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import TooFewTrialsError
from mien.types import Doubles


def eta_squared(values: ArrayLike, factors: dict[str, ArrayLike]) -> dict[str, float]:
    """Share of the variance that each factor and each pair of factors explains.

    Args:
        values: (N,) one per experiment, with at least two experiments.
        factors: name -> (N,) level of each experiment.

    Returns:
        name (or "a x b") -> share in [0, 1]: the fall of the sum of squares when the factor is
        added to all others of its order (type II), over the total; "residual" is the part that none
        explains. In a full factorial design the shares add up to 1. NaN if nothing varies.

    Source: Fisher; type II sums as in Langsrud, Statistics and Computing 13, 2003.
    """
    y = np.asarray(values, np.float64)
    if y.size < 2 or not np.isfinite(y).all():
        raise TooFewTrialsError(
            f"Shares of variance need at least two finite numbers, got {y.size}."
        )
    codes = {name: np.unique(np.asarray(f), return_inverse=True)[1] for name, f in factors.items()}
    total = float(np.sum((y - y.mean()) ** 2))
    if total <= 1e-18:
        return dict.fromkeys([*codes, *_pairs(list(codes)), "residual"], float("nan"))
    single = {name: _dummies(code) for name, code in codes.items()}
    double = {
        f"{a} x {b}": _dummies(codes[a] * (codes[b].max() + 1) + codes[b])
        for a, b in _split(list(codes))
    }
    shares = {}
    for name in single:
        others = [d for n, d in single.items() if n != name]
        gain = _residual(y, others) - _residual(y, [*others, single[name]])
        shares[name] = max(0.0, gain / total)
    everything = [*single.values(), *double.values()]
    for name, dummies in double.items():
        others = [*single.values(), *(d for n, d in double.items() if n != name)]
        shares[name] = max(0.0, (_residual(y, others) - _residual(y, [*others, dummies])) / total)
    shares["residual"] = _residual(y, everything) / total
    return shares


def share_between(table: Doubles, label: ArrayLike, axis: int) -> float:
    """Share of the variance of a table (K, L) that lies between the labels of one axis.

    Source: as eta_squared; the two agree in a full factorial design.
    """
    code = np.unique(np.asarray(label), return_inverse=True)[1]
    rows = table if axis == 0 else table.T
    size = np.bincount(code)
    means = np.zeros((size.size, rows.shape[1]))
    np.add.at(means, code, rows)
    level = means.sum(1) / (size * rows.shape[1])
    total = float(np.sum((table - table.mean()) ** 2))
    between = float(rows.shape[1] * size @ (level - table.mean()) ** 2)
    return between / total if total > 1e-18 else float("nan")


def between_groups(values: ArrayLike, groups: ArrayLike) -> float:
    """Share of the variance of single values that lies between groups: ICC(1), unequal sizes.

    Args:
        values: (N,) one per item.
        groups: (N,) whose they are; two groups at least, one of them with two items.

    Returns:
        At most 1; about 0, also below, where groups do not differ; NaN if nothing varies.

    Source: Donner and Koval, Biometrics 36, 1980: the estimate from an analysis of variance.
    """
    x = np.asarray(values, np.float64)
    code = np.unique(np.asarray(groups), return_inverse=True)[1]
    size = np.bincount(code)
    if len(size) < 2 or x.size <= len(size):
        raise TooFewTrialsError(
            f"{x.size} values of {len(size)} groups show no variance between and within groups; "
            "two groups are needed, one of them with two values."
        )
    means = np.bincount(code, x) / size
    between = float(size @ (means - x.mean()) ** 2) / (len(size) - 1)
    within = float(((x - means[code]) ** 2).sum()) / (x.size - len(size))
    usual = (x.size - float(size @ size) / x.size) / (len(size) - 1)  # size of a group
    total = between + (usual - 1) * within
    return (between - within) / total if total > 1e-18 else float("nan")


def permutation_p(
    observed: float, shuffled: Callable[[np.random.Generator], float], rounds: int, seed: int
) -> float:
    """Probability of a number as large if the labels were random.

    Args:
        observed: the number.
        shuffled: returns it for labels in random order.
        rounds: number of shuffles.
        seed: of the shuffles.

    Returns:
        (1 + shuffles at least as large) / (1 + rounds), in (0, 1].

    Source: Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010: never 0.
    """
    random = np.random.default_rng(seed)
    above = sum(shuffled(random) >= observed - 1e-12 for _ in range(rounds))
    return (1 + above) / (1 + rounds)


def kendall(a: ArrayLike, b: ArrayLike) -> float:
    """Kendall's tau-b of two orders, in [-1, 1]; NaN if all values of one are tied.

    Source: Kendall, Biometrika 33, 1945.
    """
    x, y = (np.asarray(v, np.float64) for v in (a, b))
    i, j = np.triu_indices(x.size, 1)
    dx, dy = np.sign(x[i] - x[j]), np.sign(y[i] - y[j])
    below = np.sqrt(float(np.sum(dx != 0)) * float(np.sum(dy != 0)))
    return float(dx @ dy / below) if below else float("nan")


def pareto(gain: ArrayLike, cost: ArrayLike) -> NDArray[np.bool_]:
    """(N,) Pareto-optimal points: no other has at least the gain at no more cost, one strictly."""
    g, c = (np.asarray(v, np.float64) for v in (gain, cost))
    beats = (g[None] >= g[:, None]) & (c[None] <= c[:, None])
    strictly = (g[None] > g[:, None]) | (c[None] < c[:, None])
    beaten = np.asarray((beats & strictly).any(axis=1), bool)
    return ~beaten


def silhouette(points: Doubles, label: ArrayLike) -> float:
    """Separation of two or more labels: mean over points of (b - a) / max(a, b), in [-1, 1].

    Args:
        points: (N, D).
        label: (N,), two labels or more, each with two points or more.

    Source: Rousseeuw, J. Computational and Applied Mathematics 20, 1987.
    """
    names, who = np.unique(np.asarray(label), return_inverse=True)
    if names.size < 2 or np.bincount(who).min() < 2:
        raise TooFewTrialsError("A silhouette needs two labels with at least two points each.")
    squares = (points**2).sum(1)
    apart = np.sqrt(np.clip(squares[:, None] + squares[None] - 2 * points @ points.T, 0, None))
    sums = np.stack([apart[:, who == k].sum(1) for k in range(names.size)], 1)  # (N, K)
    size = np.bincount(who)
    rows = np.arange(who.size)
    inner = sums[rows, who] / (size[who] - 1)
    means = sums / size
    means[rows, who] = np.inf
    outer = means.min(1)
    return float(np.mean((outer - inner) / np.maximum(np.maximum(outer, inner), 1e-12)))


def direction(points: Doubles, positive: ArrayLike, ridge: float = 1e-2) -> tuple[Doubles, float]:
    """Fit a linear probe: unit direction and offset that separate two labels.

    Args:
        points: (N, D).
        positive: (N,) bool.
        ridge: share of the mean variance that is added to each feature's.

    Returns:
        Direction (D,) of length 1 and offset: the prediction is points @ direction > offset.

    Source: Fisher's linear discriminant with shrinkage.
    """
    which = np.asarray(positive, bool)
    a, b = points[which], points[~which]
    if not (len(a) and len(b)):
        raise TooFewTrialsError("A probe needs points of both labels.")
    centred = np.concatenate([a - a.mean(0), b - b.mean(0)])
    spread = centred.T @ centred / len(points)
    spread += ridge * np.trace(spread) / len(spread) * np.eye(len(spread)) + 1e-12 * np.eye(
        len(spread)
    )
    raw = np.linalg.solve(spread, a.mean(0) - b.mean(0))
    unit: Doubles = raw / max(float(np.linalg.norm(raw)), 1e-12)
    return unit, float(unit @ (a.mean(0) + b.mean(0)) / 2)


def _pairs(names: Sequence[str]) -> list[str]:
    return [f"{a} x {b}" for a, b in _split(names)]


def _split(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]


def _dummies(code: NDArray[np.int64]) -> Doubles:
    return np.eye(int(code.max()) + 1)[code]


def _residual(y: Doubles, parts: list[Doubles]) -> float:
    """Sum of squares that a least-squares fit of these columns leaves."""
    columns = np.concatenate([np.ones((y.size, 1)), *parts], axis=1)
    # Normal equations with a pseudo-inverse: the columns are linearly dependent by design.
    fit = columns @ (np.linalg.pinv(columns.T @ columns) @ (columns.T @ y))
    return float(np.sum((y - fit) ** 2))

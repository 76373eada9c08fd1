"""Measure agreement of two sources: classes against classes, numbers against numbers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles


def confusion(truth: ArrayLike, predicted: ArrayLike, labels: tuple[str, ...]) -> NDArray[np.int64]:
    """(L, L) number of items of each true class (row) that were predicted as each class (column).

    Raises:
        MienError: a label that is not among `labels`.
    """
    place = {label: number for number, label in enumerate(labels)}
    rows, columns = np.asarray(truth).astype(str).ravel(), np.asarray(predicted).astype(str).ravel()
    strange = sorted((set(rows.tolist()) | set(columns.tolist())) - place.keys())
    if strange:
        raise MienError(
            f"Label '{strange[0]}' is not a label of this task ({', '.join(labels)}). Correct it, "
            "or pass the labels that are meant."
        )
    if rows.shape != columns.shape or not rows.size:
        raise TooFewTrialsError(
            f"Expected one prediction per truth, got {rows.size} truths and {columns.size} "
            f"predictions."
        )
    table = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(table, ([place[x] for x in rows.tolist()], [place[x] for x in columns.tolist()]), 1)
    return table


def balanced_accuracy(table: NDArray[np.int64]) -> float:
    """Mean recall of the classes that occur, in [0, 1], higher is better; rows are truths."""
    seen = table.sum(1) > 0
    recall = table.diagonal()[seen] / table.sum(1)[seen]
    return float(recall.mean())


def macro_f1(table: NDArray[np.int64]) -> float:
    """Mean F1 of the classes that occur as truths, in [0, 1], higher is better; rows are truths.

    A class that occurs and is never predicted has an F1 of 0.
    """
    seen = table.sum(1) > 0
    right = table.diagonal()[seen]
    return float(np.mean(2 * right / (table.sum(1)[seen] + table.sum(0)[seen])))


def kappa(table: NDArray[np.int64]) -> float:
    """Cohen's kappa: agreement beyond chance, at most 1, 0 = chance; NaN if chance is certain.

    Source: Cohen, Educational and Psychological Measurement 20, 1960.
    """
    total = table.sum()
    chance = float(table.sum(0) @ table.sum(1)) / float(total) ** 2
    return float((table.trace() / total - chance) / (1 - chance)) if chance < 1 else float("nan")


def concordance(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Lin's concordance correlation: in [-1, 1], higher is better; NaN if nothing varies.

    Source: Lin, Biometrics 45, 1989, with variances divided by N.
    """
    x, y = _numbers(truth, predicted)
    below = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * np.mean((x - x.mean()) * (y - y.mean())) / below) if below else float("nan")


def icc(ratings: ArrayLike) -> float:
    """Intraclass correlation of single raters, absolute agreement, both random: ICC(2,1).

    Args:
        ratings: (N, K) of N things by K raters; N and K at least 2.

    Returns:
        At most 1, higher is better; NaN if nothing varies.

    Source: Shrout and Fleiss, Psychological Bulletin 86, 1979.
    """
    x = np.asarray(ratings, np.float64)
    if x.ndim != 2 or min(x.shape) < 2 or not np.isfinite(x).all():
        raise TooFewTrialsError(f"Ratings must be finite, (N, K) from (2, 2), got {x.shape}.")
    n, k = x.shape
    rows, columns = x.mean(1), x.mean(0)
    between = k * np.sum((rows - x.mean()) ** 2) / (n - 1)
    raters = n * np.sum((columns - x.mean()) ** 2) / (k - 1)
    rest = np.sum((x - rows[:, None] - columns[None] + x.mean()) ** 2) / ((n - 1) * (k - 1))
    below = between + (k - 1) * rest + k * (raters - rest) / n
    return float((between - rest) / below) if below else float("nan")


def _numbers(truth: ArrayLike, predicted: ArrayLike) -> tuple[Doubles, Doubles]:
    x, y = (np.asarray(values, np.float64).ravel() for values in (truth, predicted))
    if x.shape != y.shape or x.size < 2:
        raise TooFewTrialsError(f"{x.size} truths and {y.size} predictions cannot be compared.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise MienError("Truths and predictions must be numbers; leave out missing values.")
    return x, y

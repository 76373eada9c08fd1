"""Measure agreement of two sources: classes against classes, numbers against numbers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.liveness import roc_area
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


def ranked_precision(scores: ArrayLike, truth: ArrayLike) -> float:
    """Average precision of one label: mean over its images of the precision down to each of them.

    Images with equal scores are ranked together, so a constant answer has the share of the label.

    Args:
        scores: (N,) the higher, the more the label is expected.
        truth: (N,) whether it is there; at least once.

    Returns:
        In [0, 1], higher is better.

    Source: Zhu, "Recall, precision and average precision", 2004; ties as in scikit-learn.
    """
    values, there = np.asarray(scores, np.float64), np.asarray(truth, bool)
    if not there.any():
        raise ValueError("Average precision needs an image that has the label.")
    last = np.searchsorted(np.sort(-values), -values[there], side="right")  # images down to a tie
    hits = np.searchsorted(np.sort(-values[there]), -values[there], side="right")
    return float((hits / last).mean())


def weighted_scores(table: NDArray[np.int64]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the classes, averaged with their frequencies as weights.

    Each is in [0, 1], higher is better. A class that is never predicted has a precision of 0. The
    weighted recall equals the accuracy.

    Args:
        table: (L, L) of `confusion`; rows are truths.

    Source: the averages "over classes" of the Orange data-mining suite and of scikit-learn.
    """
    right, truths, predicted = table.diagonal(), table.sum(1), table.sum(0)
    precision = right / np.maximum(predicted, 1)
    recall = right / np.maximum(truths, 1)
    f1 = 2 * right / np.maximum(truths + predicted, 1)
    values = (float(np.average(one, weights=truths)) for one in (precision, recall, f1))
    return next(values), next(values), next(values)


def weighted_roc_area(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC of each class against the others, averaged by class frequency.

    Args:
        truth: (N,) class numbers; each class of `scores` occurs, and so does another.
        scores: (N, L), higher = more likely.

    Returns:
        In [0, 1], higher is better, 0.5 by chance.

    Raises:
        TooFewTrialsError: a class does not occur, or only one does.

    Source: Provost and Domingos, "Tree induction for probability-based ranking", 2003.
    """
    classes, table = np.asarray(truth).ravel(), np.asarray(scores, np.float64)
    counts = np.bincount(classes, minlength=table.shape[1])
    if len(counts) != table.shape[1] or (counts == 0).any() or len(counts) < 2:
        raise TooFewTrialsError(
            f"{int((counts > 0).sum())} of {table.shape[1]} classes occur; an area against the "
            "others needs each class, and two at least."
        )
    areas = [
        roc_area(table[classes == number, number], table[classes != number, number])
        for number in range(len(counts))
    ]
    return float(np.average(areas, weights=counts))


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

"""F1 of labels of which a case may have several, such as action units."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.metrics.intervals import bootstrap_weights
from mien.types import Doubles

RESAMPLES = 1000


def f1_each(predicted: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> Doubles:
    """F1 of each label: 2 TP / (2 TP + FP + FN), in [0, 1], higher is better.

    Args:
        predicted: (N, K) whether the label is predicted.
        truth: (N, K) 0 or 1; NaN: not known, and left out.
        weight: (N,) how much each case counts; default 1.

    Returns:
        (K,); NaN for a label that no case has.
    """
    guess, true = np.asarray(predicted, bool), np.asarray(truth, np.float64)
    if guess.shape != true.shape or guess.ndim != 2:
        raise ValueError(f"Predictions {guess.shape} and truth {true.shape} must both be (N, K).")
    each = np.ones(len(true)) if weight is None else np.asarray(weight, np.float64)
    right = each @ (guess & (true == 1))
    wrong = each @ (guess & (true == 0)) + each @ (~guess & (true == 1))
    has = each @ (true == 1) > 0
    return np.where(has, 2 * right / np.maximum(2 * right + wrong, 1e-12), np.nan)


def f1_intervals(
    predicted: ArrayLike, truth: ArrayLike, people: Sequence[str] | NDArray[np.str_], seed: int = 0
) -> tuple[Doubles, Doubles]:
    """95 % intervals of `f1_each` and of its mean, by drawing people with replacement.

    Returns:
        Low and high, each (K + 1,); the last is that of the mean over labels that occur.

    Source: percentile bootstrap over clusters; see `bootstrap_weights`.
    """
    names, who = np.unique(np.asarray(people), return_inverse=True)
    rows = []
    for drawn in bootstrap_weights(len(names), RESAMPLES, seed):
        each = f1_each(predicted, truth, drawn[who])
        rows.append([*each, np.nanmean(each)])
    low, high = np.nanpercentile(np.array(rows), [2.5, 97.5], axis=0)
    return low, high

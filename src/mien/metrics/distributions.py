"""Compare predicted probabilities with vote shares of raters; each row is a distribution."""

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles

F = TypeVar("F", np.float32, np.float64)
LEAST = 1e-6  # a stated probability counts as at least this much


def divergence(truth: ArrayLike, predicted: ArrayLike, least: float = LEAST) -> Doubles:
    """(N,) Kullback-Leibler divergence of predictions from the truth, nats; lower is better.

    Args:
        truth: (N, C) vote shares, rows with sum 1; a share of 0 adds nothing.
        predicted: (N, C) probabilities, rows with sum 1.
        least: smaller probabilities count as this much.

    Source: Kullback and Leibler, Annals of Mathematical Statistics 22, 1951: sum y ln(y / p).
    """
    y, p = _rows(truth, predicted)
    terms = np.where(y > 0, y * np.log(np.maximum(y, least) / np.maximum(p, least)), 0.0)
    return np.asarray(terms.sum(1))


def jensen_shannon(truth: ArrayLike, predicted: ArrayLike) -> Doubles:
    """(N,) Jensen-Shannon divergence, in [0, ln 2] nats; lower is better; symmetric.

    Source: Lin, IEEE T. Information Theory 37, 1991, eq. 3.3 with equal weights.
    """
    y, p = _rows(truth, predicted)
    middle = (y + p) / 2
    return (divergence(y, middle, 1e-300) + divergence(p, middle, 1e-300)) / 2


def entropy(rows: ArrayLike) -> Doubles:
    """(N,) Shannon's entropy over its largest value, ln C, in [0, 1]: 0 means one certain class."""
    p, _ = _rows(rows, rows)
    terms = np.where(p > 0, -p * np.log(np.maximum(p, 1e-300)), 0.0)
    return np.asarray(terms.sum(1) / np.log(p.shape[1]))


def softmax(logits: NDArray[F]) -> NDArray[F]:
    """Logits as probabilities: the last axis sums to 1, however large the logits are."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    shares: NDArray[F] = raised / raised.sum(-1, keepdims=True)
    return shares


def _rows(one: ArrayLike, two: ArrayLike) -> tuple[Doubles, Doubles]:
    x, y = (np.asarray(values, np.float64) for values in (one, two))
    if x.ndim != 2 or x.shape != y.shape or not x.size:
        raise TooFewTrialsError(
            f"Expected two arrays of shape (N, C), got {x.shape} and {y.shape}."
        )
    for rows in (x, y):
        if not ((rows >= 0).all() and np.allclose(rows.sum(1), 1, atol=1e-4)):
            raise MienError("Each row must hold shares of 0 or more that sum to 1.")
    return x, y

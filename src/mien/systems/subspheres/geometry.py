"""Subspheres of an attribute on the unit sphere, and the point of one that is nearest to a face.

Source: Kim et al., arXiv:2507.12107, whose abstract states that people who share an attribute form
a subsphere. Its form is ours: see README.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles

LEAST, PER_DIMENSION = 30, 3  # faces of a fit, and faces that each dimension needs
NARROW = 32  # least length of a vector
CUT = 1e-2  # singular values below this share of the largest are not inverted


@dataclass(frozen=True, slots=True, eq=False)
class Subsphere:
    """Small: { c m + sqrt(1 - c^2) U w : |w| = 1 }; great, if there is no middle: { U w }."""

    directions: Doubles  # (D, k) orthonormal
    middle: Doubles | None = None  # (D,) unit length
    height: float = 0.0  # c, cosine of all points to the middle

    @property
    def k(self) -> int:
        """Dimensions."""
        return int(self.directions.shape[1])

    def closest(self, vectors: Doubles) -> Doubles:
        """(N, D) points of the subsphere that are nearest to (N, D) unit vectors."""
        if self.middle is None:
            return unit(vectors @ self.directions @ self.directions.T)
        away = vectors - (vectors @ self.middle)[:, None] * self.middle
        beside = unit(away @ self.directions @ self.directions.T)
        return np.asarray(self.height * self.middle + np.sqrt(1 - self.height**2) * beside)


def unit(vectors: Doubles) -> Doubles:
    """Rows of unit length.

    Raises:
        MienError: a row is zero or not finite; the message names it.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] < 1e-9))
    if len(wrong):
        raise MienError(
            f"Row {wrong[0]} of the vectors is zero or not finite; a direction needs one."
        )
    return np.asarray(vectors / lengths)


def fit(vectors: Doubles, k: int, *, small: bool = True) -> Subsphere:
    """The subsphere of an attribute.

    Args:
        vectors: (N, D) unit vectors of different people who have it.
        k: dimensions; fewer if there are not PER_DIMENSION faces for each.
        small: False for the span through the origin, an ablation.

    Raises:
        TooFewTrialsError: fewer than LEAST faces.
        MienError: vectors that are too short.
    """
    count, width = vectors.shape
    if count < LEAST:
        raise TooFewTrialsError(f"{count} faces are too few for a subsphere; give {LEAST} or more.")
    if width < NARROW:
        raise MienError(f"Vectors of {width} numbers are too short; {NARROW} or more are expected.")
    k = min(k, count // PER_DIMENSION, width - 1)
    if not small:
        return Subsphere(np.linalg.svd(vectors, full_matrices=False)[2][:k].T)
    middle = unit(vectors.mean(0)[None])[0]
    along = vectors @ middle
    rest = vectors - along[:, None] * middle
    directions = np.linalg.svd(rest, full_matrices=False)[2][:k].T
    return Subsphere(directions, middle, float(along.mean()))


def random_sphere(width: int, k: int, rng: np.random.Generator) -> Subsphere:
    """A random great subsphere of k dimensions: the null model; its mean cosine is sqrt(k / D)."""
    return Subsphere(np.linalg.qr(rng.normal(size=(width, k)))[0])


def random_cap(vectors: Doubles, k: int, rng: np.random.Generator) -> Subsphere:
    """A random small subsphere about the mean of all faces: the null model of a narrow cone.

    Vectors of some matchers share a large mean, so that even strangers have high cosines. A random
    subsphere through the origin would not share it and would make every attribute seem special.

    Args:
        vectors: (N, D) unit vectors of all faces.
        k: dimensions.
        rng: random source.
    """
    middle = unit(vectors.mean(0)[None])[0]
    drawn = rng.normal(size=(vectors.shape[1], k))
    drawn -= middle[:, None] * (middle @ drawn)
    return Subsphere(np.linalg.qr(drawn)[0], middle, float((vectors @ middle).mean()))


def estimated(batch: Doubles, scores: Doubles) -> Doubles:
    """Directions of unknown faces from their cosines to known ones.

    Args:
        batch: (K, D) unit vectors of the images that were asked about.
        scores: (T, K) answers about T references.

    Returns:
        (T, D) unit vectors; rows without any information are NaN.
    """
    found = scores @ np.linalg.pinv(batch, rcond=CUT).T
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.where(lengths > 1e-9, found / np.where(lengths > 0, lengths, 1), np.nan)


class Probe:
    """Logistic regression of two classes on vectors, with a ridge; each class counts the same."""

    def __init__(self, vectors: Doubles, labels: Sequence[bool], ridge: float = 1e-2) -> None:
        """Fit by Newton steps.

        Args:
            vectors: (N, D).
            labels: (N,) whether a face has the attribute; both occur.
            ridge: on the weights, per face.
        """
        y = np.asarray(labels, float)
        if not 0 < y.sum() < len(y):
            raise TooFewTrialsError("A probe needs faces with the attribute and faces without it.")
        x = np.column_stack([vectors, np.ones(len(vectors))])
        weight = np.where(y > 0, 0.5 / y.sum(), 0.5 / (len(y) - y.sum()))
        damping = np.full(x.shape[1], ridge)
        damping[-1] = 1e-9
        w = np.zeros(x.shape[1])
        for _ in range(25):
            p = 1 / (1 + np.exp(-x @ w))
            slope = x.T @ (weight * (p - y)) + damping * w
            bend = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(damping)
            step = np.linalg.solve(bend, slope)
            w = w - step
            if np.abs(step).max() < 1e-8:
                break
        self.weights = w

    def __call__(self, vectors: Doubles) -> np.ndarray:
        """(N,) whether the attribute is read."""
        return np.asarray(vectors @ self.weights[:-1] + self.weights[-1] > 0)

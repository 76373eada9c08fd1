"""What the shims share: models, one scale of distances with stated error rates, and notices."""

import math
import warnings
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from mien.decision import Calibration
from mien.photo import Pipeline, open_pipeline
from mien.types import Doubles, Floats

# Distances are a falling function of the calibrated score s: of 10^s pairs of strangers one is as
# similar. The usual threshold of face_recognition, 0.6, is the score 3: a false match rate of
# 0.001. Half the distance is 3 more, and twice the distance, 1.2, is the score 0.
USUAL, USUAL_SCORE = 0.6, 3.0
FARTHEST = 2 * USUAL
SAME = 1 - 1e-6  # cosine of two equal vectors, rounded


class CompatWarning(UserWarning):
    """A call works, but means something else than in the library that it is written for."""


@cache
def state_once(sentence: str) -> None:
    """Warn the first time that a sentence applies in this process."""
    warnings.warn(sentence, CompatWarning, stacklevel=3)


@cache
def pipeline() -> Pipeline:
    """Return the default models, which are loaded on the first call."""
    return open_pipeline()


@cache
def calibration() -> Calibration:
    """Return the calibration of the default models."""
    return pipeline().calibrated()


@cache
def width() -> tuple[str, int]:
    """Return the name of the default embedder, and the length of its vectors."""
    embedder = pipeline().embedder
    assert embedder is not None
    side = embedder.crop.size
    return embedder.name, embedder(np.zeros((1, side, side, 3), np.uint8)).shape[1]


def distances(first: ArrayLike, second: ArrayLike) -> Doubles:
    """Return the distances of pairs of embeddings, (N, D) and (N, D) -> (N,) in [0, 1.2].

    Raises:
        ValueError: the vectors are not those of the default embedder.
    """
    a, b = checked(first), checked(second)
    if not len(a):
        return np.empty(0)
    scores = calibration().pair_scores(a, b)
    found: Doubles = FARTHEST * 2.0 ** (-scores / USUAL_SCORE)
    found[np.einsum("nd,nd->n", a, b) > SAME] = 0.0
    return found


def rate_of(distance: float) -> float:
    """Return the false match rate of a threshold on `distances`: the share of stranger pairs."""
    if distance <= 0:
        return 0.0
    return float(min(1.0, 10 ** -(USUAL_SCORE * math.log2(FARTHEST / distance))))


def checked(vectors: ArrayLike) -> Floats:
    """Return (N, D) embeddings of the default embedder; refuse all others."""
    found = np.atleast_2d(np.asarray(vectors, np.float32))
    name, wide = width()
    if found.size == 0:
        return np.empty((0, wide), np.float32)
    lengths = np.linalg.norm(found, axis=1)
    if found.ndim != 2 or found.shape[1] != wide or not np.allclose(lengths, 1, atol=1e-3):
        raise ValueError(
            f"These are not embeddings of '{name}' ({wide} numbers of length 1). Stored "
            "encodings of another library cannot be used: encode the original images again."
        )
    return found

"""Compare every image with every other: the similarities behind error rates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.decision.cohort import normalise
from mien.errors import TooFewTrialsError
from mien.evaluate.verification.vectors import Sample
from mien.types import Doubles, Floats

ROWS = 1024  # vectors in one matrix product: a block of some megabytes
# Comparisons of different people that are all kept. More are thinned, except the most similar.
MOST = 5_000_000
TAIL = 0.02  # share of the most similar that is never thinned: small rates need all of them
GUESS = 200_000  # random comparisons that estimate where the tail begins

Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Similarities of pairs of images; people are numbered in the order of their names."""

    people: int  # P
    same: Doubles  # (G,) similarities of pairs of one person
    same_person: Numbers  # (G,) who
    same_weights: Doubles  # (G,) so that each person counts once
    different: Doubles  # (Q,) similarities of pairs of two people, falling
    first: Numbers  # (Q,) who, on the one side
    second: Numbers  # (Q,) who, on the other side
    weights: Doubles  # (Q,) number of pairs that each represents; 1 unless there were too many
    impostors: int  # number of pairs of two people before thinning


def compare_all(
    sample: Sample, norms: Doubles | None = None, *, most: int = MOST, seed: int = 0
) -> Comparisons:
    """Compare each image with every other image.

    Args:
        sample: faces of named people.
        norms: (N, 2) of the faces (`Calibration.norms`): similarities are normalised;
            None: they are cosines.
        most: pairs of two people that are kept; of more, the least similar 98 % are thinned at
            random, and each remaining one represents several.
        seed: of the thinning.

    Raises:
        TooFewTrialsError: there are not two people, or nobody has two images.
    """
    names, number = np.unique(np.array(sample.people), return_inverse=True)
    order = np.argsort(number, kind="stable")
    vectors, who = sample.vectors[order], np.asarray(number[order], np.int32)
    usual = np.tile([0.0, 1.0], (len(who), 1)) if norms is None else norms[order]
    pictures = np.bincount(who)
    genuine = int((pictures * (pictures - 1) // 2).sum())
    impostors = len(who) * (len(who) - 1) // 2 - genuine
    if not (genuine and impostors):
        raise TooFewTrialsError(
            f"{len(who)} images of {names.size} people give {genuine} comparisons of one person "
            f"and {impostors} of two; at least two people are needed, and two images of some."
        )
    step = max(1, -(-impostors // most))  # number of pairs that each thinned pair represents
    floor = _floor(vectors, usual, who, seed) if step > 1 else -np.inf
    mated, non_mated = _pairs(vectors, usual, who, floor, step, seed)
    same, same_person = (np.concatenate(part) for part in zip(*mated, strict=True))
    others, first, second = (np.concatenate(part) for part in zip(*non_mated, strict=True))
    falling = np.argsort(-others, kind="stable")
    different = others[falling]
    weights = np.ones(different.shape)
    thinned = different <= floor
    weights[thinned] = (impostors - np.sum(~thinned)) / max(1, thinned.sum())
    return Comparisons(
        people=names.size,
        same=same,
        same_person=same_person,
        same_weights=1 / np.bincount(same_person)[same_person],
        different=different,
        first=first[falling],
        second=second[falling],
        weights=weights,
        impostors=impostors,
    )


def suspects(sample: Sample, most: int = 20) -> list[tuple[int, int, float]]:
    """The most similar pairs of two people: often one person under two names.

    Args:
        sample: faces of named people.
        most: largest number of pairs.

    Returns:
        Row, row, cosine; most similar first.
    """
    who = np.unique(np.array(sample.people), return_inverse=True)[1]
    best: list[tuple[int, int, float]] = []
    for start in range(0, len(who), ROWS):
        block = sample.vectors[start : start + ROWS] @ sample.vectors[start:].T
        upper = np.arange(block.shape[1]) > np.arange(len(block))[:, None]
        block[~upper | (who[start : start + ROWS, None] == who[None, start:])] = -np.inf
        flat = np.argpartition(-block, min(most, block.size - 1), axis=None)[:most]
        for row, column in zip(*np.unravel_index(flat, block.shape), strict=True):
            if np.isfinite(block[row, column]):
                best.append((start + int(row), start + int(column), float(block[row, column])))
    return sorted(best, key=lambda pair: -pair[2])[:most]


def _floor(vectors: Floats, norms: Doubles, who: Numbers, seed: int) -> float:
    """A similarity that about a share TAIL of the pairs of two people exceeds."""
    random = np.random.default_rng(seed)
    a, b = random.integers(0, len(who), (2, GUESS))
    a, b = a[who[a] != who[b]], b[who[a] != who[b]]
    cosines = np.einsum("nd,nd->n", vectors[a], vectors[b])
    return float(np.quantile(normalise(cosines, norms[a], norms[b]), 1 - TAIL))


def _pairs(
    vectors: Floats, norms: Doubles, who: Numbers, floor: float, step: int, seed: int
) -> tuple[list[tuple[Doubles, Numbers]], list[tuple[Doubles, Numbers, Numbers]]]:
    """Pairs of one person and of two, block by block; `who` is sorted, so first < second."""
    random = np.random.default_rng(seed)
    mated, non_mated = [], []
    for start in range(0, len(who), ROWS):
        cosines = vectors[start : start + ROWS] @ vectors[start:].T  # (rows, N - start)
        block = normalise(cosines, norms[start : start + ROWS, None], norms[None, start:])
        upper = np.arange(block.shape[1]) > np.arange(len(block))[:, None]
        one = who[start : start + ROWS, None] == who[None, start:]
        row, column = np.nonzero(upper & one)
        mated.append((block[row, column], who[start + row]))
        keep = upper & ~one
        if step > 1:
            keep &= (block > floor) | (random.random(block.shape, np.float32) < 1 / step)
        row, column = np.nonzero(keep)
        non_mated.append((block[row, column], who[start + row], who[start + column]))
    return mated, non_mated

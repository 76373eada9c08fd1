"""Clips of single photographs with the votes of their raters: FERPlus.

No film of real faces with votes can be had freely. A clip holds one photograph, or it fades from a
neutral photograph of somebody else to it and back; its votes are those of the photograph.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets import LABELS
from mien.systems.expression_midas.data import CLASSES, FRAMES, SIDE, Clips, grey
from mien.train.chips import read_chips
from mien.types import Crop, Doubles, OnStep, Pixels

NEUTRAL = CLASSES.index("neutral")
TRAINING, TEST = 8000, 2000  # photographs of each half
LEAST = 6  # votes for the seven classes that a photograph must have
STILL = 0.5  # share of clips that hold their photograph


def photographs(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Clips, Clips, str]:
    """Training and test clips of photographs, and the failures.

    Rare majorities are drawn more often for the training, by the root of their frequency: the
    votes for fear and disgust would hardly be learnt otherwise.

    Args:
        data: FERPlus as it is unpacked.
        out: run folder, which keeps the chips.
        on_step: called after each photograph that is cut.
    """
    records = [r for r in LABELS["ferplus"](data) if _votes(r.votes).sum() >= LEAST]
    test = np.array([r.split not in ("train", "Training") for r in records])
    votes = np.stack([_votes(r.votes) for r in records])
    rng = np.random.default_rng(28)
    rows = np.concatenate(
        [
            _some(rng, votes, np.flatnonzero(~test), TRAINING, even=True),
            _some(rng, votes, np.flatnonzero(test), TEST, even=False),
        ]
    )
    chips = read_chips([records[row] for row in rows], Crop(SIDE), out, on_step)
    rows = rows[chips.row]
    copies = ~test[rows] & np.isin(chips.content, chips.content[test[rows]])
    faces, halves = grey(chips.images), []
    for half in (~test[rows] & ~copies, test[rows]):
        kept = np.flatnonzero(half)
        x = appearing(rng, faces[kept], votes[rows[kept]])
        names = tuple(f"photo {row}" for row in rows[kept])
        halves.append(Clips(x, votes[rows[kept]], names))
    lost = f"{copies.sum()} training photographs are in the test, too" if copies.any() else ""
    return halves[0], halves[1], "; ".join(filter(None, (chips.failures, lost)))


def appearing(rng: np.random.Generator, faces: Pixels, votes: Doubles) -> Pixels:
    """(N, T, S, S): (N, S, S) photographs that stay, or appear over a neutral one and go."""
    neutral = np.flatnonzero(votes.argmax(1) == NEUTRAL)
    under = faces[rng.choice(neutral, len(faces))] if len(neutral) else faces
    apex = rng.uniform(FRAMES / 4, FRAMES * 3 / 4, (len(faces), 1))
    width = rng.uniform(1.5, 6, (len(faces), 1))
    level = np.exp(-(((np.arange(FRAMES) - apex) / width) ** 2) / 2)  # (N, T) 0 to 1
    level[rng.random(len(faces)) < STILL] = 1.0
    x = np.empty((len(faces), FRAMES, *faces.shape[1:]), np.uint8)
    for clip, (one, two) in enumerate(zip(under, faces, strict=True)):
        part = level[clip, :, None, None]
        x[clip] = (one * (1 - part) + two * part).round()
    return x


def _votes(votes: dict[str, int]) -> Doubles:
    return np.array([votes.get(word, 0) for word in CLASSES], np.float64)


def _some(
    rng: np.random.Generator, votes: Doubles, rows: NDArray[np.int64], most: int, *, even: bool
) -> NDArray[np.int64]:
    """Draw rows without repetition; `even` prefers rare majorities by the root of their number."""
    majority = votes[rows].argmax(1)
    weight = (
        1 / np.sqrt(np.bincount(majority, minlength=7))[majority] if even else np.ones(len(rows))
    )
    count = min(most, len(rows))
    return np.sort(rng.choice(rows, count, replace=False, p=weight / weight.sum()))

"""Measure tracking: identities over time against known ones.

Tests compare IDF1 and misses with motmetrics, which needs pandas and so is no dependency.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from mien.metrics.detection import overlaps
from mien.types import Floats

Seen = Sequence[tuple[Floats, Sequence[str]]]  # per frame: (N, 4) boxes and their N identities


@dataclass(frozen=True, slots=True)
class TrackingScores:
    """Counts over all frames, and what follows from them."""

    matched: int  # boxes of the truth that a box of the answer covers, whatever the identity
    missed: int  # boxes of the truth without one
    false: int  # boxes of the answer without one
    switches: int  # times that the identity on a person changes
    id_matched: int  # boxes under the best one-to-one assignment of identities

    @property
    def truth(self) -> int:
        """Boxes of the truth."""
        return self.matched + self.missed

    @property
    def idf1(self) -> float:
        """F1 of boxes with the right identity; NaN without boxes.

        Source: Ristani et al., "Performance measures and a data set for multi-target,
        multi-camera tracking", ECCV workshops 2016, equation 11.
        """
        total = self.truth + self.matched + self.false
        return 2 * self.id_matched / total if total else float("nan")

    @property
    def accuracy(self) -> float:
        """MOTA: 1 minus misses, false boxes and switches a box; below 0 if they are more.

        Source: Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance: the
        CLEAR MOT metrics", EURASIP JIVP 2008, section 2.1.2.
        """
        wrong = self.missed + self.false + self.switches
        return 1 - wrong / self.truth if self.truth else float("nan")


def score_tracking(truth: Seen, answer: Seen, *, overlap: float = 0.4) -> TrackingScores:
    """Compare identities over time.

    Args:
        truth: of each frame, boxes (left, top, right, bottom) and who they are.
        answer: the same frames; its identities may have any names.
        overlap: intersection over union from which two boxes may be the same face. Detectors
            differ in how much hair and chin they include, so it is less than the usual 0.5.

    Returns:
        Counts; in each frame boxes are matched one to one, as many as possible, best overlap
        first among those.
    """
    if len(truth) != len(answer):
        raise ValueError(
            f"Expected equally many frames, got {len(truth)} (truth) and {len(answer)} (answer)."
        )
    pairs: dict[tuple[str, str], int] = {}
    last: dict[str, str] = {}
    matched = missed = false = switches = 0
    for (boxes, names), (found, marks) in zip(truth, answer, strict=True):
        together = _matches(boxes, found, overlap)
        matched += len(together)
        missed += len(names) - len(together)
        false += len(marks) - len(together)
        for i, j in together:
            name, mark = names[i], marks[j]
            pairs[name, mark] = pairs.get((name, mark), 0) + 1
            switches += name in last and last[name] != mark
            last[name] = mark
    return TrackingScores(matched, missed, false, switches, _best(pairs))


def _matches(boxes: Floats, found: Floats, overlap: float) -> list[tuple[int, int]]:
    if not len(boxes) or not len(found):
        return []
    shared = overlaps(boxes.astype(float), found.astype(float))
    gain = np.where(shared >= overlap, 1000 + shared, 0.0)
    rows, columns = linear_sum_assignment(-gain)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def _best(pairs: dict[tuple[str, str], int]) -> int:
    """Most boxes that a one-to-one assignment of identities can get right."""
    if not pairs:
        return 0
    names = sorted({name for name, _ in pairs})
    marks = sorted({mark for _, mark in pairs})
    counts = np.zeros((len(names), len(marks)))
    for (name, mark), count in pairs.items():
        counts[names.index(name), marks.index(mark)] = count
    rows, columns = linear_sum_assignment(-counts)
    return int(counts[rows, columns].sum())

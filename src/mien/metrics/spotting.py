"""Score spotted events against true events: strict one-to-one counts, and what challenges add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.metrics.agreement import confusion

OVERLAP = 0.5  # least IoU of a hit in all MEGC challenges
COARSE = ("negative", "positive", "surprise")


@dataclass(frozen=True, slots=True)
class Interval:
    """One event of a film; both frames belong to it."""

    onset: int
    offset: int
    label: str = ""  # "": not known

    def __post_init__(self) -> None:
        if self.offset < self.onset:
            raise MienError(f"An event ends at frame {self.offset}, before it begins "
                            f"({self.onset}); correct the row.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpottingCounts:
    """Hits and misses, pooled over films; rates are 0 where nothing can be hit."""

    hits: int  # true positives
    false: int  # predictions without event
    missed: int  # events without prediction

    @property
    def precision(self) -> float:
        """Share of predictions that are events, in [0, 1], higher is better."""
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        """Share of events that were found, in [0, 1], higher is better."""
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of both, in [0, 1], higher is better."""
        return _harmonic(self.precision, self.recall)


@dataclass(frozen=True, slots=True)
class Spotting:
    """Counts of all films, and the labels of the hits."""

    counts: SpottingCounts
    labels: tuple[tuple[str, str], ...]  # (true, predicted) of each hit

    def analysis_f1(self, classes: tuple[str, ...] = COARSE) -> float:
        """F1_a of the hits: harmonic mean of mean precision and mean recall of the classes.

        Hits whose true label is not in `classes` are left out. In [0, 1]; 0 without hits.
        """
        pairs = [pair for pair in self.labels if pair[0] in classes]
        if not pairs:
            return 0.0
        other = "not a class"
        predicted = [p if p in classes else other for _, p in pairs]
        table = confusion([t for t, _ in pairs], predicted, (*classes, other))
        right = table.diagonal()[: len(classes)]
        precision = right / np.maximum(table.sum(0)[: len(classes)], 1)
        recall = right / np.maximum(table.sum(1)[: len(classes)], 1)
        return _harmonic(float(precision.mean()), float(recall.mean()))

    def strs(self, classes: tuple[str, ...] = COARSE) -> float:
        """Spot-then-recognise score: F1 of spotting times F1 of analysis, in [0, 1]."""
        return self.counts.f1 * self.analysis_f1(classes)


def overlaps(truth: Sequence[Interval], found: Sequence[Interval]) -> NDArray[np.float64]:
    """(T, F) intersection over union of inclusive frames, in [0, 1]."""
    a, b = (np.array([(e.onset, e.offset) for e in one], float).reshape(-1, 2)
            for one in (truth, found))  # fmt: skip
    low = np.maximum(a[:, None, 0], b[None, :, 0])
    high = np.minimum(a[:, None, 1], b[None, :, 1])
    both = np.maximum(0.0, high - low + 1)
    sizes = (a[:, 1] - a[:, 0] + 1)[:, None] + (b[:, 1] - b[:, 0] + 1)[None]
    return np.asarray(both / (sizes - both))


def match_intervals(
    truth: Sequence[Interval], found: Sequence[Interval], *, least: float = OVERLAP
) -> list[tuple[int, int]]:
    """Pair events and predictions one to one, by falling overlap.

    Args:
        truth: events of one film.
        found: predictions of the same film.
        least: IoU from which a pair counts, in (0, 1]; a tie counts.

    Returns:
        Row of the event and row of the prediction; each row occurs once at most. Of equal
        overlaps, the earlier event and then the earlier prediction is paired first.
    """
    if not 0 < least <= 1:
        raise MienError(f"Least overlap {least} is not in (0, 1].")
    shared = overlaps(truth, found)
    pairs: list[tuple[int, int]] = []
    for place in np.argsort(-shared, axis=None, kind="stable"):
        row, column = divmod(int(place), len(found))
        if shared[row, column] < least:
            break
        if all(row != r and column != c for r, c in pairs):
            pairs.append((row, column))
    return sorted(pairs)


def spotting(
    truth: Mapping[str, Sequence[Interval]],
    found: Mapping[str, Sequence[Interval]],
    *,
    least: float = OVERLAP,
    soft: bool = False,
) -> Spotting:
    """Count hits over all films; films are pooled, never averaged.

    Args:
        truth: film -> its events; a film without events has an empty list.
        found: film -> predictions; a film that is not a key has none.
        least: IoU from which a prediction hits.
        soft: count each overlap of at least `least` as a hit, several per event, as the scorer
            that was released with BoostingVRME does. Only for comparison: it can exceed the truth.

    Raises:
        MienError: predictions of a film that `truth` does not name.

    Source: MEGC 2025 (arXiv:2506.15298), metrics of the spot-then-recognise task.
    """
    strange = sorted(set(found) - set(truth))
    if strange:
        raise MienError(f"Film '{strange[0]}' has predictions, but the truth does not name it.")
    hits = false = missed = 0
    labels: list[tuple[str, str]] = []
    for film, events in truth.items():
        mine = found.get(film, ())
        if soft:
            pairs = [(int(r), int(c)) for r, c in np.argwhere(overlaps(events, mine) >= least)]
        else:
            pairs = match_intervals(events, mine, least=least)
        hits += len(pairs)
        false += len(mine) - len({column for _, column in pairs})
        missed += len(events) - len({row for row, _ in pairs})
        labels += [(events[row].label, mine[column].label) for row, column in pairs]
    return Spotting(SpottingCounts(hits, false, missed), tuple(labels))


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0

"""Whether the scores of live searches are still those of the gallery at its calibration.

A search compares a face with many strangers, whoever it shows. The level of a search is the mean
score of the people in the places FIRST to LAST, of whom at most one is not a stranger, minus the
logarithm of the number of people: among twice as many, strangers are as similar at twice the rate.
The templates of the gallery themselves give the levels of reference, each without its own person.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mien.metrics.drift import homogeneity

FIRST, LAST = 5, 14  # places; one mate in front of them shifts them by one
PEOPLE = 30  # fewer have no strangers in these places
LEAST = 100  # levels of reference; fewer give no test
BINS = 10  # each with a tenth of the levels of reference
WINDOW = 200  # searches of one test
ALARM = 1e-3  # share of windows without drift that give an alarm


def level_of(scores: Sequence[float], people: int) -> float | None:
    """Return the level of a search; None if the gallery is too small.

    Args:
        scores: of the nearest people, best first.
        people: number that was searched.
    """
    if people < PEOPLE or len(scores) < LAST:
        return None
    return float(np.mean(scores[FIRST - 1 : LAST])) - math.log10(people)


@dataclass(frozen=True, slots=True)
class Drift:
    """The levels of reference, and those of live searches since."""

    edges: tuple[float, ...]  # between the bins
    reference: tuple[int, ...]  # counts of the levels of reference
    window: tuple[int, ...]  # counts of the window that is being filled
    windows: int = 0  # that were tested
    alarms: int = 0  # of them, those that differ
    p: float | None = None  # of the last test

    @property
    def alarm(self) -> bool:
        """Return whether the last window differs from the reference."""
        return self.p is not None and self.p < ALARM

    @staticmethod
    def of(levels: Sequence[float]) -> "Drift | None":
        """Return the reference of levels; None if they are too few."""
        if len(levels) < LEAST:
            return None
        edges = np.quantile(levels, np.arange(1, BINS) / BINS)
        return Drift(tuple(edges.tolist()), counted(levels, edges), (0,) * BINS)

    def after(self, levels: Sequence[float]) -> "Drift":
        """Return the state after more searches; a full window is tested, and begins anew."""
        now = self
        room = WINDOW - sum(self.window)
        while levels:
            part, levels = levels[:room], levels[room:]
            pairs = zip(now.window, counted(part, np.array(self.edges)), strict=True)
            now = Drift(
                self.edges,
                self.reference,
                tuple(a + b for a, b in pairs),
                now.windows,
                now.alarms,
                now.p,
            )
            if sum(now.window) == WINDOW:
                now = now._tested()
            room = WINDOW
        return now

    def _tested(self) -> "Drift":
        p = homogeneity(self.reference, self.window)
        alarms = self.alarms + (p < ALARM)
        empty = (0,) * len(self.window)
        return Drift(self.edges, self.reference, empty, self.windows + 1, alarms, p)


def counted(levels: Sequence[float], edges: np.ndarray) -> tuple[int, ...]:
    """Return how many levels are in each bin."""
    places = np.searchsorted(edges, np.asarray(levels, np.float64))
    return tuple(np.bincount(places, minlength=len(edges) + 1).tolist())


def write_drift(drift: Drift) -> str:
    """Return a state as JSON."""
    return json.dumps(asdict(drift))


def read_drift(text: str) -> Drift:
    """Return a state from its JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        row = json.loads(text)
        lists = {key: tuple(row[key]) for key in ("edges", "reference", "window")}
        found = Drift(**{**row, **lists})
        sound = len(found.edges) + 1 == len(found.reference) == len(found.window) == BINS
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a state of drift: {error}") from error
    if not sound:
        raise ValueError("not a state of drift")
    return found

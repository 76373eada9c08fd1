"""Swings of a signal to and fro: nods, shakes of the head, a mouth that speaks."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.signals.episodes import Episode, pieces
from mien.types import Doubles

EDGE = 0.1  # share of a swing at its ends that counts as rest, so that a plateau is no slow swing


@dataclass(frozen=True, slots=True)
class Swing:
    """One move from a low to a high, or back; seconds."""

    start: float  # the last moment within a tenth of where it began
    end: float  # the first moment within a tenth of where it went
    size: float  # how far it went, with its sign


def swings(times: Doubles, values: Doubles, least: float) -> list[Swing]:
    """Cut a signal at its turning points.

    Args:
        times: (T,) seconds, rising.
        values: (T,) without NaN.
        least: a turn back by less than this is none; above 0.

    Returns:
        Swings of `least` or more, in the order of time; each goes the other way than the one
        before.
    """
    turns = _turns(values, least)
    found = []
    for a, b in itertools.pairwise(turns):
        size = values[b] - values[a]
        if abs(size) < least:
            continue
        gone = (values[a : b + 1] - values[a]) / size  # 0 to 1
        start = a + int(np.flatnonzero(gone <= EDGE)[-1])
        end = start + int(np.flatnonzero(gone[start - a :] >= 1 - EDGE)[0])
        found.append(Swing(float(times[start]), float(times[end]), float(size)))
    return found


def oscillations(
    times: ArrayLike,
    values: ArrayLike,
    *,
    least: float,
    longest: float,
    fewest: int,
    bridge: float,
    pause: float | None = None,
    rate: float = 0.0,
) -> list[Episode]:
    """Find the stretches in which a signal goes to and fro.

    Args:
        times: (T,) seconds, rising.
        values: (T,); NaN where nothing was measured.
        least: how far each swing goes at least, above 0.
        longest: seconds that a swing may last.
        fewest: swings one after another, 2 or more: 2 is there and back.
        bridge: seconds; samples that are further apart do not belong together.
        pause: seconds that the rest between two swings may last; None: as long as a swing.
        rate: swings a second at least, over the whole stretch.

    Returns:
        The stretches in the order of time. The apex is the middle of the largest swing, the peak
        its size without sign.
    """
    found = []
    for moments, heights in pieces(times, values, bridge):
        for run in _runs(swings(moments, heights, least), longest, pause or longest):
            if len(run) < max(fewest, rate * (run[-1].end - run[0].start)):
                continue
            most = max(run, key=lambda swing: abs(swing.size))
            begun = bool(run[0].start - moments[0] > 0)
            ended = bool(moments[-1] - run[-1].end > 0)
            apex = (most.start + most.end) / 2
            found.append(Episode(run[0].start, apex, run[-1].end, abs(most.size), begun, ended))
    return found


def _runs(found: list[Swing], longest: float, pause: float) -> list[list[Swing]]:
    """Swings that are quick and follow each other closely."""
    runs: list[list[Swing]] = []
    for swing in found:
        if swing.end - swing.start > longest:
            continue
        if runs and swing.start - runs[-1][-1].end <= pause:
            runs[-1].append(swing)
        else:
            runs.append([swing])
    return runs


def _turns(values: Doubles, least: float) -> list[int]:
    """Samples at which the signal turns by `least`, between the first and the last extreme."""
    turns: list[int] = []
    low = high = last = 0
    way = 0  # of the swing that is going on: 1 up, -1 down, 0 not known yet
    for i, value in enumerate(values):
        if way == 0:
            low, high = (i if value < values[low] else low), (i if value > values[high] else high)
            if values[high] - values[low] >= least:
                turns.append(min(low, high))
                way, last = (1 if high > low else -1), max(low, high)
        elif way * (value - values[last]) > 0:
            last = i
        elif way * (values[last] - value) >= least:
            turns.append(last)
            way, last = -way, i
    return [*turns, last] if turns else []

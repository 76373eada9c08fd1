"""Oscillations of a signal: nods, head shakes, speech."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.signals.episodes import Episode, pieces
from mien.types import Doubles

EDGE = 0.1  # share of a swing at its ends that counts as a plateau, not as slow motion


@dataclass(frozen=True, slots=True)
class Swing:
    """One motion from a minimum to a maximum, or back; seconds."""

    start: float  # the last time within a tenth of the starting value
    end: float  # the first time within a tenth of the final value
    size: float  # signed amplitude


def swings(times: Doubles, values: Doubles, least: float) -> list[Swing]:
    """Split a signal at its turning points.

    Args:
        times: (T,) seconds, rising.
        values: (T,) without NaN.
        least: smaller reversals are ignored; above 0.

    Returns:
        Swings of `least` or more, in the order of time; directions alternate.
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
    """Find the intervals in which a signal oscillates.

    Args:
        times: (T,) seconds, rising.
        values: (T,); NaN where nothing was measured.
        least: minimum amplitude of each swing, above 0.
        longest: maximum seconds of a swing.
        fewest: minimum number of consecutive swings, 2 or more: 2 is forth and back.
        bridge: seconds; a longer gap between samples ends an interval.
        pause: maximum seconds of a pause between two swings; None: as for a swing.
        rate: minimum swings per second, over the whole interval.

    Returns:
        The intervals in the order of time. The apex is the middle of the largest swing, the peak
        its amplitude without sign.
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
    """Group swings that are fast and follow each other closely."""
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
    """Return samples at which the signal reverses by `least`, first and last extreme included."""
    turns: list[int] = []
    low = high = last = 0
    way = 0  # direction of the current swing: 1 up, -1 down, 0 unknown
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

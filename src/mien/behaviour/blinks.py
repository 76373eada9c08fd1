"""Blinks of one eye: how far its lids are closed against the person's own open eye, and when."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.signals import Episode, episodes, joined
from mien.types import Doubles

WINDOW = 60.0  # s of the past that tell how wide a person's eye opens at all
NEAR = 1.0  # s around a moment: how wide it is open now, as it squints, smiles or turns away
FEWEST = 10  # apertures below which nobody knows how wide the eye opens
# Quantiles. An eye is open most of a minute, and no more than nine tenths of it: lower ones sink
# with long closures, higher ones are those of raised brows and noise. Of two seconds a blink takes
# a quarter at most, and what is above three quarters may be the start or end of wider open eyes.
OPEN, NOW = 0.9, 0.75
# The level of now sinks where an eye stays closed, and then noise would look like blinks: it never
# falls below this share of the minute's, nor below the narrowest of a hundred open eyes of UTKFace
# (inter-ocular distances).
FLOOR, NARROWEST = 0.7, 0.05
# Closure, as a share of the open level. Lids that touch still read 0.1 to 0.5 of it on the mesh,
# open eyes that nobody closes more than 0.7.
ENTER, LEAVE = 0.40, 0.25
BRIDGE = 0.15  # s without a number after which a closure is not the same any more
AGAIN = 0.1  # s from the end of a closure to the next one
LONGEST = 0.5  # s: lids that are closed for longer are closed eyes, not a blink


@dataclass(frozen=True, slots=True)
class Blink:
    """One closure of one eye; seconds."""

    onset: float  # the lids are a quarter down
    closed: float  # they are closest
    offset: float  # they are a quarter down again, on the way up
    depth: float  # share of the open level that was missing at the closest, in [0, 1]
    whole: bool  # False: its onset or its offset was not seen

    @property
    def seconds(self) -> float:
        """How long it lasted, as far as it was seen."""
        return self.offset - self.onset


def open_level(times: ArrayLike, apertures: ArrayLike, *, causal: bool) -> Doubles:
    """How wide one eye is when it is open: the 0.75 quantile of the second around each moment.

    It is never less than 0.7 of the 0.9 quantile of the last 60 seconds, nor less than 0.05.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye, as `measure` tells; NaN where not seen.
        causal: True: each moment knows only its past, as live, the last second being now.
            False: the whole clip is known, now is a second either way, and the first 60 seconds
            share what the causal mode knows of them at their end.

    Returns:
        (T,) in the unit of the apertures; NaN while fewer than 10 were seen.
    """
    moments, values = np.asarray(times, np.float64), np.asarray(apertures, np.float64)
    minute = _high(moments, values, (WINDOW, 0.0), OPEN)
    if not causal and len(minute):
        full = int(np.searchsorted(moments, moments[0] + WINDOW, side="right")) - 1
        minute[:full] = minute[full]
    now = _high(moments, values, (NEAR, 0.0 if causal else NEAR), NOW)
    floor = np.maximum(FLOOR * minute, NARROWEST)
    # Where few frames a second are seen, one second does not tell.
    return np.where(np.isfinite(now), np.fmax(now, floor), np.fmax(minute, floor))


def _high(times: Doubles, values: Doubles, around: tuple[float, float], quantile: float) -> Doubles:
    """(T,) a quantile of the values so many seconds before and after each time; NaN of too few."""
    before, after = around
    level = np.full(len(values), np.nan)
    past: deque[tuple[float, float]] = deque()
    ranked: list[float] = []
    ahead = 0
    for i, time in enumerate(times):
        while ahead < len(times) and times[ahead] <= time + after:
            if np.isfinite(values[ahead]):
                past.append((times[ahead], values[ahead]))
                insort(ranked, values[ahead])
            ahead += 1
        while past and past[0][0] < time - before:
            del ranked[bisect_left(ranked, past.popleft()[1])]
        if len(ranked) >= FEWEST:
            level[i] = ranked[int(quantile * (len(ranked) - 1))]
    return level


def blinks(times: ArrayLike, apertures: ArrayLike, level: ArrayLike) -> list[Blink]:
    """Find the closures of one eye that are short enough to be blinks.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye; NaN where not seen, which is bridged for 0.15 s at most.
        level: (T,) or one number: its open level, from `open_level`.

    Returns:
        Closures of half a second at most, in the order of time.

    Raises:
        ValueError: the lengths differ, or times do not rise.
    """
    found = [
        Blink(
            one.onset, one.apex, one.offset, float(np.clip(one.peak, 0, 1)), one.begun and one.ended
        )
        for one in closures(times, apertures, level)
    ]
    return [one for one in found if one.seconds <= LONGEST]


def closures(times: ArrayLike, apertures: ArrayLike, level: ArrayLike) -> list[Episode]:
    """Find when one eye is closed, however long; values are shares of the level that are missing.

    Arguments and errors are those of `blinks`. What is less than a tenth of a second apart is one
    closure: lids that touch are read unsteadily, and nobody blinks again as soon.
    """
    values = np.asarray(apertures, np.float64)
    closure = 1 - values / np.asarray(level, np.float64)
    found: list[Episode] = []
    for one in episodes(times, closure, enter=ENTER, leave=LEAVE, bridge=BRIDGE):
        last = found[-1] if found else None
        if last and last.ended and one.begun and one.onset - last.offset < AGAIN:
            found[-1] = joined(last, one)
        else:
            found.append(one)
    return found


def blink_rate(times: ArrayLike, apertures: ArrayLike, found: list[Blink]) -> float:
    """Blinks a minute of the time that the eye was seen; NaN if it was not.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye; NaN where not seen. Gaps over 0.15 s do not count as time.
        found: its blinks.
    """
    seen = np.asarray(times, np.float64)[np.isfinite(np.asarray(apertures, np.float64))]
    steps = np.diff(seen)
    seconds = float(steps[steps <= BRIDGE].sum())
    return 60 * len(found) / seconds if seconds else np.nan

"""Blinks of one eye: closure of the lids relative to the person's open eye."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.signals import Episode, episodes, joined
from mien.types import Doubles

WINDOW = 60.0  # s of the past that determine the maximum aperture of the eye
NEAR = 1.0  # s around a time: current aperture, which squints, smiles and head turns reduce
FEWEST = 10  # fewer apertures do not determine the open level
# Quantiles. An eye is open most of a minute, but the quantile is at most 0.9: lower quantiles
# fall with long closures, higher ones follow raised brows and noise. A blink takes at most a
# quarter of two seconds; values above the 0.75 quantile may belong to the next, wider aperture.
OPEN, NOW = 0.9, 0.75
# The current level falls where an eye stays closed, and noise would then resemble blinks. It is
# therefore limited to this share of the level of the minute, and to the narrowest 1 % of open eyes
# of UTKFace (inter-ocular distances).
FLOOR, NARROWEST = 0.7, 0.05
# Closure, as a share of the open level. Touching lids still measure 0.1 to 0.5 of it on the mesh,
# open eyes more than 0.7.
ENTER, LEAVE = 0.40, 0.25
BRIDGE = 0.15  # s without a number that end a closure
AGAIN = 0.1  # minimum s from the end of a closure to the next one
LONGEST = 0.5  # s: longer closures are closed eyes, not blinks


@dataclass(frozen=True, slots=True)
class Blink:
    """One closure of one eye; seconds."""

    onset: float  # the lids are closed by a quarter
    closed: float  # minimum aperture
    offset: float  # the lids are closed by a quarter again, while opening
    depth: float  # closure at the minimum aperture, as a share of the open level, in [0, 1]
    whole: bool  # False: its onset or its offset was not observed

    @property
    def seconds(self) -> float:
        """Return the observed duration."""
        return self.offset - self.onset


def open_level(times: ArrayLike, apertures: ArrayLike, *, causal: bool) -> Doubles:
    """Compute the open level of one eye: the 0.75 quantile of the second around each time.

    The level is never less than 0.7 of the 0.9 quantile of the last 60 seconds, nor less than 0.05.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye, from `measure`; NaN where missing.
        causal: True: each time uses its past only, as live: the last second is the current
            one. False: the whole clip is used: one second to either side, and the first 60 seconds
            share the level that the causal mode has at their end.

    Returns:
        (T,) in the unit of the apertures; NaN while there are fewer than 10 apertures.
    """
    moments, values = np.asarray(times, np.float64), np.asarray(apertures, np.float64)
    minute = _high(moments, values, (WINDOW, 0.0), OPEN)
    if not causal and len(minute):
        full = int(np.searchsorted(moments, moments[0] + WINDOW, side="right")) - 1
        minute[:full] = minute[full]
    now = _high(moments, values, (NEAR, 0.0 if causal else NEAR), NOW)
    floor = np.maximum(FLOOR * minute, NARROWEST)
    # At few frames per second, one second is too short.
    return np.where(np.isfinite(now), np.fmax(now, floor), np.fmax(minute, floor))


def _high(times: Doubles, values: Doubles, around: tuple[float, float], quantile: float) -> Doubles:
    """Return the quantile of values in a window around each time, (T,); NaN if too few."""
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
    """Find the blinks of one eye: closures of at most half a second.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye; NaN where missing; gaps of at most 0.15 s are bridged.
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
    """Find all closures of one eye; values are the closed shares of the open level.

    Arguments and errors are those of `blinks`. Closures less than a tenth of a second apart are
    merged: touching lids are measured with noise, and no new blink begins so soon.
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
    """Return blinks per minute of observed time; NaN without observations.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye; NaN where missing. Gaps over 0.15 s do not count as time.
        found: its blinks.
    """
    seen = np.asarray(times, np.float64)[np.isfinite(np.asarray(apertures, np.float64))]
    steps = np.diff(seen)
    seconds = float(steps[steps <= BRIDGE].sum())
    return 60 * len(found) / seconds if seconds else np.nan

"""Blinks of one eye: how far its lids are closed against the person's own open eye, and when."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.signals import episodes
from mien.types import Doubles

WINDOW = 60.0  # s of the past that the open level is taken from
FEWEST = 10  # apertures below which nobody knows how wide the eye opens
# An eye is open most of the time, and no more than nine tenths of it: lower quantiles sink
# with long closures, higher ones are those of raised brows and noise.
OPEN = 0.9
# Closure, as a share of the open level. Lids that touch still read 0.2 to 0.5 of it on the mesh;
# open eyes of rendered people stay above 0.7, a hearty smile narrows real ones to 0.67.
ENTER, LEAVE = 0.42, 0.33
BRIDGE = 0.15  # s without a number after which a closure is not the same any more
LONGEST = 0.5  # s: lids that are closed for longer are closed eyes, not a blink


@dataclass(frozen=True, slots=True)
class Blink:
    """One closure of one eye; seconds."""

    onset: float  # the lids are a third down
    closed: float  # they are closest
    offset: float  # they are a third down again, on the way up
    depth: float  # share of the open level that was missing at the closest, in [0, 1]
    whole: bool  # False: its onset or its offset was not seen

    @property
    def seconds(self) -> float:
        """How long it lasted, as far as it was seen."""
        return self.offset - self.onset


def open_level(times: ArrayLike, apertures: ArrayLike, *, causal: bool) -> Doubles:
    """How wide one eye is when it is open: the 0.9 quantile of the last 60 seconds.

    Args:
        times: (T,) seconds, rising.
        apertures: (T,) of one eye, as `measure` tells; NaN where not seen.
        causal: True: each moment knows only its past, as live. False: the whole clip is known, and
            each of its first 60 seconds has the level that the causal mode reaches at their end.

    Returns:
        (T,) in the unit of the apertures; NaN while fewer than 10 were seen.
    """
    moments, values = np.asarray(times, np.float64), np.asarray(apertures, np.float64)
    level = np.full(len(values), np.nan)
    past: deque[tuple[float, float]] = deque()
    ranked: list[float] = []
    for i, (time, value) in enumerate(zip(moments, values, strict=True)):
        while past and time - past[0][0] > WINDOW:
            del ranked[bisect_left(ranked, past.popleft()[1])]
        if np.isfinite(value):
            past.append((time, value))
            insort(ranked, value)
        if len(ranked) >= FEWEST:
            level[i] = ranked[int(OPEN * (len(ranked) - 1))]
    if not causal and len(level):
        full = int(np.searchsorted(moments, moments[0] + WINDOW, side="right")) - 1
        level[:full] = level[full]
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
    values = np.asarray(apertures, np.float64)
    closure = 1 - values / np.asarray(level, np.float64)
    found = [
        Blink(
            one.onset, one.apex, one.offset, float(np.clip(one.peak, 0, 1)), one.begun and one.ended
        )
        for one in episodes(times, closure, enter=ENTER, leave=LEAVE, bridge=BRIDGE)
    ]
    return [one for one in found if one.seconds <= LONGEST]


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

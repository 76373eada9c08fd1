"""Stretches of a signal above a threshold: when each begins, is highest, and ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.types import Doubles


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch above a threshold; seconds."""

    onset: float  # where it rose above the lower threshold, between two samples
    apex: float  # of the highest sample, the first if several are
    offset: float  # where it fell back to the lower threshold
    peak: float  # value at the apex
    begun: bool = True  # False: the onset was not seen; `onset` is the first sample there is
    ended: bool = True  # False: the offset was not seen; `offset` is the last sample there is


def episodes(
    times: ArrayLike, values: ArrayLike, *, enter: float, leave: float, bridge: float
) -> list[Episode]:
    """Find the stretches above `leave` that rise above `enter` somewhere: hysteresis.

    Args:
        times: (T,) seconds, rising.
        values: (T,); NaN where nothing was measured.
        enter: threshold that must be exceeded; a tie is below.
        leave: threshold at which a stretch begins and ends; `enter` or less.
        bridge: seconds. Samples with a number that are further apart do not belong together,
            whether rows of NaN or no rows lie between: nothing is told of what was not seen.

    Returns:
        The episodes in the order of time. Onset and offset are interpolated linearly.

    Raises:
        ValueError: the lengths differ, times do not rise, or thresholds or bridge make no sense.
    """
    if not leave <= enter:
        raise ValueError(
            f"Thresholds {enter} to enter, {leave} to leave: the second may not exceed the first."
        )
    return [e for t, v in pieces(times, values, bridge) for e in _above(t, v, enter, leave)]


def joined(a: Episode, b: Episode) -> Episode:
    """One episode of two that overlap or nearly touch."""
    first, last = min(a, b, key=lambda e: e.onset), max(a, b, key=lambda e: e.offset)
    strong = max(a, b, key=lambda e: e.peak)
    return Episode(first.onset, strong.apex, last.offset, strong.peak, first.begun, last.ended)


def pieces(times: ArrayLike, values: ArrayLike, bridge: float) -> list[tuple[Doubles, Doubles]]:
    """The stretches of a signal that were seen without a gap.

    Args:
        times: (T,) seconds, rising.
        values: (T,); NaN where nothing was measured.
        bridge: seconds. Samples with a number that are further apart do not belong together.

    Returns:
        Times and values of each stretch, without NaN; at least one sample each.

    Raises:
        ValueError: the lengths differ, times do not rise, or the bridge makes no sense.
    """
    moments, heights = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if moments.ndim != 1 or moments.shape != heights.shape:
        raise ValueError(f"{moments.shape} times for {heights.shape} values; give one for each.")
    if not (np.isfinite(moments).all() and (np.diff(moments) > 0).all()):
        raise ValueError("Times must be finite and rise; sort the rows by time.")
    if not bridge > 0:
        raise ValueError(f"{bridge} s to bridge; give a time above 0.")
    seen = np.isfinite(heights)
    moments, heights = moments[seen], heights[seen]
    apart = np.flatnonzero(np.diff(moments) > bridge) + 1
    cut = zip(np.split(moments, apart), np.split(heights, apart), strict=True)
    return [(t, v) for t, v in cut if len(t)]


def _above(times: Doubles, values: Doubles, enter: float, leave: float) -> list[Episode]:
    """Episodes of one piece without gaps."""
    above = np.concatenate([[False], values > leave, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(above))
    found = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):  # samples first to end - 1
        apex = first + int(values[first:end].argmax())
        if values[apex] <= enter:
            continue
        begun, ended = bool(first > 0), bool(end < len(values))
        onset = _crossing(times, values, first - 1, leave) if begun else times[first]
        offset = _crossing(times, values, end - 1, leave) if ended else times[end - 1]
        found.append(
            Episode(
                float(onset), float(times[apex]), float(offset), float(values[apex]), begun, ended
            )
        )
    return found


def _crossing(times: Doubles, values: Doubles, before: int, level: float) -> float:
    """Seconds at which the line between a sample and the next one meets the level."""
    low, high = values[before], values[before + 1]
    share = (level - low) / (high - low)
    return float(times[before] + share * (times[before + 1] - times[before]))

"""Episodes of a signal above a threshold: onset, apex and offset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.types import Doubles


@dataclass(frozen=True, slots=True)
class Episode:
    """One interval above a threshold; seconds."""

    onset: float  # where it rose above the lower threshold, between two samples
    apex: float  # of the highest sample, the first if several are
    offset: float  # where it fell back to the lower threshold
    peak: float  # value at the apex
    begun: bool = True  # False: the onset was not observed; `onset` is the first sample
    ended: bool = True  # False: the offset was not observed; `offset` is the last sample


def episodes(
    times: ArrayLike, values: ArrayLike, *, enter: float, leave: float, bridge: float
) -> list[Episode]:
    """Find the intervals above `leave` that exceed `enter` somewhere (hysteresis).

    Args:
        times: (T,) seconds, rising.
        values: (T,); NaN where nothing was measured.
        enter: threshold that must be exceeded; a tie is below.
        leave: threshold at which an interval begins and ends; `enter` or less.
        bridge: seconds. An interval ends at a longer gap between samples with a number, with or
            without rows of NaN in the gap: unobserved time is never bridged.

    Returns:
        The episodes in the order of time. Onset and offset are interpolated linearly.

    Raises:
        ValueError: the lengths differ, times do not rise, or thresholds or bridge are out of range.
    """
    if not leave <= enter:
        raise ValueError(
            f"Thresholds are not valid: leave ({leave}) must not exceed enter ({enter})."
        )
    return [e for t, v in pieces(times, values, bridge) for e in _above(t, v, enter, leave)]


def joined(a: Episode, b: Episode) -> Episode:
    """Merge two episodes that overlap or nearly touch."""
    first, last = min(a, b, key=lambda e: e.onset), max(a, b, key=lambda e: e.offset)
    strong = max(a, b, key=lambda e: e.peak)
    return Episode(first.onset, strong.apex, last.offset, strong.peak, first.begun, last.ended)


def pieces(times: ArrayLike, values: ArrayLike, bridge: float) -> list[tuple[Doubles, Doubles]]:
    """Split a signal into segments without a gap.

    Args:
        times: (T,) seconds, rising.
        values: (T,); NaN where nothing was measured.
        bridge: seconds; a longer gap between samples with a number ends a segment.

    Returns:
        Times and values of each segment, without NaN; at least one sample each.

    Raises:
        ValueError: the lengths differ, times do not rise, or the bridge is out of range.
    """
    moments, heights = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if moments.ndim != 1 or moments.shape != heights.shape:
        raise ValueError(
            f"Times have shape {moments.shape}, values {heights.shape}; give one time per value."
        )
    if not (np.isfinite(moments).all() and (np.diff(moments) > 0).all()):
        raise ValueError("Times must be finite and rising; sort the rows by time.")
    if not bridge > 0:
        raise ValueError(f"Bridge {bridge} s is not valid: expected a time above 0.")
    seen = np.isfinite(heights)
    moments, heights = moments[seen], heights[seen]
    apart = np.flatnonzero(np.diff(moments) > bridge) + 1
    cut = zip(np.split(moments, apart), np.split(heights, apart), strict=True)
    return [(t, v) for t, v in cut if len(t)]


def _above(times: Doubles, values: Doubles, enter: float, leave: float) -> list[Episode]:
    """Find the episodes of one segment without gaps."""
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
    """Interpolate the time at which the signal crosses the level after a sample."""
    low, high = values[before], values[before + 1]
    share = (level - low) / (high - low)
    return float(times[before] + share * (times[before + 1] - times[before]))

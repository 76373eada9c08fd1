"""Spot short movements of a face: how much each frame deforms, and events of that score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from mien.errors import FilmError, MienError
from mien.signals.flow import dense_flow, still_motion
from mien.signals.turning import without_turns
from mien.types import Doubles, Floats

Way = Literal["map", "released", "fixed"]
Head = Literal["turning", "average", "affine", "ignored"]
REFUSED, WARNED = 25.0, 100.0  # frames per second: refused below, warned about below
APART = 0.5  # s; a micro-expression lasts at most this long. Source: Yan et al., 2013
PEAK = 0.55  # share of the way from the mean to the maximum, not for "map". Source: MEGC
FLOOR = 0.15  # px at 128 px of face; the noise of films of a rendered person who turns
STANDS = (5.0, 0.15)  # CLEAR and SHARE for agreed motion: little noise, few large movements left
LEFT = 0.1  # of the bend by a turn is left after its motion is subtracted, at most times
CELLS = 64  # of a side; what moves less than two pixels of 128 wide is noise
CALMED, CLEAR = 0.05, 3.0  # s; standard deviations of calm frames that a peak stands out
SHARE, FOOT = 0.3, 0.15  # least peak as share of the film's highest; foot as share of its peak
CALM = 5  # the mean of this part of the distance, 0.1 s, halves the noise of the flow
WIDEST = 3.0  # standard deviations of the logarithm of durations that are searched


@dataclass(frozen=True, slots=True)
class Durations:
    """How long events last, from training people: a log-normal distribution."""

    median: float = 0.3  # s
    spread: float = 0.6  # standard deviation of the natural logarithm


@dataclass(frozen=True, slots=True)
class MicroEvent:
    """One candidate; frames from 0, all of them part of it."""

    onset: int
    apex: int
    offset: int
    score: float  # at the apex


@dataclass(frozen=True, slots=True)
class MicroEvents:
    """The candidates of a film, and what to know about them."""

    events: tuple[MicroEvent, ...]
    score: Doubles  # (T,) px; NaN: near the ends, where there is nothing to compare with
    note: str = ""  # a warning; "": none


def between_blinks(blinks: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the spans in which both compared frames show a blink: open eyes seem to move there.

    Args:
        blinks: onset and offset of each, s.
    """
    shared = [(max(a + APART, c - APART), min(b + APART, d - APART))
              for a, b in blinks for c, d in blinks]  # fmt: skip
    return [(a, b) for a, b in shared if a < b]


def spot_micro(
    frames: NDArray[np.uint8],
    rate: float,
    *,
    way: Way = "map",
    durations: Durations = Durations(),
    head: Head = "turning",
    ignore: NDArray[np.bool_] | None = None,
    edge: NDArray[np.bool_] | None = None,
) -> MicroEvents:
    """Find short movements in a film of one face that is cut at one place.

    Args:
        frames: (T, S, S) grey.
        rate: frames per second.
        way: see `events_of`.
        durations: of events.
        head: how its motion is subtracted, see `movement`.
        ignore: (S, S) what is not the head, or blinks: beside the face, and the eyes.
        edge: (S, S) that shows how the head moves, but whose motion does not count.

    Raises:
        FilmError: fewer than 25 frames per second, or a film too short to compare: 1 s and a
            frame.
    """
    if not REFUSED <= rate < float("inf"):
        raise FilmError(f"{rate:g} frames per second are too few: at least {REFUSED:g} are needed.")
    apart = round(APART * rate)
    if len(frames) <= 2 * apart:
        raise FilmError(f"{len(frames)} frames are too few: {2 * apart + 1} are needed.")
    score = movement(frames, apart, head=head, ignore=ignore, edge=edge)
    inside = slice(apart, len(frames) - apart)
    least = FLOOR * frames.shape[1] / 128
    found = events_of(score[inside], rate, way=way, durations=durations, least=least, stands=STANDS)
    moved = tuple(
        MicroEvent(e.onset + apart, e.apex + apart, e.offset + apart, e.score) for e in found
    )
    few = f"{rate:g} frames per second: short movements are missed below {WARNED:g}"
    return MicroEvents(moved, score, few if rate < WARNED else "")


def movement(
    frames: NDArray[np.uint8],
    apart: int,
    *,
    head: Head = "turning",
    ignore: NDArray[np.bool_] | None = None,
    edge: NDArray[np.bool_] | None = None,
) -> Doubles:
    """Measure how far each frame differs in the same way from earlier and from later ones.

    Args:
        frames: (T, S, S) grey.
        apart: frames to the earlier and to the later one.
        head: its motion. "turning": a rigid head whose relief is learnt from the film; "average":
            with the relief of an average face; "affine": shift, scale and shear; "ignored".
        ignore: (S, S) what is not the head, or blinks.
        edge: (S, S) that shows how the head moves, but whose motion does not count.

    Returns:
        (T,) px: the 95th percentile over the face of the motion that both comparisons agree on, so
        that neither what stays, such as a smile that goes on, nor what passes, such as a turn of
        the head, counts. NaN within `apart` of an end.

    Source: two-sided comparison after Moilanen et al., "Spotting rapid facial movements from
        videos using appearance-based feature difference analysis", ICPR 2014.
    """
    score = np.full(len(frames), np.nan)
    if len(frames) > 2 * apart:
        flow = two_sided_flow(frames, apart)
        score[apart : len(frames) - apart] = agreed_motion(
            flow, head=head, ignore=ignore, edge=edge
        )
    return score


def two_sided_flow(frames: NDArray[np.uint8], apart: int) -> Floats:
    """(T, S, S) grey -> (T - 2 apart, 2, CELLS, CELLS, 2) px: to the earlier and later frame."""
    calm = uniform_filter1d(frames, max(1, apart // CALM), axis=0, mode="nearest")
    middles = range(apart, len(frames) - apart)
    flow = np.empty((len(middles), 2, CELLS, CELLS, 2), np.float32)
    for row, middle in enumerate(middles):
        for side, other in enumerate((middle - apart, middle + apart)):
            flow[row, side] = cv2.resize(
                dense_flow(calm[middle], calm[other]), (CELLS, CELLS), interpolation=cv2.INTER_AREA
            )
    return flow


def agreed_motion(
    flow: Floats,
    *,
    head: Head = "turning",
    ignore: NDArray[np.bool_] | None = None,
    edge: NDArray[np.bool_] | None = None,
) -> Doubles:
    """Return what `movement` does, (T,) px, from the flows (T, 2, CELLS, CELLS, 2) of a film.

    Raises:
        MienError: no place counts.
    """
    fitted = _cells(ignore)
    counted = fitted & _cells(edge)
    if not counted.any():
        raise MienError("No place of the face is left whose motion counts; ignore less of it.")
    both = flow.reshape(-1, *flow.shape[2:])
    left = np.zeros(len(both))
    if head in ("turning", "average"):
        turned = without_turns(both, fitted, learn=head == "turning")
        both, left = turned.flow, LEFT * turned.turn
    elif head == "affine":
        both = np.stack([one - still_motion(one, fitted) for one in both])
    agreed = _agreed(both.reshape(flow.shape)[:, :, counted])
    most = np.percentile(agreed, 95, axis=1) - left.reshape(-1, 2).max(1)
    return np.asarray(np.maximum(most, 0.0))


def _cells(out: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """(CELLS, CELLS) cells of which less than half is left out."""
    if out is None:
        return np.ones((CELLS, CELLS), bool)
    size = (CELLS, CELLS)
    return np.asarray(cv2.resize(out.astype(np.float32), size, interpolation=cv2.INTER_AREA) < 0.5)


def _agreed(flow: Floats) -> Floats:
    """(T, 2, N, 2) -> (T, N) px: the shorter of two parallel motions; 0 for opposite ones."""
    one, other = flow[:, 0], flow[:, 1]
    same = np.linalg.norm(one + other, axis=-1) - np.linalg.norm(one - other, axis=-1)
    return np.asarray(np.maximum(same / 2, 0.0))


def events_of(
    score: ArrayLike,
    rate: float,
    *,
    way: Way = "map",
    durations: Durations = Durations(),
    least: float = 0.0,
    stands: tuple[float, float] = (CLEAR, SHARE),
) -> list[MicroEvent]:
    """Decode a score per frame to events.

    Args:
        score: (T,), finite.
        rate: frames per second.
        way: "fixed": half a median duration to both sides of each peak. "released": grown from
            the peak by the rule of BoostingVRME. "map": the most probable interval around the
            peak, given noise and durations, down to its foot; peaks stand out from calm frames,
            while the other two need a share of the way from the mean to the maximum.
        durations: of events.
        least: score that a peak must reach.
        stands: for "map", standard deviations of calm frames that a peak stands out, and its least
            share of the film's highest one.

    Returns:
        Events in the order of time; of two that overlap by more than 0.2, the higher one.

    Raises:
        ValueError: the score is not finite.

    Source: peaks and "fixed": MEAN, Liong et al. 2023; "released": Guo et al., MM 2025.
    """
    values = np.asarray(score, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"A score must be one finite number per frame, got {values.shape}.")
    half = max(1, int((durations.median * rate + 1) / 2))
    if not len(values):
        return []
    # A wide mean, as published, hides events shorter than itself. A height between the mean and
    # the maximum hides small events beside large movements: "map" compares with the noise.
    # "nearest" rather than zeros: a film that ends within an event is no peak less.
    if way == "map":
        smooth = gaussian_filter1d(values, CALMED * rate, mode="nearest")
        level, noise = _rest(smooth)
        clear, share = stands
        height = max(level + clear * noise, level + share * (smooth.max() - level), least)
        prominence = (height - level) / 2
    else:
        smooth = uniform_filter1d(values, 2 * half, mode="nearest")
        height = max(smooth.mean() + PEAK * (smooth.max() - smooth.mean()), least)
        prominence = None
    padded = np.pad(smooth, 1, constant_values=-np.inf)
    peaks, _ = find_peaks(padded, height=height, distance=half, prominence=prominence)
    grow = {"fixed": _fixed, "released": _released, "map": _map}[way]
    found = []
    for peak in (peaks - 1).tolist():
        first, last = grow(values, peak, half, rate, durations)
        apex = first + int(values[first : last + 1].argmax())
        found.append(MicroEvent(first, apex, last, float(values[apex])))
    return _apart(found)


def _fixed(
    values: Doubles, peak: int, half: int, rate: float, durations: Durations
) -> tuple[int, int]:
    return max(0, peak - half), min(len(values) - 1, peak + half)


def _released(
    values: Doubles, peak: int, half: int, rate: float, durations: Durations
) -> tuple[int, int]:
    back = peak - _reach(values[peak::-1], half, values.mean())
    return max(0, back), min(len(values) - 1, peak + _reach(values[peak:], half, values.mean()))


def _reach(away: Doubles, half: int, mean: float) -> int:
    """Frames from the peak, `away[0]`, to the end of the event on one side."""
    reach = half
    for step in range(min(half, len(away)) - 1, 0, -1):  # from outside
        if away[step - 1] > away[step] > mean / 1.5:
            reach = step + 1
            break
    for step in range(reach, min(5 * half, len(away) - 1)):
        if away[step] < mean and away[step + 1] < mean:
            break
        reach = step + 1
    return reach


def _map(
    values: Doubles, peak: int, half: int, rate: float, durations: Durations
) -> tuple[int, int]:
    """Maximise sum((s - tau) / sigma) and the log-normal log-prior; tau is half the peak."""
    level = np.median(values)
    sigma = max(1.4826 * float(np.median(np.abs(values - level))), 1e-6)
    tau = level + (values[max(0, peak - 1) : peak + 2].max() - level) / 2
    longest = int(rate * durations.median * np.exp(WIDEST * durations.spread))
    first, last = max(0, peak - longest), min(len(values) - 1, peak + longest)
    total = np.concatenate([[0.0], np.cumsum((values[first : last + 1] - tau) / sigma)])
    begins = np.arange(first, peak + 1)
    ends = np.arange(peak, last + 1)
    gain = total[ends - first + 1][None] - total[begins - first][:, None]
    length = np.log((ends[None] - begins[:, None] + 1) / (rate * durations.median))
    gain = gain - length - 0.5 * (length / durations.spread) ** 2
    row, column = np.unravel_index(int(gain.argmax()), gain.shape)
    return _to_foot(values, int(begins[row]), int(ends[column]), tau, rate)


def _to_foot(values: Doubles, first: int, last: int, tau: float, rate: float) -> tuple[int, int]:
    """Extend from half the height to the foot: a movement that swells is half as long there."""
    smooth = gaussian_filter1d(values, CALMED * rate, mode="nearest")
    level, noise = _rest(smooth)
    foot = max(level + FOOT * 2 * (tau - level), level + noise)
    most = max(1, (last - first + 1) // 2)  # on each side: what falls more slowly is another one
    for _ in range(most):
        if first and values[first - 1] > foot and smooth[first - 1] < smooth[first]:
            first -= 1
        if last < len(values) - 1 and values[last + 1] > foot and smooth[last + 1] < smooth[last]:
            last += 1
    return first, last


def _rest(smooth: Doubles) -> tuple[float, float]:
    """Level and standard deviation of the frames in which little happens: the lower half."""
    level = float(np.median(smooth))
    return level, max(1.4826 * float(np.median(level - smooth[smooth <= level])), 1e-6)


def _apart(found: list[MicroEvent]) -> list[MicroEvent]:
    kept: list[MicroEvent] = []
    for one in sorted(found, key=lambda event: -event.score):
        if all(_shared(one, other) < 0.2 for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda event: event.onset)


def _shared(a: MicroEvent, b: MicroEvent) -> float:
    common = max(0, min(a.offset, b.offset) - max(a.onset, b.onset) + 1)
    return common / (a.offset - a.onset + b.offset - b.onset + 2 - common)

"""Features of sound over time: level, pitch, mel-frequency cepstral coefficients, voice activity.

Level and pitch belong to what is heard, not to a person who is seen.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct
from scipy.ndimage import median_filter

from mien.errors import MienError
from mien.types import Doubles

STEP, WINDOW = 0.010, 0.040  # s between two values; s that one value is made of
LOWEST, HIGHEST = 60.0, 400.0  # Hz of a speaking voice
HARMONIC = 0.45  # least normalised autocorrelation of a voiced sound. Source: Praat's default
FINE = 32_000  # lags per second that are compared at least
OCTAVE = 0.01  # cost per octave below the highest pitch, so that no multiple period wins. Praat
SILENCE = -100.0  # dB of full scale: nothing is quieter
FILTERS, COEFFICIENTS, EMPHASIS = 26, 13, 0.97  # of MFCC. Source: HTK's defaults
# Voice activity: the range of levels that a recording with pauses has; the share of this range
# above the noise; s of a pause that is bridged; s of the shortest speech.
RANGE, ABOVE, PAUSE, SHORTEST = 10.0, 0.35, 0.20, 0.08


@dataclass(frozen=True, slots=True, eq=False)
class SoundFeatures:
    """One value per step of 10 ms; a time is the middle of its window."""

    times: Doubles  # (T,) seconds
    level: Doubles  # (T,) dB of full scale, -100 or above; a full sine has -3
    pitch: Doubles  # (T,) Hz; NaN: not voiced


def sound_features(samples: ArrayLike, rate: int, *, start: float = 0.0) -> SoundFeatures:
    """Measure level and pitch.

    Args:
        samples: (N,) in [-1, 1], finite.
        rate: samples per second, 2000 or more.
        start: seconds, time of the first sample.

    Returns:
        The features; none of a sound shorter than 40 ms.

    Raises:
        MienError: samples are not finite or not one row, or the rate is too low.

    Source: pitch by autocorrelation: Boersma, "Accurate short-term analysis of the fundamental
        frequency", IFA Proceedings 17, 1993, without its search over time.
    """
    frames = _frames(samples, rate)
    times = np.asarray(start + WINDOW / 2 + STEP * np.arange(len(frames)), np.float64)
    power = np.square(frames).mean(1)
    level = np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10))), np.float64)
    pitch = np.concatenate([_pitch(part, rate) for part in _parts(frames)] or [np.zeros(0)])
    pitch[level <= SILENCE] = np.nan
    return SoundFeatures(times, level, pitch)


def mfcc(samples: ArrayLike, rate: int) -> Doubles:
    """Return (T, 13) mel-frequency cepstral coefficients, one row per step of 10 ms.

    The first coefficient is the loudness: the others do not change with it.

    Args:
        samples: (N,) in [-1, 1], finite.
        rate: samples per second, 2000 or more.

    Raises:
        MienError: as for `sound_features`.

    Source: Davis and Mermelstein, IEEE TASSP 28(4), 1980; pre-emphasis, mel scale and number of
        filters as in HTK, with windows of 40 ms and an orthonormal cosine transform.
    """
    frames = _frames(samples, rate)
    first = frames[:, :1] * (1 - EMPHASIS)
    raised = np.hstack([first, frames[:, 1:] - EMPHASIS * frames[:, :-1]])
    count = raised.shape[1]
    size = 1 << (count - 1).bit_length()
    bank = mel_filters(rate, size)
    rows = [
        np.log(np.maximum(np.abs(np.fft.rfft(part * np.hamming(count), size)) ** 2 @ bank.T, 1e-10))
        for part in _parts(raised)
    ]
    if not rows:
        return np.zeros((0, COEFFICIENTS))
    return np.asarray(dct(np.concatenate(rows), type=2, norm="ortho")[:, :COEFFICIENTS])


def mel_filters(rate: int, size: int) -> Doubles:
    """(26, size // 2 + 1) triangles that are equally wide on the mel scale, up to half the rate."""
    most = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, most, FILTERS + 2) / 2595) - 1)  # Hz
    bins = np.fft.rfftfreq(size, 1 / rate)
    low, middle, high = (edges[k : k + FILTERS, None] for k in range(3))
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def voice_active(features: SoundFeatures) -> NDArray[np.bool_]:
    """(T,) whether somebody speaks: the level is well above the quietest tenth, and some is voiced.

    A recording whose level hardly varies has no activity: silence, and steady noise or music,
    cannot be distinguished from speech by its level. Music with pauses counts as speech.
    """
    if not len(features.level):
        return np.zeros(0, bool)
    low, high = np.percentile(features.level, (10, 95))
    if high - low < RANGE:
        return np.zeros(len(features.level), bool)
    active = features.level > low + ABOVE * (high - low)
    active = _bridged(active, round(PAUSE / STEP))
    for begin, end in _runs(active):
        voiced = np.isfinite(features.pitch[begin:end]).any()
        if end - begin < round(SHORTEST / STEP) or not voiced:
            active[begin:end] = False
    return active


def _bridged(active: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    """Fill gaps of up to `longest` steps between two active ones."""
    filled = active.copy()
    for begin, end in _runs(~active):
        if begin > 0 and end < len(active) and end - begin <= longest:
            filled[begin:end] = True
    return filled


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last place (exclusive) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _pitch(frames: Doubles, rate: int) -> Doubles:
    """(T,) Hz of (T, K) frames; NaN where nothing repeats."""
    count = frames.shape[1]
    window = np.hanning(count)
    size = 1 << (2 * count - 1).bit_length()
    fine = math.ceil(FINE / rate)  # lags between samples: a high pitch has few samples per period
    centred = (frames - frames.mean(1, keepdims=True)) * window

    def correlation(x: Doubles) -> Doubles:
        power = np.abs(np.fft.rfft(x, size)) ** 2
        return np.fft.irfft(power, fine * size)[..., : fine * count]

    both, own = correlation(centred), correlation(window)
    rate *= fine
    lags = np.arange(int(rate / HIGHEST), min(int(rate / LOWEST) + 1, fine * count * 2 // 3))
    energy = np.maximum(both[:, :1], 1e-12)
    strength = both / energy / np.maximum(own / own[0], 1e-6)
    cost = OCTAVE * np.log2(rate / lags / LOWEST)
    best = lags[(strength[:, lags] + cost).argmax(1)]
    rows = np.arange(len(frames))
    before, here, after = (strength[rows, best + k] for k in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1), 0)
    found = rate / (best + np.clip(shift, -0.5, 0.5))
    found[(here < HARMONIC) | (both[:, 0] < 1e-9)] = np.nan
    return _steady(found)


def _steady(pitch: Doubles) -> Doubles:
    """Remove single values that differ from both neighbours: halved and doubled periods."""
    filled = np.where(np.isfinite(pitch), pitch, 0)
    middle = median_filter(filled, 5, mode="nearest")
    octaves = np.log2(np.maximum(filled, 1) / np.maximum(middle, 1))
    return np.where(np.abs(octaves) < 0.4, pitch, np.nan)


def _frames(samples: ArrayLike, rate: int) -> Doubles:
    """(T, K) windows."""
    values = np.asarray(samples, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise MienError(f"Sound must be one row of finite samples, got shape {values.shape}.")
    if rate < 2000:
        raise MienError(f"{rate} samples per second are too few for a voice: 2000 are needed.")
    count, step = round(WINDOW * rate), round(STEP * rate)
    if len(values) < count:
        return np.zeros((0, count))
    return np.asarray(sliding_window_view(values, count)[::step])


def _parts(frames: Doubles) -> list[Doubles]:
    """Five seconds at a time, so that the memory is bounded."""
    return [frames[k : k + 500] for k in range(0, len(frames), 500)]

"""Pulse in the mean colours of skin over time."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import butter, filtfilt

from mien.types import Doubles, Pixels

BAND = (0.7, 3.0)  # Hz: 42 to 180 beats per minute
WINDOW = 1.6  # s, of the projection. Source: Wang et al., 2017
LEAST_SECONDS = 4.0  # three beats at 42 per minute, and the ends of the filter
LEAST_RATE = 12.0  # samples per second
WIDTH = 0.1  # Hz on both sides of the rate and its double that count as signal


@dataclass(frozen=True, slots=True)
class Pulse:
    """The strongest periodic change of colour in the band of hearts."""

    rate: float  # beats per minute
    snr: float  # dB: power around the rate and its double against the rest of the band


def mean_colour(part: Pixels) -> Doubles:
    """(3,) mean of the pixels of a part of an image, (H, W, 3)."""
    return np.array(cv2.mean(part)[:3])


def pulse_of(times: ArrayLike, colours: ArrayLike) -> Pulse | None:
    """Find the pulse in colours by the plane orthogonal to skin (POS).

    Args:
        times: (T,) seconds, rising.
        colours: (T, 3) mean red, green, blue of the skin, any scale above 0.

    Returns:
        None with less than 4 s, fewer than 12 samples per second, or colours that are NaN or 0.
        The strongest change is returned even if it is noise: `snr` states which.

    Source: Wang, den Brinker, Stuijk, de Haan, IEEE TBME 2017, algorithm 1; signal to noise as
    in de Haan and Jeanne, IEEE TBME 2013.
    """
    when, values = np.asarray(times, np.float64), np.asarray(colours, np.float64)
    if len(when) < 2 or not np.isfinite(values).all() or (values <= 0).any():
        return None
    span = float(when[-1] - when[0])
    rate = (len(when) - 1) / span if span > 0 else 0.0
    if span < LEAST_SECONDS or rate < LEAST_RATE:
        return None
    even = np.arange(when[0], when[-1], 1 / rate)
    series = np.column_stack([np.interp(even, when, values[:, c]) for c in range(3)])
    b, a = butter(2, np.array(BAND) / (rate / 2), "bandpass")
    return _strongest(filtfilt(b, a, _projected(series, round(WINDOW * rate))), rate)


def _projected(series: Doubles, size: int) -> Doubles:
    """(T, 3) -> (T,): overlapping windows, each with the plane of its own."""
    total = np.zeros(len(series))
    for start in range(len(series) - size + 1):
        part = series[start : start + size]
        even = part / part.mean(0)
        first, second = even[:, 1] - even[:, 2], even[:, 1] + even[:, 2] - 2 * even[:, 0]
        spread = second.std()
        mixed = first + (first.std() / spread if spread > 0 else 0.0) * second
        total[start : start + size] += mixed - mixed.mean()
    return total


def _strongest(wave: Doubles, rate: float) -> Pulse | None:
    padded = max(1 << 12, len(wave))
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), padded)) ** 2
    hertz = np.fft.rfftfreq(padded, 1 / rate)
    band = (hertz >= BAND[0]) & (hertz <= BAND[1])
    if not power[band].sum() > 0:
        return None
    best = float(hertz[band][power[band].argmax()])
    near = np.minimum(abs(hertz - best), abs(hertz - 2 * best)) <= WIDTH
    rest = power[band & ~near].sum()
    snr = 10 * np.log10(power[band & near].sum() / rest) if rest > 0 else np.inf
    return Pulse(60 * best, float(snr))

"""Causal smoothing for display: strong for a constant signal, weak during fast motion.

It is for images and live views. Measurements are not smoothed: it delays slow motion.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from mien.types import Doubles


class OneEuro:
    """A low-pass filter whose cut-off rises with speed; call it once per value.

    Source: Casiez, Roussel and Vogel, "1 EUR filter", CHI 2012: x' = a x + (1 - a) x' before, with
    a = 1 / (1 + tau / dt), tau = 1 / (2 pi fc), fc = cutoff + beta |speed|, the speed smoothed
    by the same equation. Here dt is the actual time since the previous value, so the rate may vary.
    """

    def __init__(self, *, cutoff: float, beta: float, speed_cutoff: float = 1.0) -> None:
        """Start without history.

        Args:
            cutoff: Hz for a constant signal, above 0; lower is smoother.
            beta: Hz per unit per second, 0 or more; higher follows fast motion sooner.
            speed_cutoff: Hz for the speed, above 0; 1 as in the paper.

        Raises:
            ValueError: a number is outside its range.
        """
        if not (0 < cutoff < math.inf and 0 <= beta < math.inf and 0 < speed_cutoff < math.inf):
            raise ValueError(
                f"Cut-offs {cutoff} and {speed_cutoff} Hz with beta {beta} are not valid: expected "
                "cut-offs above 0, and beta of 0 or more."
            )
        self._cutoff, self._beta, self._speed_cutoff = cutoff, beta, speed_cutoff
        self._time = -math.inf
        self._value: Doubles | None = None
        self._speed: Doubles | None = None

    def __call__(self, value: ArrayLike, time: float) -> Doubles:
        """Filter the next value.

        Args:
            value: a number or an array, of the same shape each time; each element on its own.
            time: seconds, later than the previous value.

        Returns:
            The smoothed value, same shape. NaN remains NaN and resets the element.

        Raises:
            ValueError: the time is not later than the previous one, or the shape changed.
        """
        new = np.asarray(value, np.float64)
        passed = time - self._time
        if not (passed > 0 and math.isfinite(time)):
            raise ValueError(f"Time {time} s is not after {self._time} s: sort the values by time.")
        if self._value is None or self._speed is None:
            self._value, self._speed = np.full(new.shape, np.nan), np.zeros(new.shape)
        if new.shape != self._value.shape:
            raise ValueError(
                f"Shape {new.shape} differs from the previous shape {self._value.shape}."
            )
        old = np.where(np.isnan(self._value), new, self._value)
        share = _share(np.asarray(self._speed_cutoff), passed)
        speed = share * (new - old) / passed + (1 - share) * self._speed
        share = _share(self._cutoff + self._beta * np.abs(speed), passed)
        self._time, self._value = time, share * new + (1 - share) * old
        self._speed = np.where(np.isnan(new), 0.0, speed)
        return self._value.copy()


def _share(cutoff: Doubles, passed: float) -> Doubles:
    """Return the weight of the new value, in (0, 1]."""
    if math.isinf(passed):  # the first value
        return np.ones_like(cutoff)
    return 1 / (1 + 1 / (2 * math.pi * cutoff * passed))

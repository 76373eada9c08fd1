"""The pulse visible in skin: beats that vary, and breathing."""

from dataclasses import dataclass

import numpy as np

from mien.errors import MienError
from mien.types import Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Pulse:
    """A pulse wave with its ground truth."""

    wave: Doubles  # (T,) p at the requested times, about -1 to 1
    beats: Doubles  # (B,) s at which beats begin
    rate: float  # beats per minute over the clip
    breathing: float  # breaths per minute


def pulse(
    times: Doubles, seed: int, *, rate: float | None = None, breaths: float | None = None
) -> Pulse:
    """A pulse at given times.

    A fundamental with a second harmonic of 0.3 runs over the beats; intervals between beats vary
    with breathing and at random (respiratory sinus arrhythmia), and the baseline follows breathing.

    Args:
        times: (T,) s, rising.
        seed: of everything.
        rate: beats per minute; random in 48 to 120 if None.
        breaths: per minute; random in 10 to 22 if None.
    """
    rng = np.random.default_rng([seed, 97])
    rate = float(rng.uniform(48, 120)) if rate is None else rate
    breaths = float(rng.uniform(10, 22)) if breaths is None else breaths
    if not 20 <= rate <= 250 or not 2 <= breaths <= 60:
        raise MienError(f"A pulse of {rate:g} and {breaths:g} breaths per minute is not possible.")
    end, beat = float(times[-1]) + 3, -float(rng.uniform(0, 60 / rate))
    phase = float(rng.uniform(0, 2 * np.pi))
    beats = [beat]
    while beats[-1] < end:
        swing = 0.04 * np.sin(2 * np.pi * breaths / 60 * beats[-1] + phase)
        beats.append(beats[-1] + 60 / rate * (1 + swing + 0.015 * float(rng.normal())))
    at = np.array(beats)
    angle = 2 * np.pi * np.interp(times, at, np.arange(len(at)))
    wave = np.sin(angle) + 0.3 * np.sin(2 * angle)
    wave = wave + 0.2 * np.sin(2 * np.pi * breaths / 60 * times + phase)
    inside = at[(at >= times[0]) & (at <= times[-1])]
    seen = 60 / float(np.diff(at[(at >= times[0] - 2) & (at <= times[-1] + 2)]).mean())
    return Pulse(wave / 1.3, inside, seen, breaths)

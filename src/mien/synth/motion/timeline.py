"""Timeline of a face: expressions, blinks, glances, speech, and continuous head motion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mien.errors import MienError
from mien.synth.motion.controls import VISEMES, gaze_weights, resolve, viseme_of
from mien.synth.render.camera import Pose
from mien.types import Doubles

MACRO = (0.5, 4.0)  # s an expression lasts
MICRO = 0.5  # s at most, by the usual definition. Source: Yan et al., "How fast are the leaked
# facial expressions", 2013
BLINK = (0.075, 0.025, 0.175)  # s to close, stay shut, open
BLINKS = 15.0  # per minute
LIPS = {"PP": 3.0, "FF": 2.2}  # dominance of sounds for which lips must close; others have 1


@dataclass(frozen=True, slots=True)
class Event:
    """One movement: it rises from onset to apex, holds, and falls until offset; seconds."""

    unit: str  # see mien.synth.motion.controls.resolve
    onset: float
    apex: float
    offset: float
    peak: float  # weight in [0, 1]
    kind: str = "macro"  # "macro", "micro" or "blink"
    hold: float = 0.0  # s at the apex

    def __post_init__(self) -> None:
        if not self.onset < self.apex <= self.apex + self.hold < self.offset:
            raise MienError(
                f"A movement of {self.unit} rises at {self.onset:g} s, peaks at {self.apex:g} s "
                f"for {self.hold:g} s and ends at {self.offset:g} s; order these times."
            )

    def at(self, time: float) -> float:
        """Weight at a time."""
        if time <= self.apex:
            return self.peak * smooth((time - self.onset) / (self.apex - self.onset))
        start = self.apex + self.hold
        return self.peak * (1 - smooth((time - start) / (self.offset - start)))


@dataclass(frozen=True, slots=True)
class Sound:
    """One spoken sound."""

    phoneme: str  # ARPAbet, or a viseme of mien.synth.motion.controls
    start: float  # s
    end: float  # s

    @property
    def viseme(self) -> str:
        """The shape of the lips."""
        return self.phoneme if self.phoneme in VISEMES else viseme_of(self.phoneme)


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """All movements of one face in one clip."""

    duration: float  # s
    events: tuple[Event, ...] = ()
    sounds: tuple[Sound, ...] = ()
    glances: tuple[tuple[float, float, float], ...] = ()  # s, and target: yaw, pitch in degrees
    motion: Doubles = field(default_factory=lambda: np.zeros((1, 3)))  # (K, 3) yaw, pitch, roll
    step: float = 0.1  # s between rows of `motion`

    def times(self, rate: float) -> Doubles:
        """Times of the frames at `rate` per second, from 0 on."""
        if not 0 < rate <= 1000 or not 0 < self.duration < 3600:
            raise MienError(
                f"A clip of {self.duration:g} s at {rate:g} frames per second cannot be rendered; "
                "rates lie in 0 to 1000, clips are shorter than an hour."
            )
        return np.arange(max(1, round(self.duration * rate))) / rate

    def weights(self, time: float) -> dict[str, float]:
        """Controls at a time."""
        out: dict[str, float] = {}
        for event in self.events:
            value = event.at(time)
            if value > 0:
                out[event.unit] = min(1.0, out.get(event.unit, 0.0) + value)
        for name, value in {**self._mouth(time), **self._eyes(time)}.items():
            out[name] = min(1.0, out.get(name, 0.0) + value)
        return out

    def pose(self, time: float) -> Pose:
        """Pose at a time."""
        place = np.clip(time / self.step, 0, len(self.motion) - 1)
        yaw, pitch, roll = (
            float(np.interp(place, np.arange(len(self.motion)), self.motion[:, k]))
            for k in range(3)
        )
        return Pose(yaw, pitch, roll)

    def _mouth(self, time: float) -> dict[str, float]:
        """Visemes blended by their dominance at a time.

        Source: Cohen and Massaro, "Modeling coarticulation in synthetic visual speech", 1993:
        w = sum D w / sum D with D = a exp(-q |t - c|).
        """
        if not self.sounds:
            return {}
        total, out = 1e-9, dict[str, float]()
        for sound in self.sounds:
            half = max((sound.end - sound.start) / 2, 0.02)
            apart = abs(time - (sound.start + sound.end) / 2) / half
            dominance = LIPS.get(sound.viseme, 1.0) * float(np.exp(-1.6 * apart))
            total += dominance
            for name, value in resolve({f"viseme:{sound.viseme}": 1.0}).items():
                out[name] = out.get(name, 0.0) + dominance * value
        return {name: value / total for name, value in out.items()}

    def _eyes(self, time: float) -> dict[str, float]:
        """Saccades: 21 ms + 2.2 ms per degree. Source: Carpenter, "Movements of the eyes", 1988."""
        yaw, pitch = 0.0, 0.0
        for begin, to_yaw, to_pitch in self.glances:
            if time <= begin:
                break
            length = 0.021 + 0.0022 * float(np.hypot(to_yaw - yaw, to_pitch - pitch))
            share = smooth((time - begin) / length)
            yaw, pitch = yaw + share * (to_yaw - yaw), pitch + share * (to_pitch - pitch)
        return {name: min(1.0, value) for name, value in gaze_weights(yaw, pitch).items()}

    def viseme(self, time: float) -> str:
        """The viseme spoken at a time; "sil" if none."""
        for sound in self.sounds:
            if sound.start <= time < sound.end:
                return sound.viseme
        return "sil"


def smooth(u: float) -> float:
    """From 0 to 1 with minimum jerk. Source: Flash and Hogan, 1985: 10 u^3 - 15 u^4 + 6 u^5."""
    u = min(1.0, max(0.0, u))
    return u * u * u * (10 - 15 * u + 6 * u * u)


def macro(rng: np.random.Generator, units: Mapping[str, float], begin: float) -> list[Event]:
    """An expression of 0.5 to 4 s with intensity 0.4 to 1; `units` at their full weights."""
    length, strength = float(rng.uniform(*MACRO)), float(rng.uniform(0.4, 1.0))
    rise = length * float(rng.uniform(0.15, 0.4))
    hold = (length - rise) * float(rng.uniform(0.2, 0.5))
    return [
        Event(unit, begin, begin + rise, begin + length, strength * weight, "macro", hold)
        for unit, weight in units.items()
    ]


def micro(rng: np.random.Generator, units: Mapping[str, float], begin: float) -> list[Event]:
    """An expression of at most 0.5 s with intensity 0.05 to 0.3."""
    length, strength = float(rng.uniform(0.18, MICRO)), float(rng.uniform(0.05, 0.3))
    rise = length * float(rng.uniform(0.3, 0.55))
    return [
        Event(unit, begin, begin + rise, begin + length, strength * weight, "micro")
        for unit, weight in units.items()
    ]


def brief(rng: np.random.Generator, units: Mapping[str, float], begin: float) -> list[Event]:
    """A micro-expression at full weight, whose length is log-normal; set its peak afterwards.

    Half of them last less than 0.31 s; longer ones than 0.5 s are drawn again. Source: 72 codes of
    Yan et al., "How fast are the leaked facial expressions", 2013, whose durations are skewed so.
    """
    length = MICRO + 1
    while not 0.08 <= length <= MICRO:
        length = float(np.exp(rng.normal(np.log(0.31), 0.3)))
    rise = length * float(rng.uniform(0.3, 0.55))
    return [
        Event(unit, begin, begin + rise, begin + length, weight, "micro")
        for unit, weight in units.items()
    ]


def blinks(rng: np.random.Generator, duration: float) -> list[Event]:
    """Fifteen blinks per minute on average, never overlapping."""
    out, time = [], float(rng.exponential(60 / BLINKS))
    close, shut, open_ = BLINK
    while time + close + shut + open_ < duration:
        event = Event("AU45", time, time + close, time + close + shut + open_, 1.0, "blink", shut)
        out.append(event)
        time += close + shut + open_ + 0.2 + float(rng.exponential(60 / BLINKS))
    return out


def glances(
    rng: np.random.Generator, duration: float, spread: float = 6.0
) -> list[tuple[float, float, float]]:
    """Gaze targets: a new one about every second, degrees."""
    out, time = [], 0.0
    while time < duration:
        out.append((time, float(rng.normal(0, spread)), float(rng.normal(0, spread / 2))))
        time += float(rng.uniform(0.4, 2.2))
    return out


def motion(
    rng: np.random.Generator, duration: float, spread: float = 4.0, step: float = 0.1
) -> Doubles:
    """Head motion about its place: an Ornstein-Uhlenbeck process, (K, 3) degrees.

    Args:
        rng: random source.
        duration: s.
        spread: standard deviation of yaw, degrees; pitch has 0.6 and roll 0.4 of it.
        step: s between rows.
    """
    count = int(duration / step) + 3
    keep = np.exp(-step / 1.5)  # correlation time of 1.5 s
    out = np.zeros((count, 3))
    kick = rng.normal(size=(count, 3)) * np.sqrt(1 - keep**2)
    for row in range(1, count):
        out[row] = keep * out[row - 1] + kick[row]
    soft = np.apply_along_axis(lambda x: np.convolve(x, np.hanning(7) / 3, "same"), 0, out)
    return np.asarray(soft * spread * [1.0, 0.6, 0.4])


def spoken(phonemes: Sequence[str], begin: float, pace: float = 0.09) -> tuple[Sound, ...]:
    """Sounds one after another, `pace` seconds each, vowels 1.5 times as long."""
    out, time = [], begin
    for phoneme in phonemes:
        length = pace * (1.5 if phoneme[0] in "AEIOU" else 1.0)
        out.append(Sound(phoneme, time, time + length))
        time += length
    return tuple(out)

"""A formant voice: the sound of a timeline's phonemes, in step with the lips.

It is understood as a machine and resembles nobody. Its phonemes have exact times, which is what
lip reading and alignment need.

Source: Klatt, "Software for a cascade/parallel formant synthesizer", JASA 67, 1980, reduced to a
cascade of five resonators; formants of vowels by Peterson and Barney, JASA 24, 1952 (men).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.errors import MienError
from mien.synth.motion.timeline import Sound as Spoken
from mien.types import Doubles, Sound

RATE = 16_000  # samples per second
BLOCK = 80  # samples (5 ms) with constant resonators
BANDWIDTHS = (60.0, 90.0, 150.0, 250.0, 300.0)  # Hz
HIGH = (3500.0, 4500.0)  # Hz: the fourth and fifth formant, the same for all sounds
GLIDE = 0.04  # s over which formants and loudness change
PITCH, FALL = 118.0, 0.85  # Hz at the begin; share of it at the end
VOICED, HISS = 0.12, 0.25  # loudness of vowels (root mean square), and of unfiltered noise
CLOSURE = 0.55  # share of a stop before its burst

Manner = Literal["vowel", "nasal", "glide", "fricative", "stop", "affricate", "breath", "silence"]


@dataclass(frozen=True, slots=True)
class Voice:
    """How one phoneme sounds."""

    manner: Manner
    formants: tuple[float, float, float]  # Hz, where it ends for diphthongs
    voiced: bool = True
    noise: tuple[float, float] = (0.0, 0.0)  # Hz: band of the hiss
    loud: float = 1.0
    begin: tuple[float, float, float] | None = None  # of diphthongs


def _vowels() -> dict[str, Voice]:
    single = {
        "IY": (270, 2290, 3010), "IH": (390, 1990, 2550), "EH": (530, 1840, 2480),
        "AE": (660, 1720, 2410), "AA": (730, 1090, 2440), "AO": (570, 840, 2410),
        "UH": (440, 1020, 2240), "UW": (300, 870, 2240), "AH": (640, 1190, 2390),
        "ER": (490, 1350, 1690), "AX": (500, 1500, 2500),
    }  # fmt: skip
    double = {"EY": ("EH", "IY"), "AY": ("AA", "IH"), "OY": ("AO", "IH"), "AW": ("AA", "UH"),
              "OW": ("AO", "UH")}  # fmt: skip
    out = {name: Voice("vowel", where) for name, where in single.items()}
    for name, (begin, end) in double.items():
        out[name] = Voice("vowel", single[end], begin=single[begin])
    return out


VOICES: dict[str, Voice] = _vowels() | {
    "M": Voice("nasal", (270, 1000, 2200), loud=0.45),
    "N": Voice("nasal", (270, 1700, 2600), loud=0.45),
    "NG": Voice("nasal", (270, 2300, 2750), loud=0.45),
    "L": Voice("glide", (360, 1300, 2700), loud=0.6),
    "R": Voice("glide", (350, 1060, 1380), loud=0.6),
    "W": Voice("glide", (300, 610, 2200), loud=0.6),
    "Y": Voice("glide", (260, 2200, 3000), loud=0.6),
    "S": Voice("fricative", (320, 1390, 2530), False, (4800, 7600), 0.5),
    "Z": Voice("fricative", (240, 1390, 2530), True, (4800, 7600), 0.4),
    "SH": Voice("fricative", (300, 1840, 2750), False, (2200, 5200), 0.5),
    "ZH": Voice("fricative", (300, 1840, 2750), True, (2200, 5200), 0.4),
    "F": Voice("fricative", (340, 1100, 2080), False, (1200, 7600), 0.15),
    "V": Voice("fricative", (220, 1100, 2080), True, (1200, 7600), 0.12),
    "TH": Voice("fricative", (320, 1290, 2540), False, (1400, 7600), 0.12),
    "DH": Voice("fricative", (270, 1290, 2540), True, (1400, 7600), 0.1),
    "HH": Voice("breath", (500, 1500, 2500), False, (400, 5000), 0.25),
    "P": Voice("stop", (400, 1100, 2150), False, (500, 1500), 0.6),
    "B": Voice("stop", (200, 1100, 2150), True, (500, 1500), 0.5),
    "T": Voice("stop", (400, 1600, 2600), False, (3500, 6500), 0.6),
    "D": Voice("stop", (200, 1600, 2600), True, (3500, 6500), 0.5),
    "K": Voice("stop", (300, 1990, 2850), False, (1500, 2500), 0.6),
    "G": Voice("stop", (200, 1990, 2850), True, (1500, 2500), 0.5),
    "CH": Voice("affricate", (350, 1800, 2820), False, (2200, 5200), 0.5),
    "JH": Voice("affricate", (260, 1800, 2820), True, (2200, 5200), 0.4),
    "SIL": Voice("silence", (500, 1500, 2500), False, loud=0.0),
}  # fmt: skip


def speak(sounds: Sequence[Spoken], duration: float, seed: int = 0) -> Sound:
    """The sound of spoken phonemes.

    Args:
        sounds: of a timeline, in ARPAbet, with or without stress numbers.
        duration: s of the whole clip; silence where nothing is spoken.
        seed: of the noise.

    Returns:
        One channel of 16,000 samples per second, its largest sample 0.7.

    Raises:
        MienError: a viseme or an unknown word instead of a phoneme.
    """
    count = max(1, round(duration * RATE))
    if not sounds:
        return Sound(np.zeros(count, np.float32), RATE)
    voices = [_voice(sound) for sound in sounds]
    times = (np.arange(-(-count // BLOCK)) + 0.5) * BLOCK / RATE
    formants, buzz, hiss = _tracks(sounds, voices, times)
    rng = np.random.default_rng([seed, 733])
    noise = rng.normal(size=len(times) * BLOCK)
    whole = _resonated(_glottis(sounds, len(noise)) * np.repeat(buzz, BLOCK), formants)
    spoken = np.repeat(buzz > 0.5, BLOCK)
    whole *= VOICED / max(1e-9, float(np.sqrt(np.mean(whole[spoken] ** 2)))) if spoken.any() else 1
    for sound, voice in zip(sounds, voices, strict=True):
        if voice.noise[1]:
            whole += _hiss(sound, voice, noise, hiss)
    whole = whole[:count]
    return Sound((0.7 * whole / max(1e-9, np.abs(whole).max())).astype(np.float32), RATE)


def _voice(sound: Spoken) -> Voice:
    name = sound.phoneme.upper().rstrip("012")
    if name not in VOICES:
        raise MienError(
            f"'{sound.phoneme}' cannot be spoken; write phonemes in ARPAbet: {', '.join(VOICES)}."
        )
    return VOICES[name]


def _tracks(
    sounds: Sequence[Spoken], voices: Sequence[Voice], times: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """Formants (K, 5), loudness of the voice (K,) and share of hiss (K,) of each block."""
    at: list[float] = []
    where: list[tuple[float, ...]] = []
    buzz, hiss = np.zeros(len(times)), np.zeros(len(times))
    for sound, voice in zip(sounds, voices, strict=True):
        length = sound.end - sound.start
        at += [sound.start + 0.25 * length, sound.start + 0.75 * length]
        where += [voice.begin or voice.formants, voice.formants]
        inside = (times >= sound.start) & (times < sound.end)
        share = (times - sound.start) / length
        shut = inside & (share < CLOSURE) & (voice.manner in ("stop", "affricate"))
        open_ = inside & ~shut
        if voice.voiced:
            level = {"vowel": 1.0, "nasal": voice.loud, "glide": voice.loud}.get(voice.manner, 0.25)
            buzz[open_], buzz[shut] = level, 0.12  # a voiced stop hums behind closed lips
        if voice.noise[1]:
            hiss[open_] = voice.loud
    path = np.stack([np.interp(times, at, [w[k] for w in where]) for k in range(3)], 1)
    fixed = np.broadcast_to(HIGH, (len(times), len(HIGH)))
    width = max(3, round(GLIDE * RATE / BLOCK))
    soft = np.hanning(width + 2)[1:-1]
    return np.concatenate([path, fixed], 1), np.convolve(buzz, soft / soft.sum(), "same"), hiss


def _glottis(sounds: Sequence[Spoken], count: int) -> Doubles:
    """Pulses of a falling pitch, softened as the glottis does."""
    from scipy.signal import lfilter

    share = np.clip(
        (np.arange(count) / RATE - sounds[0].start) / (sounds[-1].end - sounds[0].start), 0, 1
    )
    turns = np.cumsum(PITCH * (1 - (1 - FALL) * share) / RATE)
    pulses = np.diff(np.floor(turns), prepend=0.0)
    return np.asarray(lfilter([1.0], [1.0, -1.85, 0.86], pulses - pulses.mean()))


def _resonated(source: Doubles, formants: Doubles) -> Doubles:
    """A cascade of resonators whose frequencies change from block to block."""
    from scipy.signal import lfilter

    out = source.copy()
    for k, bandwidth in enumerate(BANDWIDTHS):
        state = np.zeros(2)
        r = np.exp(-np.pi * bandwidth / RATE)
        for block, frequency in enumerate(formants[:, k]):
            a = [1.0, -2 * r * np.cos(2 * np.pi * frequency / RATE), r * r]
            part = slice(block * BLOCK, (block + 1) * BLOCK)
            out[part], state = lfilter([sum(a)], a, out[part], zi=state)
    return np.diff(out, prepend=0.0)  # lips radiate changes


def _hiss(sound: Spoken, voice: Voice, noise: Doubles, levels: Doubles) -> Doubles:
    """The noise of one fricative or burst, faded over a few milliseconds."""
    from scipy.signal import butter, sosfilt

    out = np.zeros(len(noise))
    begin, end = (round(t * RATE) for t in (sound.start, sound.end))
    band = butter(4, [f / (RATE / 2) for f in voice.noise], "band", output="sos")
    part = np.asarray(sosfilt(band, noise[begin:end])) * np.repeat(levels, BLOCK)[begin:end]
    if voice.manner == "stop":  # a burst dies away
        at = np.arange(len(part)) / max(1, len(part))
        part *= np.exp(-np.maximum(at - CLOSURE, 0) * 9)
    fade = np.minimum(1, np.minimum(np.arange(len(part)), np.arange(len(part))[::-1]) / 60)
    part = part * fade * HISS
    out[begin : begin + len(part)] = part
    return out

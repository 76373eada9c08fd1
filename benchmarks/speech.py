"""Measure whether speech fits its truth: alignment error of ten sentences, in ms.

Each sentence is spoken by eSpeak NG, and by the formant voice of mien with other durations. A
second rendering by the formant voice, with even durations, is aligned to it by dynamic time
warping of log mel spectra, which knows no times. The error is the distance of each phoneme's
start, as aligned, from the truth.

Example: python benchmarks/speech.py
"""

import numpy as np

from mien.metrics.intervals import bootstrap_weights
from mien.synth.motion import espeak
from mien.synth.motion.timeline import Sound as Spoken
from mien.synth.motion.voice import RATE, speak
from mien.types import Doubles, Floats

SENTENCES = (
    "bin blue at f two now", "place white by m four please", "set red with a nine soon",
    "lay green in b seven again", "the quick brown fox jumps over the lazy dog",
    "we were away a year ago", "she had your dark suit in greasy wash water",
    "do not ask me to carry an oily rag", "a large fan hummed in the warm room",
    "five women wore silk jackets",
)  # fmt: skip
HOP, WINDOW, BANDS, EVEN = 80, 400, 26, 0.09  # samples, samples, mel bands, s


def main() -> None:
    """Measure and print."""
    if not espeak.installed():
        print("eSpeak NG is not installed: words are not measured")
        return
    random = np.random.default_rng(0)
    errors: dict[str, list[Doubles]] = {"eSpeak NG": [], "formant voice": []}
    for text in SENTENCES:
        sounds, sound = espeak.say(text, 0.2)
        errors["eSpeak NG"].append(apart(sounds, sound.samples))
        other = spaced([s.phoneme for s in sounds], random.uniform(0.05, 0.18, len(sounds)))
        end = other[-1].end + 0.2
        errors["formant voice"].append(apart(other, speak(other, end).samples))
    for name, each in errors.items():
        means = np.array([one.mean() for one in each])
        drawn = bootstrap_weights(len(means), 2000, 0)
        low, high = np.quantile(drawn @ means / drawn.sum(1), (0.025, 0.975))
        print(
            f"{name}: mean {means.mean():.0f} ms ({low:.0f} to {high:.0f}, over sentences), median "
            f"{np.median(np.concatenate(each)):.0f}, worst sentence {means.max():.0f}"
        )


def spaced(phonemes: list[str], lengths: Doubles) -> tuple[Spoken, ...]:
    """Phonemes one after another, from 0.2 s on."""
    edges = 0.2 + np.concatenate([[0.0], np.cumsum(lengths)])
    return tuple(Spoken(p, *edges[k : k + 2].tolist()) for k, p in enumerate(phonemes))


def apart(sounds: tuple[Spoken, ...], samples: Floats) -> Doubles:
    """(P,) ms between each true start and that of the alignment."""
    even = spaced([s.phoneme for s in sounds], np.full(len(sounds), EVEN))
    known = mels(speak(even, even[-1].end + 0.2).samples)
    path = warped(known, mels(samples))
    step = HOP / RATE
    found = [path[path[:, 0] >= round(s.start / step), 1][0] * step for s in even]
    return np.abs(np.array(found) - [s.start for s in sounds]) * 1000


def mels(samples: Floats) -> Doubles:
    """(T, 26) standardised log mel energies and their changes."""
    count = 1 + max(0, len(samples) - WINDOW) // HOP
    cut = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(cut * np.hanning(WINDOW), 512)) ** 2
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1) * 512 / RATE
    bins = np.arange(power.shape[1])
    filters = np.stack([
        np.interp(bins, edges[k : k + 3], [0.0, 1.0, 0.0]) for k in range(BANDS)
    ])  # fmt: skip
    logs = np.log(power @ filters.T + 1e-4)
    both = np.hstack([logs, 2 * np.gradient(logs, axis=0)])
    return np.asarray((both - both.mean(0)) / (both.std(0) + 1e-6))


def warped(one: Doubles, other: Doubles) -> Doubles:
    """(K, 2) steps of the cheapest monotone path. Source: Sakoe and Chiba, 1978."""
    cost = np.sqrt(((one[:, None] - other[None]) ** 2).sum(-1))
    total = np.full((len(one) + 1, len(other) + 1), np.inf)
    total[0, 0] = 0
    for i in range(len(one)):
        for j in range(len(other)):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    path, i, j = [], len(one), len(other)
    while i and j:
        path.append((i - 1, j - 1))
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: total[at])
    return np.array(path[::-1])


if __name__ == "__main__":
    main()

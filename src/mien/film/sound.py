"""Features of the sound track of films that were analysed, as columns beside what is seen."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mien.errors import FilmError
from mien.media import read_sound
from mien.signals.speech import STEP, SoundFeatures, sound_features, voice_active
from mien.tables import Column, Table
from mien.types import Doubles, OnStep

RATE, BLOCK = 16_000, 10.0  # samples per second; s in memory
NEAR = 0.03  # s: the sound of a frame is at most this far away
COLUMNS = (
    Column("sound_level", "dB", "sound", about="of full scale; of the film, not of a person"),
    Column("sound_pitch", "Hz", "sound", about="of the film, not of a person; missing: unvoiced"),
    Column("sound_speech", "0 or 1", "sound", about="1: speech is heard, whoever speaks"),
)


def with_sound(table: Table, on_step: OnStep = lambda name, done, total: None) -> Table:
    """Add level, pitch and voice activity of the sound track to the rows of films.

    Args:
        table: of `analyze`.
        on_step: called with seconds done and total of each film.

    Returns:
        The table with COLUMNS; missing for images and for films without sound. Recordings have
        `speech_share`, `pitch_median` (Hz, of speech) and `sound_note`: why there is no sound.
    """
    values = {column.name: np.full(len(table.data), np.nan) for column in COLUMNS}
    facts = table.recordings.to_dict("records")
    for one in facts:
        if one.get("kind") != "film" or isinstance(one.get("reason"), str):
            continue
        one |= {"speech_share": np.nan, "pitch_median": np.nan, "sound_note": None}
        rows = np.flatnonzero((table.data["input"] == one["input"]).to_numpy())
        try:
            features = film_features(one["input"], float(one.get("seconds") or 0), on_step)
        except FilmError as error:
            one["sound_note"] = str(error)
            continue
        speech = voice_active(features)
        times = table.data["time"].to_numpy(float)[rows]
        for column, found in zip(
            COLUMNS, (features.level, features.pitch, speech.astype(float)), strict=True
        ):
            values[column.name][rows] = _at(times, features.times, found)
        one |= _summary(features, speech)
    return table.with_columns(COLUMNS, values).with_recordings(facts)


def film_features(
    source: str, seconds: float = 0.0, on_step: OnStep = lambda name, done, total: None
) -> SoundFeatures:
    """Level and pitch of the sound of a film, a few seconds in memory.

    Raises:
        FilmError: the file cannot be opened, or has no sound.
    """
    parts = []
    left, begun = np.zeros(0, np.float32), 0.0
    step = round(STEP * RATE)
    for time, block in read_sound(source, rate=RATE, block=BLOCK):
        begun = begun if len(left) else time
        whole = np.concatenate([left, block])
        part = sound_features(whole, RATE, start=begun)
        parts.append(part)
        done = len(part.times) * step
        left, begun = whole[done:], begun + done / RATE
        on_step("sound", int(begun), max(int(seconds), int(begun)))
    return _joined(parts)


def _joined(parts: Iterable[SoundFeatures]) -> SoundFeatures:
    every = list(parts)
    if not every:
        return sound_features(np.zeros(0), RATE)
    names = ("times", "level", "pitch")
    return SoundFeatures(*(np.concatenate([getattr(p, name) for p in every]) for name in names))


def _at(times: Doubles, known: Doubles, values: Doubles) -> Doubles:
    """The value nearest in time, NaN if none is near."""
    if not len(known):
        return np.full(len(times), np.nan)
    after = np.clip(np.searchsorted(known, times), 1, max(1, len(known) - 1))
    left = after - 1
    right = np.minimum(after, len(known) - 1)
    place = np.where(np.abs(known[left] - times) <= np.abs(known[right] - times), left, right)
    return np.where(np.abs(known[place] - times) <= NEAR, values[place], np.nan)


def _summary(features: SoundFeatures, speech: Any) -> dict[str, Any]:
    voiced = features.pitch[speech]
    voiced = voiced[np.isfinite(voiced)]
    return {
        "speech_share": round(float(speech.mean()), 4) if len(speech) else np.nan,
        "pitch_median": round(float(np.median(voiced)), 1) if len(voiced) else np.nan,
        "sound_note": None if len(speech) else "the sound is shorter than 40 ms",
    }

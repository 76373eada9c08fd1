"""Sound features: tones, noise and silence."""

import numpy as np
import pytest

from mien.errors import MienError
from mien.signals.speech import (
    COEFFICIENTS,
    FILTERS,
    SILENCE,
    mel_filters,
    mfcc,
    sound_features,
    voice_active,
)

RATE = 16_000


def tone(pitch, seconds=1.0, rate=RATE, loud=0.5):
    """A sum of four harmonics, as voices have."""
    time = np.arange(int(seconds * rate)) / rate
    parts = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, 5))
    return loud * parts / np.abs(parts).max()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("pitch", [75, 118, 200, 310, 390])
def test_the_pitch_of_a_tone(pitch, rate):
    found = sound_features(tone(pitch, rate=rate), rate)
    assert np.isfinite(found.pitch).mean() > 0.95
    assert np.nanmax(np.abs(found.pitch / pitch - 1)) < 0.01


def test_a_pure_sine_has_its_level_and_time():
    time = np.arange(RATE) / RATE
    found = sound_features(np.sin(2 * np.pi * 200 * time), RATE, start=5.0)
    assert found.level == pytest.approx(-3.01, abs=0.05)
    assert found.times[0] == pytest.approx(5.02)
    assert np.diff(found.times) == pytest.approx(0.01)
    assert len(found.times) == 97  # (1 - 0.04) / 0.01 + 1
    half = sound_features(0.5 * np.sin(2 * np.pi * 200 * time), RATE)
    assert half.level == pytest.approx(-9.03, abs=0.05)


def test_a_pitch_that_glides_is_followed():
    time = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * (100 * time + 25 * time**2)  # 100 to 200 Hz
    found = sound_features(0.3 * np.sin(phase) + 0.2 * np.sin(2 * phase), RATE)
    assert np.nanmax(np.abs(found.pitch - (100 + 50 * found.times))) < 3


def test_noise_and_silence_have_no_pitch():
    noise = 0.3 * np.random.default_rng(0).normal(size=RATE)
    assert np.isnan(sound_features(noise, RATE).pitch).mean() > 0.9
    silent = sound_features(np.zeros(RATE), RATE)
    assert np.isnan(silent.pitch).all()
    assert (silent.level == SILENCE).all()
    direct = sound_features(np.full(RATE, 0.4), RATE)  # a constant offset is no voice
    assert np.isnan(direct.pitch).all()


def test_coefficients_are_those_of_the_definition():
    sound = np.random.default_rng(1).normal(size=640) * 0.1
    raised = np.append(sound[0] * (1 - 0.97), sound[1:] - 0.97 * sound[:-1])
    spectrum = np.abs(np.fft.rfft(raised * np.hamming(640), 1024)) ** 2
    logs = np.log(mel_filters(RATE, 1024) @ spectrum)
    wanted = []
    for k in range(COEFFICIENTS):
        angle = np.cos(np.pi * k * (2 * np.arange(FILTERS) + 1) / (2 * FILTERS))
        wanted.append((logs * angle).sum() * np.sqrt((1 if k == 0 else 2) / FILTERS))
    [found] = mfcc(sound, RATE)
    assert found == pytest.approx(wanted)


def test_loudness_changes_the_first_coefficient_only():
    sound = tone(150)
    quiet, loud = mfcc(0.1 * sound, RATE), mfcc(sound, RATE)
    assert loud[:, 1:] == pytest.approx(quiet[:, 1:], abs=1e-6)
    assert (loud[:, 0] > quiet[:, 0]).all()


def test_filters_cover_all_frequencies_once():
    bank = mel_filters(RATE, 1024)
    assert bank.shape == (26, 513)
    inside = np.fft.rfftfreq(1024, 1 / RATE)
    inside = (inside > 200) & (inside < 7000)
    assert bank.sum(0)[inside] == pytest.approx(1)
    assert (np.diff(bank.argmax(1)) > 0).all()


def test_voice_activity_is_where_the_tone_is():
    noise = 0.001 * np.random.default_rng(0).normal(size=4 * RATE)
    noise[RATE : 2 * RATE] += tone(140)
    noise[int(2.1 * RATE) : 3 * RATE] += tone(160, 0.9)  # a pause of 0.1 s is bridged
    found = sound_features(noise, RATE)
    active = voice_active(found)
    inside = (found.times > 1.0) & (found.times < 3.0)
    assert active[inside].mean() > 0.99
    assert active[~inside].mean() < 0.05


@pytest.mark.parametrize(
    "sound",
    [np.zeros(RATE), 0.2 * np.random.default_rng(0).normal(size=RATE), tone(100), np.zeros(0)],
    ids=["silence", "noise", "one steady tone", "nothing"],
)
def test_sound_without_pauses_has_no_activity(sound):
    assert not voice_active(sound_features(sound, RATE)).any()


def test_a_click_and_a_hiss_are_not_speech():
    sound = 0.0005 * np.random.default_rng(0).normal(size=3 * RATE)
    sound[RATE : RATE + 200] += 0.8  # 12 ms
    sound[2 * RATE : 2 * RATE + RATE // 2] += 0.1 * np.random.default_rng(1).normal(size=RATE // 2)
    active = voice_active(sound_features(sound, RATE))
    assert active.mean() < 0.05


@pytest.mark.parametrize("bad", [[np.nan] * 800, [[0.0] * 800], [np.inf] * 800])
def test_bad_samples_are_refused(bad):
    with pytest.raises(MienError, match="one row of finite samples"):
        sound_features(bad, RATE)


def test_a_low_rate_is_refused_and_a_short_sound_has_no_row():
    with pytest.raises(MienError, match="2000 are needed"):
        sound_features(np.zeros(100), 1000)
    assert len(sound_features(np.zeros(600), RATE).times) == 0
    assert mfcc(np.zeros(600), RATE).shape == (0, COEFFICIENTS)


def test_parts_of_a_longer_sound_are_one():
    sound = np.tile(tone(100, 1.0), 12)
    found = sound_features(sound, RATE)
    assert len(found.pitch) == len(found.times) == len(mfcc(sound, RATE))
    assert np.nanmedian(found.pitch) == pytest.approx(100, rel=0.01)

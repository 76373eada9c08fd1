"""Words spoken by eSpeak NG: phonemes with times, and a sentence where that is not possible."""

from itertools import pairwise

import numpy as np
import pytest

from mien.errors import MienError
from mien.synth.motion import espeak
from mien.synth.motion.controls import viseme_of
from mien.synth.motion.voice import VOICES

spoken = pytest.mark.skipif(not espeak.installed(), reason="eSpeak NG is not installed")


@spoken
def test_words_are_heard_when_their_phonemes_say_so():
    sounds, sound = espeak.say("bin blue", begin=0.5)
    assert [s.phoneme for s in sounds] == ["B", "IH", "N", "B", "L", "UW"]
    assert sounds[0].start >= 0.5
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(sounds))
    assert np.abs(sound.samples[: 8000 - 80]).max() == 0  # nothing before the first sound
    vowel = slice(*(round(t * sound.rate) for t in (sounds[1].start, sounds[1].end)))
    assert np.sqrt(np.mean(sound.samples[vowel] ** 2)) > 0.05
    assert sounds[-1].end <= len(sound.samples) / sound.rate + 0.01


@spoken
def test_it_speaks_again_and_a_pause_is_no_phoneme():
    first, _ = espeak.say("yes, no")
    again, _ = espeak.say("yes, no")
    assert [s.phoneme for s in first] == [s.phoneme for s in again]
    assert [s.start for s in first] == pytest.approx([s.start for s in again], abs=0.002)
    gap = max(b.start - a.end for a, b in pairwise(first))
    assert gap > 0.05


@pytest.mark.parametrize("phoneme", sorted(set(espeak.ARPABET.values())))
def test_every_phoneme_has_lips_and_a_voice(phoneme):
    assert viseme_of(phoneme)
    assert phoneme in VOICES


@spoken
def test_what_cannot_be_spoken_is_refused():
    for text in ("", "   ", "x" * 601):
        with pytest.raises(MienError, match="1 to 600 letters"):
            espeak.say(text)
    with pytest.raises(MienError, match="no words"):
        espeak.say("...")
    with pytest.raises(MienError, match="no voice 'xx-nobody'"):
        espeak.say("hello", voice="xx-nobody")


def test_without_the_library_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(espeak, "find_library", lambda name: None)
    espeak._library.cache_clear()
    with pytest.raises(MienError, match="not installed: install the package espeak-ng"):
        espeak.say("hello")
    espeak._library.cache_clear()

"""The voice of eSpeak NG, where it is installed: words as sound, with the times of its phonemes.

Source: eSpeak NG 1.51, `espeak-ng/speak_lib.h`: structs, options and types of events.
"""

# ruff: noqa: RUF001 - the letters of the phonetic alphabet are meant

import ctypes
from ctypes.util import find_library
from functools import lru_cache
from typing import Any

import numpy as np

from mien.errors import MienError
from mien.synth.motion.timeline import Sound as Spoken
from mien.synth.motion.voice import RATE
from mien.types import Sound

RETRIEVAL, EVENTS_IPA = 1, 0x0001 | 0x0002  # the sound is returned; phoneme events, in IPA
PHONEME, UTF8 = 7, 1
MOST = 600  # letters
# IPA of eSpeak NG's English voices -> ARPAbet. Source: International Phonetic Association, 1999.
ARPABET = {
    "i": "IY", "iː": "IY", "ɪ": "IH", "ᵻ": "IH", "ɛ": "EH", "e": "EH", "a": "AE", "æ": "AE",
    "ɑ": "AA", "ɑː": "AA", "ɒ": "AA", "ɔ": "AO", "ɔː": "AO", "ʊ": "UH", "u": "UW", "uː": "UW",
    "ʌ": "AH", "ə": "AX", "ɐ": "AX", "ɚ": "ER", "ɜ": "ER", "ɜː": "ER", "eɪ": "EY", "aɪ": "AY",
    "ɔɪ": "OY", "aʊ": "AW", "oʊ": "OW", "əʊ": "OW", "ɪə": "IH", "iə": "IY", "eə": "EH", "ʊə": "UH",
    "ɑːɹ": "AA", "ɔːɹ": "AO", "oːɹ": "AO", "oː": "AO", "ɛɹ": "EH", "ɪɹ": "IH", "ʊɹ": "UH",
    "aɪɚ": "AY", "aɪə": "AY", "aʊɚ": "AW", "əl": "L", "m": "M", "n": "N", "n̩": "N", "ŋ": "NG",
    "l": "L", "ɫ": "L", "ɹ": "R", "r": "R", "ɾ": "D", "w": "W", "ʍ": "W", "j": "Y", "s": "S",
    "z": "Z", "ʃ": "SH", "ʒ": "ZH", "f": "F", "v": "V", "θ": "TH", "ð": "DH", "h": "HH",
    "p": "P", "b": "B", "t": "T", "ʔ": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "tʃ": "CH",
    "dʒ": "JH",
}  # fmt: skip


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text", ctypes.c_int),
        ("length", ctypes.c_int), ("ms", ctypes.c_int), ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p), ("id", _Id),
    )  # fmt: skip


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def installed() -> bool:
    """Whether the library of eSpeak NG is on this machine."""
    return find_library("espeak-ng") is not None


def say(text: str, begin: float = 0.0, voice: str = "en-us") -> tuple[tuple[Spoken, ...], Sound]:
    """Speak a text.

    Args:
        text: words, at most 600 letters.
        begin: s before the first sound.
        voice: of eSpeak NG; English, since phonemes are mapped to ARPAbet.

    Returns:
        Phonemes in ARPAbet with their times, and one channel of 16,000 samples per second.

    Raises:
        MienError: eSpeak NG is not installed, has no such voice, or the text has no words.
    """
    if not 0 < len(text.strip()) <= MOST:
        raise MienError(f"A text of 1 to {MOST} letters can be spoken, not of {len(text)}.")
    library, rate = _library()
    blocks: list[Any] = []
    marks: list[tuple[str, float]] = []

    def heard(wave: Any, count: int, events: Any) -> int:
        if count > 0 and wave:
            blocks.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32))
        for one in _until_end(events):
            if one.type == PHONEME:
                raw = ctypes.string_at(ctypes.addressof(one.id), 8).partition(b"\0")[0]
                marks.append((raw.decode("utf-8", "ignore"), one.sample / rate))
        return 0

    kept = _CALLBACK(heard)  # must live as long as the library may call it
    library.espeak_SetSynthCallback(kept)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise MienError(f"eSpeak NG has no voice '{voice}'; list them with: espeak-ng --voices")
    words = text.encode()
    library.espeak_Synth(words, len(words) + 1, 0, 0, 0, UTF8, None, None)
    library.espeak_Synchronize()
    if not blocks or not any(name in ARPABET for name in map(_plain, (m for m, _ in marks))):
        raise MienError(f"'{text}' has no words that can be spoken.")
    whole = np.concatenate(blocks)
    return _sounds(marks, len(whole) / rate, begin), _sound(whole, rate, begin)


def _until_end(events: Any) -> Any:
    number = 0
    while events[number].type != 0:
        yield events[number]
        number += 1


def _sounds(marks: list[tuple[str, float]], end: float, begin: float) -> tuple[Spoken, ...]:
    """Phonemes from each mark to the next; pauses are left out.

    Raises:
        MienError: a phoneme that no lips are known for.
    """
    found = []
    for (name, start), (_, stop) in zip(marks, [*marks[1:], ("", end)], strict=True):
        ipa = _plain(name)
        if not ipa or stop <= start:
            continue
        if ipa not in ARPABET:
            raise MienError(f"'{name}' of eSpeak NG has no known lips; use an English voice.")
        found.append(Spoken(ARPABET[ipa], begin + start, begin + stop))
    return tuple(found)


def _plain(ipa: str) -> str:
    """IPA without stress, ties and pauses."""
    return "".join(c for c in ipa if c not in "ˈˌ͡_:| ‖ \u200d")


def _sound(wave: Any, rate: int, begin: float) -> Sound:
    from scipy.signal import resample_poly

    same = np.asarray(resample_poly(wave, RATE, rate), np.float32)
    whole = np.concatenate([np.zeros(round(begin * RATE), np.float32), same])
    loudest = max(1e-9, float(np.abs(whole).max()))
    return Sound(np.asarray(0.7 * whole / loudest, np.float32), RATE)


@lru_cache(maxsize=1)
def _library() -> tuple[Any, int]:
    """The library, opened once, and its samples per second."""
    name = find_library("espeak-ng")
    if name is None:
        raise MienError(
            "Words need eSpeak NG, which is not installed: install the package espeak-ng of your "
            "system, or give phonemes in ARPAbet, which mien speaks itself."
        )
    library: Any = ctypes.CDLL(name)
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
        ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    rate = library.espeak_Initialize(RETRIEVAL, 0, None, EVENTS_IPA)
    if rate <= 0:
        raise MienError("eSpeak NG is installed, but cannot be started; install its data again.")
    return library, int(rate)

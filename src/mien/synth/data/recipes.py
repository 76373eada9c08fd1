"""Recipes of data sets: each maps a number to one item, always the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.errors import MienError
from mien.synth.data.samples import GroupPlan, Sample, any_scene, rows_of_events
from mien.synth.head.model import HeadModel
from mien.synth.motion import controls, timeline
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event, Timeline
from mien.synth.render.attacks import ATTACKS
from mien.synth.render.degrade import KINDS
from mien.synth.render.scene import Scene
from mien.synth.skin.appearance import Person, aged, make_person

# Words of lip-reading: a few of the commands of the GRID corpus, in ARPAbet.
WORDS: dict[str, tuple[str, ...]] = {
    "bin": ("B", "IH", "N"),
    "lay": ("L", "EY"),
    "place": ("P", "L", "EY", "S"),
    "set": ("S", "EH", "T"),
    "blue": ("B", "L", "UW"),
    "green": ("G", "R", "IY", "N"),
    "red": ("R", "EH", "D"),
    "white": ("W", "AY", "T"),
    "again": ("AH", "G", "EH", "N"),
    "now": ("N", "AW"),
    "please": ("P", "L", "IY", "Z"),
    "soon": ("S", "UW", "N"),
}
SENTENCE = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("again", "now", "please", "soon"),
)
GRADED = ("AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26")
FAIR_TONES, FAIR_AGES = ((1, 4), (4, 7), (7, 10)), ((18, 35), (35, 55), (55, 80))


@dataclass(frozen=True, slots=True)
class Recipe:
    """One kind of data set."""

    name: str
    about: str  # one sentence
    each: int  # items per person
    make: Callable[[np.random.Generator, int, Person, int], Sample]  # rng, number, person, px
    puppets: bool = False  # whether photographs can be moved instead of rendering people


def _identities(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    scene = any_scene(rng, size, {}, 14)
    return Sample(person, scene, labels=_appearance_labels(person), truth=True)


def _appearance_labels(person: Person) -> dict[str, Any]:
    appearance = person.appearance
    return {"tone": round(appearance.tone, 3), "age": round(appearance.age, 1),
            "hair": appearance.hair_style,
            "beard": appearance.beard, "glasses": appearance.glasses}  # fmt: skip


def _expressions(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    name = list(controls.EMOTIONS)[number % len(controls.EMOTIONS)]
    strength = float(rng.uniform(0.5, 1.0))
    units = controls.emotion(name, strength)
    mood = [round(v * strength, 4) for v in controls.CIRCUMPLEX[name]]
    labels = {"emotion": name, "units": units, "valence": mood[0], "arousal": mood[1]}
    return Sample(person, any_scene(rng, size, units, 10), labels=labels, truth=True)


def _intensity(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    count = int(rng.integers(1, 4))
    units = {str(u): float(rng.uniform(0, 1)) for u in rng.choice(GRADED, count, replace=False)}
    labels = {"units": {unit: round(units.get(unit, 0.0), 4) for unit in GRADED}}
    return Sample(person, any_scene(rng, size, units, 8), labels=labels)


def _gaze(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    yaw, pitch = float(rng.uniform(-25, 25)), float(rng.uniform(-15, 15))
    weights = controls.gaze_weights(yaw, pitch)
    labels = {"gaze_yaw": round(yaw, 3), "gaze_pitch": round(pitch, 3)}
    return Sample(person, any_scene(rng, size, weights, 6), labels=labels, truth=True)


def _film(rng: np.random.Generator, size: int, seconds: float, *, spread: float = 3.0) -> Take:
    """A still scene in which a head moves, blinks and glances around."""
    line = Timeline(
        seconds,
        tuple(timeline.blinks(rng, seconds)),
        glances=tuple(timeline.glances(rng, seconds)),
        motion=timeline.motion(rng, seconds, spread),
    )
    scene = any_scene(rng, size, {}, 5)
    return Take(line, replace(scene, noise=0.8), seed=int(rng.integers(1 << 20)))


def _spotting(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    seconds = 12.0
    take = _film(rng, size, seconds, spread=1.5)
    events, begin = list(take.timeline.events), float(rng.uniform(1, 3))
    moods = [name for name in controls.EMOTIONS if name != "neutral"]
    while begin < seconds - 4.2:
        units = controls.emotion(str(rng.choice(moods)))
        kind = timeline.micro if rng.random() < 0.65 else timeline.macro
        events += kind(rng, units, begin)
        begin = max(e.offset for e in events if e.kind != "blink") + float(rng.uniform(1, 3))
    take = replace(take, timeline=replace(take.timeline, events=tuple(events)), rate=30.0)
    return Sample(person, take=take, labels={"events": rows_of_events(events)})


def _micro_pixels(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    """One micro-expression whose peak is 0.3 to 2 px of a face of 256, and larger with it."""
    seconds, moods = 2.0, [name for name in controls.EMOTIONS if name != "neutral"]
    mood = str(rng.choice(moods))
    px = float(rng.uniform(0.3, 2.0)) * size / 256
    events = timeline.brief(rng, controls.emotion(mood), float(rng.uniform(0.3, 1.2)))
    line = Timeline(seconds, tuple(events), motion=timeline.motion(rng, seconds, 0.3))
    scene = replace(any_scene(rng, size, {}, 4), noise=0.5)
    take = Take(line, scene, rate=100.0, seed=int(rng.integers(1 << 20)))
    labels = {"emotion": mood, "peak_px": round(px, 4)}
    return Sample(person, take=take, labels=labels, lossless=True, peak_px=px)


CUES: dict[str, tuple[dict[str, Any], dict[str, float]]] = {  # of the person, of the scene
    "none": ({}, {}),
    "smile": ({}, {"AU6": 0.7, "AU12": 0.9}),
    "teeth hidden": ({}, {"AU12": 0.5}),
    "teeth shown": ({}, {"AU12": 0.5, "AU25": 0.6, "AU10": 0.3}),
    "brows up": ({}, {"AU1": 0.9, "AU2": 0.9}),
    "brows down": ({}, {"AU4": 0.9}),
    "brows thick": ({"brow": (0.0, 0.0, 0.0, 1.7, 1.6)}, {}),
    "glasses": ({"glasses": "square"}, {}),
    "hair": ({"hair_style": "long"}, {}),
    "beard": ({"beard": "full"}, {}),
    "make-up": ({"make_up": 0.9}, {}),
}
PLAIN = {"glasses": "none", "beard": "none", "make_up": 0.0, "mask": False, "hat": False,
         "scarf": False, "hair_style": "buzz"}  # fmt: skip


def _cues(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    """A person with one cue after another; pose, light and background are the same."""
    cue = list(CUES)[number % len(CUES)]
    worn, weights = CUES[cue]
    same = np.random.default_rng([person.appearance.seed, 151])
    changed = replace(person, appearance=replace(person.appearance, **{**PLAIN, **worn}))
    labels = {"cue": cue, "weights": weights, "worn": {k: str(v) for k, v in worn.items()}}
    return Sample(changed, any_scene(same, size, weights, 6), labels=labels, truth=True)


def _words(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    return _speech(rng, person, size, [list(WORDS)[number % len(WORDS)]])


def _sentences(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    return _speech(rng, person, size, [str(rng.choice(choice)) for choice in SENTENCE])


def _speech(rng: np.random.Generator, person: Person, size: int, words: list[str]) -> Sample:
    pace = float(rng.uniform(0.07, 0.11))
    sounds: list[timeline.Sound] = []
    spans, begin = [], 0.25
    for word in words:
        spoken = timeline.spoken(WORDS[word], begin, pace)
        sounds += spoken
        spans.append({"word": word, "start": round(begin, 4), "end": round(spoken[-1].end, 4)})
        begin = spoken[-1].end + 0.04
    take = _film(rng, size, begin + 0.25)
    line = replace(take.timeline, sounds=tuple(sounds))
    labels = {
        "text": " ".join(words),
        "words": spans,
        "sounds": [[s.phoneme, s.viseme, round(s.start, 4), round(s.end, 4)] for s in sounds],
    }
    return Sample(person, take=replace(take, timeline=line), labels=labels)


def _liveness(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    kinds = (None, *ATTACKS)
    attack = kinds[number % len(kinds)]
    scene = any_scene(rng, size, {"AU12": float(rng.uniform(0, 0.6))}, 6)
    labels = {"attack": attack or "bona fide"}
    return Sample(person, scene, labels=labels, attack=attack, truth=True, nir=True)


def _rppg(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    take = replace(
        _film(rng, size, 8.0, spread=1.0),
        rate=30.0,
        pulse_depth=float(rng.uniform(0.002, 0.006)),
        pulse_rate=float(rng.uniform(50, 115)),
    )
    heart = take.heart()
    labels = {
        "pulse_rate": round(heart.rate, 3),
        "breathing": round(heart.breathing, 3),
        "beats": heart.beats.round(4).tolist(),
        "wave": heart.wave.round(4).tolist(),
    }
    return Sample(person, take=take, labels=labels, lossless=True)


def _age(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    years = float(rng.uniform(4, 85))
    return Sample(aged(person, years), any_scene(rng, size, {}, 8), labels={"age": round(years, 2)})


def _weather(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    kind, severity = KINDS[number % len(KINDS)], float(rng.uniform(0.15, 0.9))
    labels = {"kind": kind, "severity": round(severity, 4)}
    return Sample(person, any_scene(rng, size, {}, 10), labels=labels, spoilt=(kind, severity))


def _fairness(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    """Tones and ages in nine equal groups."""
    identity = person.appearance.seed
    tones, ages = FAIR_TONES[identity % 3], FAIR_AGES[identity // 3 % 3]
    own = np.random.default_rng([identity, 109])
    tone, years = float(own.uniform(*tones)), float(own.uniform(*ages))
    grown = aged(replace(person, appearance=replace(person.appearance, tone=tone)), years)
    labels = {"tone": round(tone, 3), "age": round(years, 2), "group": f"{tones}/{ages}"}
    return Sample(grown, any_scene(rng, size, {}, 10), labels=labels, truth=True)


def _groups(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    return _several(rng, person, 2 + number % 5, ("standing", "gestures")[number % 2], size, False)


def _crossings(rng: np.random.Generator, number: int, person: Person, size: int) -> Sample:
    return _several(rng, person, 2 + number % 3, "crossing", size, True)


def _several(
    rng: np.random.Generator, person: Person, people: int, kind: str, size: int, film: bool
) -> Sample:
    """A scene whose people are in no other item."""
    group = GroupPlan(int(rng.integers(1 << 40)), people, kind, size // 2 * 2, film)
    return Sample(person, labels={"people": people, "kind": kind}, group=group)


RECIPES: dict[str, Recipe] = {
    r.name: r
    for r in (
        Recipe("identities", "People in many poses, lights and places.", 6, _identities),
        Recipe("expressions", "Seven emotions of EMFACS, and neutral.", 8, _expressions, True),
        Recipe("au-intensity", "One to three action units at known strength.", 6, _intensity, True),
        Recipe("gaze", "Eyes turned in known directions.", 6, _gaze, True),
        Recipe("micro-spotting", "Long films with rare short expressions.", 1, _spotting, True),
        Recipe(
            "micro-pixels",
            "One micro-expression of a known peak in px, lossless.",
            1,
            _micro_pixels,
            True,
        ),
        Recipe("cues", "One cue after another on a person, all else equal.", len(CUES), _cues),
        Recipe("vsr-words", "Single words, spoken by visemes.", 12, _words, True),
        Recipe("vsr-sentences", "Three words each, spoken by visemes.", 4, _sentences, True),
        Recipe("liveness", "Living faces and four attacks: colour, infrared, depth.", 5, _liveness),
        Recipe("rppg", "Films of skin with a known pulse, lossless.", 1, _rppg, True),
        Recipe("age", "The same people at 4 to 85 years.", 6, _age),
        Recipe(
            "weather",
            "Clean images, and images degraded by weather or codec.",
            10,
            _weather,
        ),
        Recipe("fairness", "Tones and ages in nine groups of equal size.", 4, _fairness),
        Recipe("groups", "Two to six people in one room, and who hides whom.", 1, _groups),
        Recipe("crossings", "Films in which two people walk past each other.", 1, _crossings),
    )
}


def plan(recipe: Recipe, head: HeadModel, number: int, seed: int, size: int) -> tuple[int, Sample]:
    """Item `number` of a data set: number of its person, and its sample."""
    identity = number // recipe.each
    person = make_person(seed * 1_000_003 + identity, head)
    rng = np.random.default_rng([seed, number, 113])
    return identity, recipe.make(rng, number, person, size)


def find_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        MienError: there is none.
    """
    if name not in RECIPES:
        raise MienError(f"There is no recipe '{name}'; there are {', '.join(RECIPES)}.")
    return RECIPES[name]


def still(person: Person, weights: dict[str, float], scene: Scene) -> Sample:
    """One image of a person."""
    return Sample(person, replace(scene, weights=weights), labels={"units": weights}, truth=True)


__all__ = ["RECIPES", "Event", "Recipe", "find_recipe", "plan", "still"]

"""Spotting while a head turns: rendered films whose weak movements and turns are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.behaviour.micro_places import CROP, LONGEST, beside_face, eye_rows, face_edge
from mien.geometry import eye_distance, places
from mien.metrics import Interval, match_intervals, spotting
from mien.signals import grey_values, still_motion
from mien.signals.micro import (
    APART,
    CLEAR,
    FLOOR,
    SHARE,
    STANDS,
    Head,
    agreed_motion,
    between_blinks,
    events_of,
    two_sided_flow,
)
from mien.synth import Actor, Scene, make_person, open_head
from mien.synth.data.samples import any_scene
from mien.synth.motion import controls, timeline
from mien.synth.motion.puppet_frame import Performer, show
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event, Timeline
from mien.types import Doubles, Face

RATE, SECONDS, SIDE = 30, 10.0, 192  # px of a rendered frame
PEOPLE = 2  # of each seed; other people for each
TURN = 1.5  # degrees, standard deviation of yaw; as in the recipe `micro-spotting`
VISIBLE = 0.5  # px of a face of 128: a movement whose largest shift of a landmark is visible
BEFORE = (0.3, (CLEAR, SHARE))  # the floor and the heights of the rule before
TURNING, STILL, ALONE = range(3)  # conditions of each person's films; ALONE: turns, no movement
LEARNT, AVERAGE, AFFINE = "relief learnt from the film", "average relief", "affine motion only"
LEFT_IN, OLD = "motion of the head left in", "rule before: affine, whole chip, smaller motion"
HEADS: Mapping[str, Head] = {
    LEARNT: "turning", AVERAGE: "average", AFFINE: "affine", LEFT_IN: "ignored",
}  # fmt: skip
ARMS = {name: name for name in (*HEADS, OLD)}


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """What happens in the films of one person."""

    take: Take  # the head turns; no event but blinks
    events: tuple[Event, ...]

    def spans(self, kind: str) -> list[tuple[float, float]]:
        """Onset and offset, in seconds, of the movements of a kind."""
        return sorted({(e.onset, e.offset) for e in self.events if e.kind == kind})


def script(person: int) -> Script:
    """Weak short movements of 0.05 to 0.3 of full strength, and now and then a longer one."""
    rng = np.random.default_rng([20, person])
    moods = [name for name in controls.EMOTIONS if name != "neutral"]
    events: list[Event] = []
    begin = float(rng.uniform(0.8, 1.5))
    while begin < SECONDS - 1.2:
        short = rng.random() < 0.8 or begin > SECONDS - 3
        kind = timeline.micro if short else timeline.macro
        events += kind(rng, controls.emotion(str(rng.choice(moods))), begin)
        begin = max(e.offset for e in events) + float(rng.uniform(0.7, 1.5))
    line = Timeline(
        SECONDS, tuple(timeline.blinks(rng, SECONDS)),
        glances=tuple(timeline.glances(rng, SECONDS)),
        motion=timeline.motion(rng, SECONDS, TURN),
    )  # fmt: skip
    scene = replace(any_scene(rng, SIDE, {}, 5), noise=0.8)
    return Script(Take(line, scene, rate=RATE, seed=person), tuple(events))


def frames_of(
    actor: Performer, given: Script, condition: int, noise: float = 0.0
) -> tuple[NDArray[np.uint8], Face]:
    """(T, S, S) grey, cut at the place of the first frame; and that face.

    Args:
        actor: a rendered person, or a photograph that moves.
        given: what happens.
        condition: TURNING, STILL or ALONE.
        noise: standard deviation, grey values, that is added to each frame.
    """
    rng = np.random.default_rng([given.take.seed, condition])
    line = given.take.timeline
    if condition == STILL:
        line = replace(line, motion=0 * line.motion)
    if condition != ALONE:
        line = replace(line, events=(*line.events, *given.events))
    chips, face = [], None
    for _, scene in replace(given.take, timeline=line).scenes():
        frame = show(actor, scene, truth=False)
        face = face or Face(np.zeros(4, np.float32), 1.0, frame.five)
        rgb = frame.rgb
        if noise:
            noisy = rgb + noise * rng.normal(size=rgb.shape)
            rgb = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        chips.append(grey_values(align(rgb, [face], CROP))[0])
    assert face is not None
    return np.stack(chips), face


def peak(actor: Performer, scene: Scene, units: Mapping[str, float], face: Face) -> float:
    """The largest shift of a landmark, px of a chip."""
    before, after = (show(actor, replace(scene, weights=dict(w)), truth=False).lm68
                     for w in ({}, units))  # fmt: skip
    assert face.points is not None
    scale = eye_distance(places(CROP)) / eye_distance(face.points)
    return float(np.linalg.norm(after - before, axis=1).max() * scale)


def scores(frames: NDArray[np.uint8]) -> Doubles:
    """(A, T) px of each arm; 0 within half a second of an end."""
    apart = round(APART * RATE)
    flow = two_sided_flow(frames, apart)
    ways = [agreed_motion(flow, head=head, ignore=beside_face(), edge=face_edge())
            for head in HEADS.values()]  # fmt: skip
    step = CROP.size // flow.shape[2]
    counted = np.repeat(~eye_rows()[::step, None], flow.shape[3], 1)
    sizes = [[np.percentile(np.linalg.norm((one - still_motion(one, counted))[counted], axis=1), 95)
              for one in both] for both in flow]  # fmt: skip
    return np.pad([*ways, np.min(sizes, axis=1)], ((0, 0), (apart, apart)))


def films(first: int) -> dict[str, NDArray[Any]]:
    """`scores` (P, 3, A, T) px and `peaks` (E, 3): person, onset in s, px; from a person on."""
    head = open_head("builtin")
    people = range(first, first + PEOPLE)
    return filmed([(who, Actor(head, make_person(88_100 + who, head))) for who in people])


def filmed(cast: Sequence[tuple[int, Performer]], noise: float = 0.0) -> dict[str, NDArray[Any]]:
    """The same, of the scripts with these numbers and who plays them."""
    found, peaks = [], []
    for person, actor in cast:
        given = script(person)
        for condition in (TURNING, STILL, ALONE):
            frames, face = frames_of(actor, given, condition, noise)
            found.append(scores(frames))
        for onset, _ in given.spans("micro"):
            units = {e.unit: e.peak for e in given.events if e.onset == onset}
            peaks.append((person, onset, peak(actor, given.take.scene, units, face)))
    shape = (len(cast), 3, *found[0].shape)
    return {
        "scores": np.reshape(found, shape).astype(np.float32),
        "peaks": np.reshape(peaks, (-1, 3)),
    }


def decoded(
    score: Doubles,
    rule: tuple[float, tuple[float, float]],
    blinks: Sequence[tuple[float, float]],
    between: bool = False,
) -> list[Interval]:
    """Candidates as `mien analyze --micro` gives them, with the true blinks left out.

    Args:
        score: (T,) px.
        rule: floor and heights.
        blinks: seconds of onset and offset.
        between: also leave out what two blinks make up between them.
    """
    apart = round(APART * RATE)
    found = events_of(score[apart:-apart], RATE, least=rule[0], stands=rule[1])
    spans = [Interval(e.onset + apart, e.offset + apart) for e in found
             if e.offset - e.onset <= LONGEST * RATE]  # fmt: skip
    if between:
        blinks = [*blinks, *between_blinks(blinks)]
    inside = [any(a * RATE <= one.offset and b * RATE >= one.onset for a, b in blinks)
              for one in spans]  # fmt: skip
    return [one for one, blink in zip(spans, inside, strict=True) if not blink]


def spotted(
    arm: str, people: Sequence[int], known: Mapping[str, NDArray[Any]], between: bool = False
) -> dict[str, float]:
    """Figures of an arm on the films of these people; see `decoded` for `between`."""
    row = list(ARMS).index(arm)
    truth: list[dict[str, list[Interval]]] = [{}, {}, {}]
    found: list[dict[str, list[Interval]]] = [{}, {}, {}]
    clear = caught = 0
    for k, person in enumerate(people):
        given = script(person)
        blinks = [(e.onset, e.offset) for e in given.take.timeline.events]
        spans = [(a, b) for a, b in given.spans("micro") if a > APART and b < SECONDS - APART]
        planned = [Interval(round(a * RATE), round(b * RATE)) for a, b in spans]
        for condition in (TURNING, STILL, ALONE):
            score = known["scores"][k, condition, row].astype(np.float64)
            rule = BEFORE if arm == OLD else (FLOOR, STANDS)
            found[condition][str(person)] = decoded(score, rule, blinks, between)
            truth[condition][str(person)] = [] if condition == ALONE else planned
        px = {round(o, 6): p for who, o, p in known["peaks"].tolist() if who == person}
        large = [n for n, (a, _) in enumerate(spans) if px[round(a, 6)] >= VISIBLE]
        hits = match_intervals(planned, found[TURNING][str(person)])
        clear, caught = clear + len(large), caught + sum(event in large for event, _ in hits)
    minutes = len(people) * (SECONDS - 2 * APART) / 60
    turning, still, alone = (spotting(t, f).counts for t, f in zip(truth, found, strict=True))
    return {"F1": turning.f1, "false": turning.false / minutes, "clear": caught / max(1, clear),
            "still": still.f1, "alone": alone.false / minutes}  # fmt: skip

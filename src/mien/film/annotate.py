"""Annotated and blurred copies of a film, from its segments and the identities of its tracks."""

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from mien.media import Film, FilmWriter, Frame, draw_faces, hide_faces, open_film
from mien.track import FrameFaces, Segment
from mien.types import Face, FilmAnswer, Identity, OnStep, Pixels

BRIDGE = 1.0  # s without a sampled frame over which a face stays hidden
INSTANT = 1e-6  # s: times that differ by less are one frame


def write_marked(
    source: str | os.PathLike[str],
    segments: Iterable[Segment],
    answer: FilmAnswer,
    out: str | os.PathLike[str],
    *,
    on_step: OnStep = lambda name, done, total: None,
) -> None:
    """Write a copy of a film with boxes, names and probabilities; the sound is kept.

    Args:
        source: the film.
        segments: its segments, from the journal of `identify_film`.
        answer: of `identify_film`.
        out: .mp4, .mov or .mkv.
        on_step: called with seconds done and total.

    Raises:
        FilmError: the film cannot be written; the part that is written is kept.
    """
    owner = owners(answer)

    def paint(image: Pixels, faces: list[Face]) -> Pixels:
        known = [(face, owner.get(face.track)) for face in faces]
        # Points are not drawn: they cover small faces, and are unreliable on profiles.
        shown = [
            (replace(face, decision=who.decision, points=None), who) for face, who in known if who
        ]
        return draw_faces(image, [face for face, _ in shown], [label(who) for _, who in shown])

    def annotated(film: Film) -> Iterator[tuple[Frame, Pixels]]:
        for frame, faces in with_faces(film.frames(), segments):
            yield frame, paint(frame.image, faces)

    write_copy(source, out, annotated, "draw", on_step)


def write_blurred(
    source: str | os.PathLike[str],
    segments: Iterable[Segment],
    answer: FilmAnswer,
    out: str | os.PathLike[str],
    hidden: Callable[[Identity | None], bool],
    *,
    hold: float = 0.5,
    on_step: OnStep = lambda name, done, total: None,
) -> None:
    """Write a copy of a film with faces blurred away; the sound is kept.

    A face stays blurred between two sampled frames, and for a time before the first and
    after the last one of a shot, since a detector loses a turning face before a viewer does.

    Args:
        source: the film.
        segments: its segments, with every frame sampled.
        answer: of `identify_film`.
        out: .mp4, .mov or .mkv.
        hidden: returns whether to blur a person; called with None for unassigned faces.
        hold: seconds that a blur begins early and ends late.
        on_step: called with seconds done and total.

    Raises:
        FilmError: the film cannot be written; the part that is written is kept.
    """
    owner = owners(answer)

    def paint(image: Pixels, faces: list[Face]) -> Pixels:
        return hide_faces(image, [face.box for face in faces if hidden(owner.get(face.track))])

    def annotated(film: Film) -> Iterator[tuple[Frame, Pixels]]:
        for frame, faces in with_faces(film.frames(), segments, hold=hold):
            yield frame, paint(frame.image, faces)

    write_copy(source, out, annotated, "blur", on_step)


def owners(answer: FilmAnswer) -> dict[int | None, Identity]:
    """Map each track to its person."""
    return {number: person for person in answer.people for number in person.tracks}


def label(person: Identity) -> str:
    """Return the label of a face: name and probability."""
    decision = person.decision
    if decision is None or decision.outcome == "unknown" or decision.probability is None:
        return person.person
    if decision.outcome == "review":
        return f"{person.person} ({decision.likely}?)"
    return f"{person.person} {percent(decision.probability)}"


def percent(probability: float) -> str:
    """Format a probability in percent, never rounded up to 100 %."""
    return f"{min(probability, 0.999) * 100:.3g} %"


def write_copy(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    annotated: Callable[[Film], Iterable[tuple[Frame, Pixels]]],
    step: str,
    on_step: OnStep,
) -> None:
    """Write a copy of a film frame by frame, with its timestamps and sound.

    Args:
        source: the film.
        out: .mp4, .mov or .mkv.
        annotated: each frame, and the image to write in its place.
        step: name of the step for on_step.
        on_step: called with seconds done and total.

    Raises:
        FilmError: the film cannot be written; the part that is written is kept.
    """
    with open_film(source) as film, FilmWriter(out, sound_of=source) as writer:
        total = round(film.duration or 0)
        for frame, image in annotated(film):
            writer.add(image, frame.time)
            on_step(step, min(round(frame.time), total or 1 << 60), total)
        on_step(step, total, total)


@dataclass(slots=True, eq=False)
class _Path:
    """The faces of one track near the current time."""

    faces: list[Face] = field(default_factory=list)  # in the order of time

    def at(self, time: float, hold: float, shot: tuple[float, float]) -> Face | None:
        """Return the face at a time; None if there is none."""
        times = [face.time or 0.0 for face in self.faces]
        place = bisect_right(times, time + 1e-9)
        before = self.faces[place - 1] if place else None
        after = self.faces[place] if place < len(self.faces) else None
        if before and after and times[place] - times[place - 1] <= max(BRIDGE, 2 * hold):
            share = (time - times[place - 1]) / (times[place] - times[place - 1])
            return _between(before, after, share)
        if before and time - times[place - 1] <= hold and times[place - 1] >= shot[0]:
            return before
        if after and times[place] - time <= hold and times[place] < shot[1]:
            return after
        return None


def with_faces(
    frames: Iterable[Frame], segments: Iterable[Segment], *, hold: float = 0.0
) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield each frame with its faces; boxes are interpolated between sampled frames.

    Args:
        frames: of the film, in the order of time.
        segments: of the same film, in the order of time.
        hold: seconds that a face is kept before its first and after its last sampled frame of
            a shot, and twice as long between two, since a box too many hides more than one too
            few. 0: a face is only where it was found in both neighbouring sampled frames of a
            shot, so that no box is left where a face has been.
    """
    samples = (sample for segment in segments for sample in segment.frames)
    near: deque[FrameFaces] = deque()  # sampled frames near the current time
    upcoming = next(samples, None)
    reach = max(BRIDGE, hold) + 0.1 if hold else 0.0
    for frame in frames:
        # The sampled frames before and after this one are always near, however far they are.
        while upcoming is not None and not (near and near[-1].time > frame.time + reach):
            near.append(upcoming)
            upcoming = next(samples, None)
        while len(near) > 1 and near[1].time <= frame.time - reach:
            near.popleft()
        faces = _held_at(near, frame.time, hold) if hold else _found_at(near, frame.time)
        yield frame, faces


def _found_at(near: deque[FrameFaces], time: float) -> list[Face]:
    """Return the faces of a sampled frame, or between two those that are in both."""
    times = [sample.time for sample in near]
    place = bisect_right(times, time + INSTANT)
    if not place:
        return []
    before = near[place - 1]
    if time - before.time <= INSTANT:
        return list(before.faces)
    if place == len(near) or near[place].cut:
        return []
    later = {face.track: face for face in near[place].faces}
    share = (time - before.time) / (near[place].time - before.time)
    both = [face for face in before.faces if face.track in later]
    return [_between(face, later[face.track], share) for face in both]


def _held_at(near: deque[FrameFaces], time: float, hold: float) -> list[Face]:
    times = [sample.time for sample in near]
    place = bisect_right(times, time + 1e-9)
    # A sampled frame stands for the time until the next one.
    until = times[place] if place < len(times) else times[-1] + 1.0 if times else time
    own = until - times[place - 1] if place else 0.0
    begun = max(
        (sample.time for sample in near if sample.cut and sample.time <= time + 1e-9), default=-1.0
    )
    over = min(
        (sample.time for sample in near if sample.cut and sample.time > time + 1e-9), default=np.inf
    )
    paths: dict[int | None, _Path] = {}
    for sample in near:
        for face in sample.faces:
            paths.setdefault(face.track, _Path()).faces.append(face)
    found = (path.at(time, max(hold, own * 0.999), (begun, over)) for path in paths.values())
    return [face for face in found if face is not None]


def _between(before: Face, after: Face, share: float) -> Face:
    mix = np.float32(share)
    points = None
    if before.points is not None and after.points is not None:
        points = before.points + mix * (after.points - before.points)
    return replace(before, box=before.box + mix * (after.box - before.box), points=points)

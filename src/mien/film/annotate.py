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

BRIDGE = 1.0  # s without a look that a box is moved across


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
        segments: what was seen in it; of the journal of `identify_film`.
        answer: of `identify_film`.
        out: .mp4, .mov or .mkv.
        on_step: is told the seconds done, and all there are.

    Raises:
        FilmError: the film cannot be written; what was written until then is kept.
    """
    owner = owners(answer)

    def paint(image: Pixels, faces: list[Face]) -> Pixels:
        known = [(face, owner.get(face.track)) for face in faces]
        # Points are not drawn: they hide small faces, and mislead on faces from the side.
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

    A face stays blurred between two sampled frames, and for a while before the first and after
    the last one of a shot, since a detector loses a face that turns before a viewer does.

    Args:
        source: the film.
        segments: what was seen in it, at every frame.
        answer: of `identify_film`.
        out: .mp4, .mov or .mkv.
        hidden: whether a person is to be hidden; asked with None for faces that are nobody's.
        hold: seconds that a blur begins early and ends late.
        on_step: is told the seconds done, and all there are.

    Raises:
        FilmError: the film cannot be written; what was written until then is kept.
    """
    owner = owners(answer)

    def paint(image: Pixels, faces: list[Face]) -> Pixels:
        return hide_faces(image, [face.box for face in faces if hidden(owner.get(face.track))])

    def annotated(film: Film) -> Iterator[tuple[Frame, Pixels]]:
        for frame, faces in with_faces(film.frames(), segments, hold=hold):
            yield frame, paint(frame.image, faces)

    write_copy(source, out, annotated, "blur", on_step)


def owners(answer: FilmAnswer) -> dict[int | None, Identity]:
    """Track -> person."""
    return {number: person for person in answer.people for number in person.tracks}


def label(person: Identity) -> str:
    """What stands beside a face: the name and how probable it is."""
    decision = person.decision
    if decision is None or decision.outcome == "unknown" or decision.probability is None:
        return person.person
    if decision.outcome == "review":
        return f"{person.person} ({decision.person}?)"
    return f"{person.person} {percent(decision.probability)}"


def percent(probability: float) -> str:
    """A probability in percent, never rounded up to certainty."""
    return f"{min(probability, 0.999) * 100:.3g} %"


def write_copy(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    annotated: Callable[[Film], Iterable[tuple[Frame, Pixels]]],
    step: str,
    on_step: OnStep,
) -> None:
    """Write a copy of a film, frame by frame, with its own stamps and sound.

    Args:
        source: the film.
        out: .mp4, .mov or .mkv.
        annotated: each frame and the picture to write in its place.
        step: what on_step is told that is being done.
        on_step: is told the seconds done, and all there are.

    Raises:
        FilmError: the film cannot be written; what was written until then is kept.
    """
    with open_film(source) as film, FilmWriter(out, sound_of=source) as writer:
        total = round(film.duration or 0)
        for frame, image in annotated(film):
            writer.add(image, frame.time)
            on_step(step, min(round(frame.time), total or 1 << 60), total)
        on_step(step, total, total)


@dataclass(slots=True, eq=False)
class _Path:
    """The looks of one track that are near the present."""

    faces: list[Face] = field(default_factory=list)  # in the order of time

    def at(self, time: float, hold: float, shot: tuple[float, float]) -> Face | None:
        """The face at a moment; None if it is not there."""
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
    """Each frame with its faces; between looks, boxes move evenly.

    Args:
        frames: of the film, in the order of time.
        segments: of the same film, in the order of time.
        hold: seconds that a face is kept before its first and after its last look in a shot; at
            least as long as a look stands for.
    """
    looks = (look for segment in segments for look in segment.frames)
    near: deque[FrameFaces] = deque()  # looks within reach of the present
    upcoming = next(looks, None)
    reach = max(BRIDGE, hold) + 0.1
    for frame in frames:
        while upcoming is not None and upcoming.time <= frame.time + reach:
            near.append(upcoming)
            upcoming = next(looks, None)
        while near and near[0].time < frame.time - reach:
            near.popleft()
        yield frame, _faces_at(near, frame.time, hold)


def _faces_at(near: deque[FrameFaces], time: float, hold: float) -> list[Face]:
    times = [look.time for look in near]
    place = bisect_right(times, time + 1e-9)
    # A look stands for the time until the next one.
    until = times[place] if place < len(times) else times[-1] + 1.0 if times else time
    own = until - times[place - 1] if place else 0.0
    begun = max((look.time for look in near if look.cut and look.time <= time + 1e-9), default=-1.0)
    over = min((look.time for look in near if look.cut and look.time > time + 1e-9), default=np.inf)
    paths: dict[int | None, _Path] = {}
    for look in near:
        for face in look.faces:
            paths.setdefault(face.track, _Path()).faces.append(face)
    found = (path.at(time, max(hold, own * 0.999), (begun, over)) for path in paths.values())
    return [face for face in found if face is not None]


def _between(before: Face, after: Face, share: float) -> Face:
    mix = np.float32(share)
    points = None
    if before.points is not None and after.points is not None:
        points = before.points + mix * (after.points - before.points)
    return replace(before, box=before.box + mix * (after.box - before.box), points=points)

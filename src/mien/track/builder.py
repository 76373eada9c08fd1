"""From looks to tracks: when each can be seen, who is on screen together, and the best looks."""

import math
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from mien.geometry import eye_distance, pose_from_points
from mien.types import Face, Floats, Quality, Track

KEPT = 6  # embeddings of a track that are averaged; more change little
LARGE = 60.0  # px between the eyes, from which a larger face shows no more
OVER = 2.0  # s out of sight: longer than a tracker waits, so the track is over
DECISIVE = {"inter_eye_distance", "head_pose_yaw"}  # see mien.decision.decide.weakness
UNSURE = 0.7  # score of a detector that worth begins at: blur, hands and edges lower it first
PAUSE = 0.5  # s without a look, after which a face counts as gone
CLEARLY = 1.3  # times the area, that takes the first place from who holds it


@dataclass(frozen=True, slots=True, eq=False)
class FrameFaces:
    """One frame that was looked at."""

    number: int  # of the frame
    time: float  # s
    cut: bool  # a shot begins here, or since the look before
    faces: tuple[Face, ...]  # with their tracks


@dataclass(frozen=True, slots=True, eq=False)
class KeyFace:
    """The best look of a track in a short stretch of time, embedded."""

    track: int
    face: Face  # with time and embedding
    selection_score: float


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """What was seen in half a second of film; the unit that is saved."""

    index: int
    looks: tuple[FrameFaces, ...]
    chosen: tuple[KeyFace, ...]


def selection_score(face: Face) -> float:
    """How well a look shows a face: large, frontal, surely found; in [0, 1].

    Source: the two quality components that matter most for recognition in ISO/IEC 29794-5, head
    size and pose, from the five points alone, since it is asked for every face of every look.
    """
    if face.points is None or not np.isfinite(face.points).all():
        return 0.0
    eyes = eye_distance(face.points)
    yaw, pitch, _ = pose_from_points(face.points)
    if not (math.isfinite(yaw) and math.isfinite(pitch)):
        return 0.0
    frontal = max(math.cos(math.radians(min(abs(yaw), 90.0))), 0.05)
    sure = min(max((face.score - UNSURE) / (1 - UNSURE), 0.05), 1.0)
    return min(eyes, LARGE) / LARGE * frontal**2 * sure**2


@dataclass(slots=True, eq=False)
class _Growing:
    """A track while it is gathered."""

    spans: list[tuple[float, float]]
    best: Face
    selection_score: float = -1.0
    last: float = 0.0  # s of the last look that shows it
    looks: int = 0
    width: float = 0.0  # sum
    chosen: list[KeyFace] = field(default_factory=list)
    vector: Floats | None = None

    def settle(self) -> None:
        """The track is over: keep its mean and its best look, and forget the others."""
        if self.chosen:
            self.vector = mean(
                [one.face for one in self.chosen], [c.selection_score for c in self.chosen]
            )
            self.best = _lean(self.chosen[0].face)
            self.chosen = []


class TrackBuilder:
    """Sums up stretches as they come. Memory grows with tracks, and by two kilobytes each."""

    def __init__(self, fewest: int = 3) -> None:
        """Start empty; a track of fewer looks than `fewest` is a flicker of the detector."""
        self._fewest = fewest
        self._tracks: dict[int, _Growing] = {}
        self._open: set[int] = set()  # tracks that may go on
        self.together: set[tuple[int, int]] = set()  # tracks seen in one frame: two people
        self.largest: list[tuple[float, float, int]] = []  # start, end, track
        self.cuts: list[float] = []
        self.seconds = 0.0
        self._before: FrameFaces | None = None

    def take(self, stretch: Segment) -> None:
        """Add the next stretch."""
        for look in stretch.looks:
            self._close(look)
            self._add(look)
        for chosen in stretch.chosen:
            track = self._tracks[chosen.track]
            track.chosen.append(chosen)
            track.chosen.sort(key=lambda one: -one.selection_score)
            del track.chosen[KEPT:]
        self._settle(self.seconds - OVER)

    def finish(self, end: float) -> None:
        """The film is over at `end` seconds: what was seen last lasts until then."""
        self._until(end)

    def _settle(self, before: float) -> None:
        """Sum up the tracks that were last seen before a moment."""
        for number in [n for n in self._open if self._tracks[n].spans[-1][1] < before]:
            self._open.remove(number)
            if self._tracks[number].looks < self._fewest:
                del self._tracks[number]
            else:
                self._tracks[number].settle()

    def tracks(self) -> list[Track]:
        """All tracks that are more than a flicker, in the order of their numbers."""
        self._settle(math.inf)
        return [
            Track(
                number,
                tuple(one.spans),
                one.looks,
                one.width / one.looks,
                one.best,
                one.vector,
            )
            for number, one in sorted(self._tracks.items())
        ]

    def _add(self, look: FrameFaces) -> None:
        numbers = []
        for face in look.faces:
            assert face.track is not None
            numbers.append(face.track)
            one = self._tracks.setdefault(face.track, _Growing([], face))
            self._open.add(face.track)
            value = selection_score(face)
            if value > one.selection_score:
                one.best, one.selection_score = face, value
            one.looks += 1
            one.width += float(face.box[2] - face.box[0])
            if one.spans and look.time - one.last <= PAUSE:
                one.spans[-1] = (one.spans[-1][0], look.time)
            else:
                one.spans.append((look.time, look.time))
            one.last = look.time
        self.together.update(combinations(sorted(numbers), 2))
        if look.cut:
            self.cuts.append(look.time)
        self._before = look
        self.seconds = look.time

    def _close(self, look: FrameFaces) -> None:
        """What was seen in the look before lasted until this one."""
        if self._before is not None:
            self._until(min(look.time, self._before.time + PAUSE))

    def _until(self, end: float) -> None:
        before = self._before
        if before is None or end <= before.time:
            return
        for face in before.faces:
            assert face.track is not None
            spans = self._tracks[face.track].spans
            spans[-1] = (spans[-1][0], end)
        self.seconds = end
        if not before.faces:
            return
        last = self.largest[-1] if self.largest else None
        goes_on = last is not None and last[1] == before.time
        first = _largest(before.faces, last[2] if last and goes_on else None)
        if last and goes_on and last[2] == first:
            self.largest[-1] = (last[0], end, first)
        else:
            self.largest.append((before.time, end, first))


def _largest(faces: tuple[Face, ...], before: int | None) -> int:
    """The track with the largest face; the one before keeps its place unless clearly beaten."""
    areas = {face.track: float(np.prod(face.box[2:] - face.box[:2])) for face in faces}
    first = max(areas, key=lambda track: areas[track])
    kept = before in areas and areas[before] * CLEARLY >= areas[first]
    number = before if kept else first
    assert number is not None
    return number


def _lean(face: Face) -> Face:
    """A face with no more than a decision needs: what is measured of its size and pose."""
    quality = face.quality
    if quality:
        kept = {name: value for name, value in quality.measures.items() if name in DECISIVE}
        quality = Quality({}, kept)
    return replace(face, quality=quality, embedding=None)


def mean(faces: list[Face], weights: list[float]) -> Floats | None:
    """The weighted mean of embeddings; shorter than 1 as they differ.

    Its product with a template is the mean of the cosines of the single looks. So many looks that
    show the same moment count as one: they make the similarity steadier, and do not push it over
    a threshold that was measured on single pictures, as a mean of unit length would.
    """
    pairs = [
        (face.embedding, max(weight, 1e-3))
        for face, weight in zip(faces, weights, strict=True)
        if face.embedding is not None
    ]
    if not pairs:
        return None
    total = sum(weight for _, weight in pairs)
    return sum(
        (vector * np.float32(weight / total) for vector, weight in pairs),
        np.zeros_like(pairs[0][0]),
    )

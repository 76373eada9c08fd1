"""Track building: time spans, co-occurrence, and the key faces of each track."""

import math
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from mien.geometry import eye_distance, pose_from_points
from mien.liveness.check import fuse
from mien.types import Face, Floats, Quality, Track

KEPT = 6  # embeddings of a track that are averaged; more change little
LARGE = 60.0  # px between the eyes, above which the score does not rise
OVER = 2.0  # s of absence that end a track; longer than the patience of the tracker
DECISIVE = {"inter_eye_distance", "head_pose_yaw"}  # see mien.decision.decide.weakness
UNSURE = 0.7  # detector score at which the selection score begins to rise
FLEETING = 0.3  # s visible: shorter tracks are false detections
PAUSE = 0.5  # s without a sampled frame after which a face is absent
CLEARLY = 1.3  # ratio of areas from which another face becomes the largest


@dataclass(frozen=True, slots=True, eq=False)
class FrameFaces:
    """The faces of one sampled frame."""

    number: int  # of the frame
    time: float  # s
    cut: bool  # a shot begins here, or after the previous sampled frame
    faces: tuple[Face, ...]  # with track numbers


@dataclass(frozen=True, slots=True, eq=False)
class KeyFace:
    """The best face of a track within one segment, embedded."""

    track: int
    face: Face  # with time and embedding
    selection_score: float


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Half a second of film: the unit in which tracking results are processed and saved."""

    index: int
    frames: tuple[FrameFaces, ...]
    key_faces: tuple[KeyFace, ...]


def selection_score(face: Face) -> float:
    """Return the suitability of a face for embedding (large, frontal, confident) in [0, 1].

    Source: the two quality components that matter most for recognition in ISO/IEC 29794-5, head
    size and pose, from the five points alone, since it is computed for every detected face.
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
    """A track under construction."""

    spans: list[tuple[float, float]]
    best: Face
    selection_score: float = -1.0
    last: float = 0.0  # s of the last sampled frame that shows it
    observations: int = 0
    width: float = 0.0  # sum
    key_faces: list[KeyFace] = field(default_factory=list)
    vector: Floats | None = None

    def settle(self) -> None:
        """End the track: keep the mean embedding and the best face, drop the others."""
        if self.key_faces:
            self.vector = mean(
                [one.face for one in self.key_faces], [c.selection_score for c in self.key_faces]
            )
            self.best = self._best()
            self.key_faces = []

    def track(self, number: int) -> Track:
        """Return the track so far."""
        best, vector = self.best, self.vector
        if self.key_faces:
            best = self._best()
            vector = mean(
                [one.face for one in self.key_faces],
                [one.selection_score for one in self.key_faces],
            )
        width = self.width / self.observations
        return Track(number, tuple(self.spans), self.observations, width, best, vector)

    def _best(self) -> Face:
        """Return the best key face; its liveness is that of all key faces together."""
        checked = [one.face.liveness for one in self.key_faces if one.face.liveness]
        return replace(_lean(self.key_faces[0].face), liveness=fuse(checked))


def fewest_observations(between: float) -> int:
    """Return the fewest sampled frames of a valid track.

    Args:
        between: seconds between sampled frames.
    """
    return max(1, round(FLEETING / between))


class TrackBuilder:
    """Build tracks from segments in sequence. Memory grows by two kilobytes per track."""

    def __init__(self, fewest: int = 3) -> None:
        """Start empty; a track of fewer observations than `fewest` is a false detection."""
        self._fewest = fewest
        self._tracks: dict[int, _Growing] = {}
        self._open: set[int] = set()  # tracks that can continue
        self.together: set[tuple[int, int]] = set()  # tracks seen in one frame: two people
        self.largest: list[tuple[float, float, int]] = []  # start, end, track
        self.cuts: list[float] = []
        self.seconds = 0.0
        self._before: FrameFaces | None = None
        self._first, self._sampled = 0.0, 0  # s of the first sampled frame, and their number

    def take(self, segment: Segment) -> None:
        """Add the next segment."""
        for frame in segment.frames:
            self._close(frame)
            self._add(frame)
        for key_face in segment.key_faces:
            track = self._tracks[key_face.track]
            track.key_faces.append(key_face)
            track.key_faces.sort(key=lambda one: -one.selection_score)
            del track.key_faces[KEPT:]
        self._settle(self.seconds - OVER)

    def finish(self, end: float) -> None:
        """End the film at `end` seconds; visible tracks last until then."""
        self._until(end)

    @property
    def _least(self) -> int:
        """Observations that make a track: fewer where frames are sparse, one in a single frame."""
        if self._sampled < 2 or self._before is None:
            return 1
        between = (self._before.time - self._first) / (self._sampled - 1)
        return max(1, min(self._fewest, fewest_observations(between)))

    def _settle(self, before: float) -> None:
        """End the tracks that were last seen before a time."""
        for number in [n for n in self._open if self._tracks[n].spans[-1][1] < before]:
            self._open.remove(number)
            if self._tracks[number].observations < self._least:
                del self._tracks[number]
            else:
                self._tracks[number].settle()

    def tracks(self) -> list[Track]:
        """Return the valid tracks, in the order of their numbers.

        This can be called at any time: open tracks are returned in their current state.
        """
        return [
            one.track(number)
            for number, one in sorted(self._tracks.items())
            if one.observations >= self._least
        ]

    def forget(self, before: float, most: int) -> None:
        """Drop tracks last seen before a time, and the oldest beyond a number, for live use."""
        over = sorted((one.spans[-1][1], number) for number, one in self._tracks.items())
        surplus = {number for _, number in over[: max(0, len(over) - most)]}
        gone = {number for end, number in over if end < before or number in surplus}
        if not gone:
            return
        self._tracks = {n: one for n, one in self._tracks.items() if n not in gone}
        self._open -= gone
        self.together = {pair for pair in self.together if not gone & set(pair)}
        self.largest = [one for one in self.largest if one[2] not in gone]
        self.cuts = [cut for cut in self.cuts if cut >= before]

    def _add(self, frame: FrameFaces) -> None:
        numbers = []
        for face in frame.faces:
            assert face.track is not None
            numbers.append(face.track)
            one = self._tracks.setdefault(face.track, _Growing([], face))
            self._open.add(face.track)
            value = selection_score(face)
            if value > one.selection_score:
                one.best, one.selection_score = face, value
            one.observations += 1
            one.width += float(face.box[2] - face.box[0])
            if one.spans and frame.time - one.last <= PAUSE:
                one.spans[-1] = (one.spans[-1][0], frame.time)
            else:
                one.spans.append((frame.time, frame.time))
            one.last = frame.time
        self.together.update(combinations(sorted(numbers), 2))
        if frame.cut:
            self.cuts.append(frame.time)
        if not self._sampled:
            self._first = frame.time
        self._sampled += 1
        self._before = frame
        self.seconds = frame.time

    def _close(self, frame: FrameFaces) -> None:
        """Extend the faces of the previous sampled frame until this one."""
        if self._before is not None:
            self._until(min(frame.time, self._before.time + PAUSE))

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
    """Return the track with the largest face; the previous one is kept unless clearly smaller."""
    areas = {face.track: float(np.prod(face.box[2:] - face.box[:2])) for face in faces}
    first = max(areas, key=lambda track: areas[track])
    kept = before in areas and areas[before] * CLEARLY >= areas[first]
    number = before if kept else first
    assert number is not None
    return number


def _lean(face: Face) -> Face:
    """Return a face with only the measures that a decision needs: size and pose."""
    quality = face.quality
    if quality:
        kept = {name: value for name, value in quality.measures.items() if name in DECISIVE}
        quality = Quality({}, kept)
    return replace(face, quality=quality, embedding=None)


def mean(faces: list[Face], weights: list[float]) -> Floats | None:
    """Return the weighted mean of embeddings; it is shorter than 1 if they differ.

    Its product with a template is the mean of the cosines of the single key faces. Key faces of
    one moment therefore count as one: they reduce the variance of the similarity. They do not push
    it over a threshold that was measured on single images, as a mean of unit length would.
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

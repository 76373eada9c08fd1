"""Liveness of the faces of a film or a camera: each track over several frames."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mien.behaviour.challenge import Challenge, ChallengeResult
from mien.contracts import Detector, Landmarker
from mien.geometry.poses import Camera
from mien.landmarks import MeshTracker, measure
from mien.liveness import (
    LivenessCheck,
    Motion,
    MotionRecorder,
    cut_square,
    fuse,
    with_motion,
)
from mien.media import Frame
from mien.track import Tracker
from mien.types import Face, Liveness, Pixels

EVERY = 0.2  # s between checked frames
MOST = 16  # scores of a track that are averaged, the newest
# A track is scored in its first checked frames, then in every third one: scores of frames 0.2 s
# apart hardly differ, and the networks take most of the time. Motion is measured in all of them.
FIRST, STEP = 5, 3
CHIP, CHIP_ZOOM, CHIPS = 96, 2.0, 12  # px, times the box, most pictures that are kept of a track


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One checked frame of a track in which the head was asked."""

    time: float  # s
    score: float | None  # None: no response
    reason: str | None  # why there is no response


@dataclass(slots=True, eq=False)
class TrackLiveness:
    """One face over time, with its liveness in all checked frames together."""

    track: int
    start: float  # s
    end: float  # s
    largest: Face  # the frame in which the face is largest
    checks: list[Liveness] = field(default_factory=list)
    checked: int = 0  # frames, with or without a score
    moments: list[Moment] = field(default_factory=list)
    chips: list[tuple[float, Pixels]] = field(default_factory=list)  # time, (96, 96, 3)
    recorder: MotionRecorder = field(default_factory=MotionRecorder)
    _apart: float = 0.0  # s between two chips
    _scored: int = 0  # frames in which the head gave a score

    @property
    def motion(self) -> Motion:
        """Return the measures over time."""
        return self.recorder.result()

    @property
    def liveness(self) -> Liveness:
        """Return the mean over the frames, and an attack if the motion has signs of one."""
        found = fuse(self.checks)
        assert found is not None  # a track has at least one check
        return with_motion(found, self.motion)

    def see(
        self, check: LivenessCheck, image: Pixels, face: Face, time: float, *, chips: bool
    ) -> None:
        """Take a checked frame: its motion, and its score where one is due."""
        self.end = time
        self.recorder.see(image, face.box, time)
        if is_due(self.checked, self._scored):
            self._add(check.of(image, face), image, face, time, chips=chips)
        self.checked += 1
        if _area(face) > _area(self.largest):
            self.largest = face

    def _add(self, found: Liveness, image: Pixels, face: Face, time: float, *, chips: bool) -> None:
        self._scored += found.score is not None
        self.checks = [*self.checks[-MOST + 1 :], found]
        self.moments.append(Moment(time, found.score, found.reason))
        if chips and (not self.chips or time >= self.chips[-1][0] + self._apart - 1e-3):
            self.chips.append((time, cut_square(image, face.box, CHIP_ZOOM, CHIP)))
        if len(self.chips) > CHIPS:  # every second one goes, so those that stay are evenly spaced
            self.chips = self.chips[::2]
            self._apart = self.chips[-1][0] - self.chips[-2][0]


def is_due(checked: int, scored: int) -> bool:
    """Whether a track is scored in its next checked frame.

    Args:
        checked: its frames so far, with or without a score.
        scored: those with a score.
    """
    return scored < FIRST or checked % STEP == 0


def check_tracks(
    frames: Iterable[Frame],
    detector: Detector,
    check: LivenessCheck,
    *,
    chips: bool = False,
) -> list[TrackLiveness]:
    """Measure motion and colour of every face five times per second, and score it in some of them.

    Args:
        frames: in the order of time; all of them, since a pulse needs 12 per second.
        detector: finds the faces; they are followed by motion.
        check: the head and its operating point.
        chips: keep pictures of the checked frames, for a report.

    Returns:
        All tracks, by their number.
    """
    tracker = Tracker(None)
    found: dict[int, TrackLiveness] = {}
    seen: list[tuple[TrackLiveness, Face]] = []  # of the checked frame before
    due = 0.0
    for frame in frames:
        if frame.cut or frame.time >= due - 1e-3:
            due = frame.time + EVERY
            faces = tracker(detector(frame.image), frame.time, cut=frame.cut, embed=None)
            seen = []
            for face in faces:
                assert face.track is not None
                one = found.setdefault(
                    face.track, TrackLiveness(face.track, frame.time, frame.time, face)
                )
                one.see(check, frame.image, face, frame.time, chips=chips)
                seen.append((one, face))
        for one, face in seen:
            one.recorder.see_colour(frame.image, face.box, frame.time)
    return list(found.values())


def _area(face: Face) -> float:
    return float((face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))


class ChallengeRun:
    """Lead one person through a challenge: frames in, requests and the result out."""

    def __init__(self, challenge: Challenge, detector: Detector, landmarker: Landmarker) -> None:
        """Start without a face; the first face that is found is the one that must follow."""
        self.challenge = challenge
        self._meshes = MeshTracker(detector, landmarker)
        self._number: int | None = None

    def see(self, image: Pixels, time: float) -> ChallengeResult | None:
        """Take one frame; return the result once it is known."""
        height, width = image.shape[:2]
        tracked = [one for one in self._meshes(image, time) if one.points is not None]
        if self._number is None and tracked:
            self._number = max(tracked, key=lambda one: float(one.box[2] - one.box[0])).number
        mine = next((one for one in tracked if one.number == self._number), None)
        measures = None
        if mine is not None and mine.points is not None:
            measures = measure(mine.points, Camera.of(height, width))
        return self.challenge.see(time, measures)

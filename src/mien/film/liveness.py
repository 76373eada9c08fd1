"""Liveness of the faces of a film or a camera: each track over several frames."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mien.behaviour.challenge import Challenge, ChallengeResult
from mien.contracts import Detector, Landmarker
from mien.geometry.poses import Camera
from mien.landmarks import MeshTracker, measure
from mien.liveness import LivenessCheck, fuse
from mien.media import Frame
from mien.track import Tracker
from mien.types import Face, Liveness, Pixels

EVERY = 0.2  # s between checked frames
MOST = 32  # checks of a track that are kept, the newest


@dataclass(slots=True, eq=False)
class TrackLiveness:
    """One face over time, with its liveness in all checked frames together."""

    track: int
    start: float  # s
    end: float  # s
    largest: Face  # the frame in which the face is largest
    checks: list[Liveness] = field(default_factory=list)

    @property
    def liveness(self) -> Liveness:
        """Return the mean over the frames."""
        found = fuse(self.checks)
        assert found is not None  # a track has at least one check
        return found


def check_tracks(
    frames: Iterable[Frame], detector: Detector, check: LivenessCheck
) -> list[TrackLiveness]:
    """Check every face of every frame.

    Args:
        frames: sampled, in the order of time.
        detector: finds the faces; they are followed by motion.
        check: the head and its operating point.

    Returns:
        All tracks, by their number.
    """
    tracker = Tracker(None)
    found: dict[int, TrackLiveness] = {}
    for frame in frames:
        faces = tracker(detector(frame.image), frame.time, cut=frame.cut, embed=None)
        for face in check(frame.image, faces):
            assert face.track is not None
            assert face.liveness is not None
            one = found.setdefault(
                face.track, TrackLiveness(face.track, frame.time, frame.time, face)
            )
            one.end = frame.time
            one.checks = [*one.checks[-MOST + 1 :], face.liveness]
            if _area(face) > _area(one.largest):
                one.largest = face
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

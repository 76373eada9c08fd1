"""The tracks of live sessions: frames of one camera, named while they are on screen."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np

from mien.align import align
from mien.decision import comparable
from mien.photo import Pipeline
from mien.track import Tracker, mean, selection_score
from mien.types import Decision, Face, Floats, Pixels

MOST, IDLE = 200, 60.0  # sessions of a process; s without a frame, after which one ends
KEPT = 4  # faces of a track whose embeddings are averaged
AGAIN = 1.0  # s after which the face of a track that is on screen is embedded again


@dataclass(slots=True, eq=False)
class _Track:
    """A person on screen."""

    faces: list[Face] = field(default_factory=list)  # the best so far, embedded
    decision: Decision | None = None
    embedded: float = -np.inf  # s
    since: float = 0.0


@dataclass(eq=False)
class LiveSession:
    """The tracks of one camera. One frame is processed at a time."""

    tracker: Tracker
    tracks: dict[int, _Track] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    last: float = 0.0

    def __call__(
        self, image: Pixels, moment: float, pipeline: Pipeline
    ) -> tuple[list[Face], list[Face]]:
        """Find, track and name the faces of a frame.

        Of a track, few faces are embedded: the first, and then one per second. All faces of a
        track have the decision about their mean.

        Args:
            image: (H, W, 3).
            moment: seconds, rising.
            pipeline: with an embedder; its gallery names people.

        Returns:
            The faces, with track and decision; and those that were searched, embedded.
        """
        embedder = pipeline.embedder
        assert embedder is not None

        def embed(faces: list[Face]) -> Floats:
            return embedder(align(image, faces, embedder.crop))

        faces = self.tracker(pipeline.detector(image), moment, embed=embed)
        due = [face for face in faces if self._due(face, moment)]
        fresh = [face for face in due if face.embedding is None]
        vectors = iter(embed(fresh) if fresh else ())
        searched = []
        for face in due:
            vector = face.embedding if face.embedding is not None else next(vectors)
            searched.append(replace(face, embedding=vector, embedder=embedder.contract))
            self._remember(searched[-1], moment, pipeline)
        active = set(self.tracker.active)
        self.tracks = {number: one for number, one in self.tracks.items() if number in active}
        named, searched = (
            [replace(face, decision=self._decision(face)) for face in some]
            for some in (faces, searched)
        )
        return named, searched

    def _due(self, face: Face, moment: float) -> bool:
        assert face.track is not None
        track = self.tracks.setdefault(face.track, _Track(since=moment))
        return comparable(face) and moment - track.embedded >= AGAIN

    def _decision(self, face: Face) -> Decision | None:
        track = self.tracks.get(face.track if face.track is not None else -1)
        return track.decision if track else None

    def _remember(self, face: Face, moment: float, pipeline: Pipeline) -> None:
        assert face.track is not None
        assert face.embedding is not None
        if not self.tracker.agrees(face.track, face.embedding):
            self.tracks[face.track] = _Track(since=moment)  # the track passed to somebody else
        self.tracker.remember(face.track, face.embedding)
        track = self.tracks[face.track]
        track.faces = sorted([*track.faces, face], key=lambda one: -selection_score(one))[:KEPT]
        track.embedded = moment
        search = pipeline.search()
        vector = mean(track.faces, [selection_score(one) for one in track.faces])
        if search is not None and vector is not None:
            [track.decision] = search(vector[None], [track.faces[0]])


class LiveSessions:
    """The live sessions of a server process. Thread-safe."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[str, str], LiveSession] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, number: str, owner: str, pipeline: Pipeline) -> LiveSession:
        """Return the session of that number of an owner, which begins with its first frame.

        If there are too many sessions, the one that was used least recently ends.
        """
        calibration = pipeline.calibrated() if pipeline.embedder else None
        evidence = calibration.cosine_llr if calibration else None
        key = owner, number
        with self._lock:
            now = time.monotonic()
            for old in [key for key, one in self._sessions.items() if now - one.last > IDLE]:
                del self._sessions[old]
            while key not in self._sessions and len(self._sessions) >= MOST:
                self._sessions.popitem(last=False)
            if key not in self._sessions:
                self._sessions[key] = LiveSession(Tracker(evidence, usable=comparable))
            self._sessions.move_to_end(key)
            self._sessions[key].last = now
            return self._sessions[key]

    def end(self, number: str, owner: str) -> bool:
        """End a session, whatever it searched; return whether there was one."""
        with self._lock:
            found = [k for k in self._sessions if k[0].startswith(owner) and k[1] == number]
            for key in found:
                del self._sessions[key]
        return bool(found)

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

"""Scan stage: detect, track and embed faces, one segment at a time."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mien.align import align
from mien.contracts import Detector, Embedder
from mien.decision import Calibration, comparable
from mien.film.key_faces import KeyFaceSelector, renumbered
from mien.liveness import LivenessCheck
from mien.media import Frame
from mien.track import FrameFaces, Segment, Tracker
from mien.types import Face, Floats, Pixels

SEGMENT = 0.5  # s of film; of each track the best face of a segment is embedded
EVERY = 0.1  # s between sampled frames: short enough to miss no visible appearance
GRID = 16.0  # boxes and points are rounded to 1/16 px, so that they are saved without loss


class FilmScanner:
    """Sample frames, track their faces, and close a segment every half second.

    The same frames give the same tracks in identification, tables and live views.
    Memory does not grow with the film.
    """

    def __init__(
        self,
        detector: Detector,
        embedder: Embedder | None,
        calibration: Calibration | None,
        *,
        every: float = EVERY,
        liveness: LivenessCheck | None = None,
    ) -> None:
        """Start without tracks.

        Args:
            detector: finds the faces of each sampled frame.
            embedder: embeds faces; None: faces are tracked by motion alone.
            calibration: of the embedder; converts cosines to likelihood ratios.
            every: seconds between sampled frames; the frame at which a shot begins is always
                sampled. 0 samples every frame.
            liveness: checks the key faces; None: no check. It needs an embedder.
        """
        self._detector, self._embedder, self._every = detector, embedder, every
        evidence = calibration.cosine_llr if calibration and embedder else None
        self._tracker = Tracker(evidence, usable=comparable)
        self._key_faces = KeyFaceSelector(embedder, liveness) if embedder else None
        self._frames: list[FrameFaces] = []
        self._index = 0
        self._step = -1
        self._cut = False

    def replay(self, segments: Iterable[Segment]) -> float:
        """Replay saved segments; return the seconds from which to continue."""
        for segment in segments:
            numbers: dict[tuple[float | None, bytes], int | None] = {}
            for frame in segment.frames:
                bare = [replace(face, track=None) for face in frame.faces]
                for face in self._tracker(bare, frame.time, cut=frame.cut, embed=_saved_vectors):
                    numbers[face.time, face.box.tobytes()] = face.track
                self._step = self._step_of(frame.time)
            for key_face in segment.key_faces:
                number = numbers[key_face.face.time, key_face.face.box.tobytes()]
                if number is not None and number != key_face.track:
                    self._tracker.split(number)
            self._remember(segment)
            self._index = segment.index + 1
        return self._index * SEGMENT

    def ended(self, time: float) -> list[tuple[Segment, dict[int, int]]]:
        """Return the segments that end before a time; call it before `see`.

        Returns:
            Each segment, empty ones included, and the tracks that were split in it: their old
            number and the new one, which holds for the whole segment.
        """
        index = math.floor(time / SEGMENT + 1e-6)
        return [self.end() for _ in range(self._index, index)]

    def see(self, frame: Frame) -> FrameFaces | None:
        """Detect and track the faces of a frame; None if the frame is not sampled."""
        if math.floor(frame.time / SEGMENT + 1e-6) < self._index:
            return None  # saved already; read again as the frame before
        self._cut |= frame.cut
        step = self._step_of(frame.time)
        if step <= self._step and not frame.cut:
            return None
        self._step = max(step, self._step)
        image, cut, self._cut = frame.image, self._cut, False
        found = [on_grid(face) for face in self._detector(image)]
        embed = (lambda faces: self._vectors(image, faces)) if self._embedder else None
        faces = self._tracker(found, frame.time, cut=cut, embed=embed)
        seen = FrameFaces(frame.number, frame.time, cut, tuple(faces))
        self._frames.append(seen)
        if self._key_faces:
            self._key_faces.see(image, faces)
        return seen

    @property
    def pending(self) -> bool:
        """Return whether frames were sampled since the last segment ended."""
        return bool(self._frames)

    def end(self) -> tuple[Segment, dict[int, int]]:
        """End the segment: embed its key faces, and split tracks that changed person.

        If one person passes in front of another, a track can change person without a jump. The
        time of the change within the segment is unknown; the whole segment gets the new number.
        """
        found = self._key_faces.end() if self._key_faces else []
        splits: dict[int, int] = {}
        for one in found:
            vector = one.face.embedding
            if vector is None or not comparable(one.face):
                continue
            if not self._tracker.agrees(one.track, vector):
                splits[one.track] = self._tracker.split(one.track)
        frames = [_renumbered(frame, splits) for frame in self._frames] if splits else self._frames
        key_faces = tuple(renumbered(one, splits) for one in found)
        segment = Segment(self._index, tuple(frames), key_faces)
        self._frames = []
        self._index += 1
        self._remember(segment)
        return segment, splits

    def _step_of(self, time: float) -> int:
        return int(time / self._every + 1e-6) if self._every else self._step + 1

    def _vectors(self, image: Pixels, faces: list[Face]) -> Floats:
        assert self._embedder is not None
        return self._embedder(align(image, faces, self._embedder.crop))

    def _remember(self, segment: Segment) -> None:
        for one in segment.key_faces:
            if one.face.embedding is not None:
                self._tracker.remember(one.track, one.face.embedding)


def _renumbered(frame: FrameFaces, numbers: dict[int, int]) -> FrameFaces:
    faces = tuple(
        replace(face, track=numbers.get(face.track, face.track))
        for face in frame.faces
        if face.track is not None
    )
    return replace(frame, faces=faces)


def on_grid(face: Face) -> Face:
    """Return the face with its numbers rounded to the precision of a segment log."""
    points = face.points
    return replace(
        face,
        box=_rounded(face.box),
        points=None if points is None else _rounded(points),
        score=round(face.score, 4),
    )


def _rounded(values: Floats) -> Floats:
    return (np.round(values * GRID) / GRID).astype(np.float32)


def _saved_vectors(faces: list[Face]) -> Floats:
    """Return the stored embeddings of saved faces."""
    return np.stack([face.embedding for face in faces if face.embedding is not None])

"""The first pass over a film: find, follow and embed faces, half a second at a time."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from mien.align import align
from mien.contracts import Detector, Embedder
from mien.decision import Calibration
from mien.decision.decide import comparable, weakness
from mien.media import Frame
from mien.quality import judge
from mien.track import FrameFaces, KeyFace, Segment, Tracker, selection_score
from mien.types import Face, Floats, Pixels

SEGMENT = 0.5  # s of film that are saved as one; of each track its best look is embedded
DISTRUSTED = 0.1  # a look that no calibration covers counts this much beside one that is
GRID = 16.0  # boxes and points lie on sixteenths of a pixel, so that they are saved without loss


@dataclass(slots=True, eq=False)
class _Best:
    """The best look of a track in the stretch so far, and its chip."""

    face: Face
    selection_score: float
    chip: Pixels


class Follower(Protocol):
    """Who is told what was seen; mien.track.TrackBuilder for films, Watching for cameras."""

    def take(self, stretch: Segment) -> None: ...


class FilmScanner:
    """Looks through frames and gives stretches. What it holds does not grow with the film."""

    def __init__(
        self,
        detector: Detector,
        embedder: Embedder | None,
        calibration: Calibration | None,
        follower: Follower,
    ) -> None:
        """Start with nobody on screen.

        Args:
            detector: finds the faces of each frame.
            embedder: makes the vectors; None: faces are followed by motion alone.
            calibration: of the embedder; says what likeness is worth.
            follower: is given each stretch as it ends.
        """
        self._detector, self._embedder, self._follower = detector, embedder, follower
        evidence = calibration.llr if calibration and embedder else None
        self._tracker = Tracker(evidence, usable=comparable)
        self._looks: list[FrameFaces] = []
        self._best: dict[int, _Best] = {}
        self._index = 0

    def replay(self, stretches: Iterable[Segment]) -> float:
        """Take up what was saved; give the seconds from which to go on."""
        for stretch in stretches:
            numbers: dict[tuple[float | None, bytes], int | None] = {}
            for look in stretch.looks:
                bare = [replace(face, track=None) for face in look.faces]
                for face in self._tracker(bare, look.time, cut=look.cut, look=_nobody):
                    numbers[face.time, face.box.tobytes()] = face.track
            for chosen in stretch.chosen:
                number = numbers[chosen.face.time, chosen.face.box.tobytes()]
                if number is not None and number != chosen.track:
                    self._tracker.split(number)
            self._end(stretch)
            self._index = stretch.index + 1
        return self._index * SEGMENT

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Segment]:
        """Look at frames in the order of time.

        Yields:
            A stretch for each half second, also if nobody is on screen, once it is over.
        """
        for frame in frames:
            index = math.floor(frame.time / SEGMENT + 1e-6)
            if index < self._index:
                continue  # saved already; read again only to know the frame before
            while self._index < index:
                yield self._stretch()
            self._look(frame)
        if self._looks:
            yield self._stretch()

    def _look(self, frame: Frame) -> FrameFaces:
        image = frame.image
        found = [on_grid(face) for face in self._detector(image)]
        look = (lambda faces: self._vectors(image, faces)) if self._embedder else None
        faces = self._tracker(found, frame.time, cut=frame.cut, look=look)
        seen = FrameFaces(frame.number, frame.time, frame.cut, tuple(faces))
        self._looks.append(seen)
        self._keep(image, faces)
        return seen

    def _vectors(self, image: Pixels, faces: list[Face]) -> Floats:
        assert self._embedder is not None
        return self._embedder(align(image, faces, self._embedder.crop))

    def _keep(self, image: Pixels, faces: list[Face]) -> None:
        """Hold the chip of each face that is shown better than before in this stretch."""
        if self._embedder is None:
            return
        better: list[tuple[int, Face, float]] = []
        for face in faces:
            assert face.track is not None
            value, held = selection_score(face), self._best.get(face.track)
            if value > (held.selection_score if held else 0.0):
                better.append((face.track, face, value))
        if not better:
            return
        judged = judge(image, [face for _, face, _ in better])
        chips = align(image, [face for _, face, _ in better], self._embedder.crop)
        for (number, face, value), quality, chip in zip(better, judged, chips, strict=True):
            face = replace(face, quality=quality)
            value *= DISTRUSTED if weakness(face) else 1.0
            self._best[number] = _Best(face, value, chip)

    def _stretch(self) -> Segment:
        """End the current stretch: embed its best looks, and part whom they part."""
        chosen: list[KeyFace] = []
        if self._best and self._embedder:
            vectors = self._embedder(np.stack([best.chip for best in self._best.values()]))
            for (number, best), vector in zip(self._best.items(), vectors, strict=True):
                face = replace(best.face, embedding=vector)
                if comparable(face) and not self._tracker.agrees(number, vector):
                    number = self._part(number)
                chosen.append(KeyFace(number, replace(face, track=number), best.selection_score))
        stretch = Segment(self._index, tuple(self._looks), tuple(chosen))
        self._looks, self._best = [], {}
        self._index += 1
        self._end(stretch)
        return stretch

    def _part(self, number: int) -> int:
        """Give a new number to a track that has passed on to somebody else.

        Behind somebody in front a face can take over a track without a jump. When in the stretch
        that was is not known; the whole stretch goes to the new one.
        """
        new = self._tracker.split(number)
        self._looks = [
            replace(
                look,
                faces=tuple(
                    replace(face, track=new) if face.track == number else face
                    for face in look.faces
                ),
            )
            for look in self._looks
        ]
        return new

    def _end(self, stretch: Segment) -> None:
        for chosen in stretch.chosen:
            if chosen.face.embedding is not None:
                self._tracker.remember(chosen.track, chosen.face.embedding)
        self._follower.take(stretch)


def on_grid(face: Face) -> Face:
    """The same face with its numbers rounded to what a journal keeps."""
    points = face.points
    return replace(
        face,
        box=_rounded(face.box),
        points=None if points is None else _rounded(points),
        score=round(face.score, 4),
    )


def _rounded(values: Floats) -> Floats:
    return (np.round(values * GRID) / GRID).astype(np.float32)


def _nobody(faces: list[Face]) -> Floats:
    """A look at saved faces: those that were embedded then still are."""
    return np.stack([face.embedding for face in faces if face.embedding is not None])

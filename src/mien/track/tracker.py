"""Boxes linked from look to look into tracks, by motion, and by likeness where motion leaves doubt.

Everything is in seconds and face widths, so that it holds for any frame rate and picture size.
Source: the prediction and assignment of SORT (Bewley et al., ICIP 2016) with the second look at
appearance of DeepSORT (Wojke et al., ICIP 2017); costs here are log-likelihood ratios, so motion
and likeness add up without a weight set by hand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from mien.geometry import iou
from mien.types import Face, Floats

Evidence = Callable[[float], float]  # cosine -> log-likelihood ratio "same person : two people"
Look = Callable[[list[Face]], Floats]  # faces -> (N, D) unit vectors

PATIENCE = (
    1.0  # s that a track is kept without a face; beyond, identity joins what belongs together
)
# Spread of a face around its predicted place, in face widths: the detector's own jitter, and how
# far people move in a second that the prediction does not know of: see benchmarks/track.py
JITTER, WANDER = 0.08, 1.2
SCALE_JITTER, SCALE_WANDER = 0.10, 0.5  # the same for the logarithm of the width
NEW = 0.0  # log-likelihood ratio below which a face is rather somebody new
SURE = 0.45  # overlap with the prediction from which motion alone decides, if nobody else is near
NEAR = 0.10  # overlap from which somebody else is near
GAP = 0.35  # s without a face, from which likeness is asked whatever the overlap
STRONGEST = 8.0  # log-likelihood ratio that likeness may bring at most: chips of films mislead
OTHER = 2.0  # log-likelihood ratio below which a track has passed on to somebody else
SETTLE = 0.6  # share of the new speed in the running mean of speed


@dataclass(slots=True, eq=False)
class Active:
    """A track that may go on."""

    number: int
    box: Floats  # (4,) the last one seen
    time: float  # s of the last look
    speed: Floats = field(default_factory=lambda: np.zeros(2, np.float32))  # px/s of the centre
    vector: Floats | None = None  # running mean of what it looks like, unit length

    def predicted(self, time: float) -> Floats:
        """Where the box should be; a speed is believed for a third of a second."""
        moved = self.speed * np.float32(min(time - self.time, 0.33))
        return self.box + np.tile(moved, 2)

    def seen(self, face: Face, time: float) -> None:
        """Go on with a face."""
        passed = max(time - self.time, 1e-3)
        moved = (_centre(face.box) - _centre(self.box)) / np.float32(passed)
        self.speed = np.float32(1 - SETTLE) * self.speed + np.float32(SETTLE) * moved
        self.box, self.time = face.box, time
        if face.embedding is not None:
            self.remember(face.embedding)

    def remember(self, vector: Floats) -> None:
        """Learn from one more vector; old looks fade."""
        mean = vector if self.vector is None else 0.7 * self.vector + 0.3 * vector
        self.vector = (mean / np.linalg.norm(mean)).astype(np.float32)


class Tracker:
    """Gives every face the number of its track; call it look by look, in the order of time."""

    def __init__(
        self,
        evidence: Evidence | None = None,
        *,
        usable: Callable[[Face], bool] = lambda face: True,
        patience: float = PATIENCE,
    ) -> None:
        """Start without tracks.

        Args:
            evidence: what a cosine says about two faces being one person, as a calibration's
                `llr`; None: likeness is not asked.
            usable: whether likeness of a face says something; not so if it is tiny or turned.
            patience: seconds that a track waits for its face.
        """
        self._evidence, self._usable, self._patience = evidence, usable, patience
        self._active: list[Active] = []
        self._next = 0

    def __call__(
        self, faces: Sequence[Face], time: float, *, cut: bool = False, look: Look | None = None
    ) -> list[Face]:
        """Link the faces of one look.

        Args:
            faces: of one frame.
            time: seconds; later than the look before.
            cut: a shot begins, so nobody is followed.
            look: makes vectors of faces; asked only for those that motion leaves in doubt, and
                for those that begin a track. They come back with their `embedding`.

        Returns:
            The faces in the same order, each with its `track`.
        """
        if cut:
            self._active = []
        self._active = [one for one in self._active if time - one.time <= self._patience]
        faces = list(faces)
        motion = np.array(
            [[_motion(one, face, time) for one in self._active] for face in faces]
        ).reshape(len(faces), len(self._active))
        asked = self._doubtful(faces, motion, time)
        if look and self._evidence and asked:
            vectors = look([faces[i] for i in asked])
            for i, vector in zip(asked, vectors, strict=True):
                faces[i] = replace(faces[i], embedding=vector)
        return self._assigned(faces, motion + self._likeness(faces), time)

    def remember(self, number: int, vector: Floats) -> None:
        """Tell what the face of a track looks like, if it is still followed."""
        for one in self._active:
            if one.number == number:
                one.remember(vector)

    def agrees(self, number: int, vector: Floats) -> bool:
        """Whether a track still looks like itself; True if there is nothing to compare."""
        for one in self._active:
            if one.number == number and one.vector is not None and self._evidence:
                return self._evidence(float(vector @ one.vector)) > OTHER
        return True

    def split(self, number: int) -> int:
        """Go on with a track under a new number, as it shows somebody else by now."""
        for one in self._active:
            if one.number == number:
                one.number, one.vector = self._next, None
        self._next += 1
        return self._next - 1

    @property
    def active(self) -> list[int]:
        """Numbers of the tracks that may go on."""
        return [one.number for one in self._active]

    def _doubtful(self, faces: list[Face], motion: np.ndarray, time: float) -> list[int]:
        """Faces for which motion does not settle which track they belong to."""
        if not faces:
            return []
        if not self._active:
            return list(range(len(faces)))
        predicted = np.stack([one.predicted(time) for one in self._active])
        overlap = iou(np.stack([face.box for face in faces]), predicted)  # (faces, tracks)
        waited = np.array([time - one.time for one in self._active])
        doubtful = []
        for i in range(len(faces)):
            best = int(overlap[i].argmax())
            rivals = (overlap[i] > NEAR).sum() > 1 or (overlap[:, best] > NEAR).sum() > 1
            if overlap[i, best] < SURE or rivals or waited[best] > GAP:
                doubtful.append(i)
        return doubtful

    def _likeness(self, faces: list[Face]) -> np.ndarray:
        """(faces, tracks) what the vectors say; 0 where there is none to compare."""
        said = np.zeros((len(faces), len(self._active)))
        if self._evidence is None:
            return said
        for i, face in enumerate(faces):
            for j, one in enumerate(self._active):
                if face.embedding is not None and one.vector is not None and self._usable(face):
                    ratio = self._evidence(float(face.embedding @ one.vector))
                    said[i, j] = min(max(ratio, -STRONGEST), STRONGEST)
        return said

    def _assigned(self, faces: list[Face], ratios: np.ndarray, time: float) -> list[Face]:
        """The best assignment of faces to tracks; who fits nobody begins a track."""
        taken: dict[int, Active] = {}
        if ratios.size:
            allowed = np.where(ratios > NEW, ratios - NEW, 0.0)
            rows, columns = linear_sum_assignment(-allowed)
            taken = {
                int(i): self._active[j]
                for i, j in zip(rows, columns, strict=True)
                if allowed[i, j] > 0
            }
        for i, face in enumerate(faces):
            one = taken.get(i)
            if one is None:
                one = Active(self._next, face.box, time, vector=face.embedding)
                self._next += 1
                self._active.append(one)
            else:
                one.seen(face, time)
            faces[i] = replace(face, track=one.number, time=time)
        return faces


def _motion(one: Active, face: Face, time: float) -> float:
    """How much likelier a face stands there if it is the one that is followed; natural log.

    The alternative is somebody new, who may stand anywhere within ten face widths.
    """
    waited = time - one.time
    width = math.sqrt(float(np.prod(one.box[2:] - one.box[:2]))) or 1.0
    away = (_centre(face.box) - _centre(one.predicted(time))) / np.float32(width)
    spread = JITTER + WANDER * waited
    grown = 0.5 * math.log(max(float(np.prod(face.box[2:] - face.box[:2])), 1.0) / width**2)
    scale = SCALE_JITTER + SCALE_WANDER * waited
    here = -float(away @ away) / (2 * spread**2) - math.log(2 * math.pi * spread**2)
    same_size = -(grown**2) / (2 * scale**2) - math.log(math.sqrt(2 * math.pi) * scale)
    anywhere = -math.log(100.0) - math.log(2.0)  # ten by ten widths, a size within e to e
    return here + same_size - anywhere


def _centre(box: Floats) -> Floats:
    return (box[:2] + box[2:]) / np.float32(2)

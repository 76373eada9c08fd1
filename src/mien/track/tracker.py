"""Tracker: associate boxes over sampled frames, by motion and, in case of doubt, by similarity.

All limits are in seconds and face widths, independent of frame rate and image size.
Source: the prediction and assignment of SORT (Bewley et al., ICIP 2016) with the appearance
comparison of DeepSORT (Wojke et al., ICIP 2017). Costs are log-likelihood ratios, so motion and
similarity add up without a manual weight.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mien.geometry import iou
from mien.types import Face, Floats

Evidence = Callable[[float], float]  # cosine -> log-likelihood ratio "same person : two people"
Embed = Callable[[list[Face]], Floats]  # faces -> (N, D) unit vectors

PATIENCE = (
    1.0  # s that a track is kept without a face; later tracks are merged by the identity step
)
# Spread of a face around its predicted place, in face widths: the jitter of the detector, and the
# motion in one second that the prediction does not cover: see benchmarks/track.py
JITTER, WANDER = 0.08, 1.2
SCALE_JITTER, SCALE_WANDER = 0.10, 0.5  # the same for the logarithm of the width
NEW = 0.0  # log-likelihood ratio below which a face begins a new track
SURE = 0.45  # overlap with the prediction from which motion alone decides, if no other face is near
NEAR = 0.10  # overlap from which another face is near
GAP = 0.35  # s without a face, from which similarity is used at any overlap
STRONGEST = 8.0  # limit of the log-likelihood ratio of similarity: chips of films are unreliable
OTHER = 2.0  # log-likelihood ratio below which a track shows another person
SETTLE = 0.6  # share of the new speed in the running mean of speed


@dataclass(slots=True, eq=False)
class Active:
    """A track that can continue."""

    number: int
    box: Floats  # (4,) the last observed box
    time: float  # s of the last sampled frame
    speed: Floats = field(default_factory=lambda: np.zeros(2, np.float32))  # px/s of the centre
    vector: Floats | None = None  # running mean of its embeddings, unit length

    def predicted(self, time: float) -> Floats:
        """Return the predicted box; the speed is extrapolated for a third of a second."""
        moved = self.speed * np.float32(min(time - self.time, 0.33))
        return self.box + np.tile(moved, 2)

    def seen(self, face: Face, time: float) -> None:
        """Continue the track with a face."""
        passed = max(time - self.time, 1e-3)
        moved = (_centre(face.box) - _centre(self.box)) / np.float32(passed)
        self.speed = np.float32(1 - SETTLE) * self.speed + np.float32(SETTLE) * moved
        self.box, self.time = face.box, time
        if face.embedding is not None:
            self.remember(face.embedding)

    def remember(self, vector: Floats) -> None:
        """Update the mean embedding; older embeddings lose weight."""
        mean = vector if self.vector is None else 0.7 * self.vector + 0.3 * vector
        self.vector = (mean / np.linalg.norm(mean)).astype(np.float32)


class Tracker:
    """Assign a track number to each face; call it per sampled frame, in the order of time."""

    def __init__(
        self,
        evidence: Evidence | None = None,
        *,
        usable: Callable[[Face], bool] = lambda face: True,
        patience: float = PATIENCE,
    ) -> None:
        """Start without tracks.

        Args:
            evidence: log-likelihood ratio of a cosine, such as `llr` of a calibration; None:
                similarity is not used.
            usable: whether the similarity of a face is reliable; not if it is tiny or turned.
            patience: seconds that a track waits for its face.
        """
        self._evidence, self._usable, self._patience = evidence, usable, patience
        self._active: list[Active] = []
        self._next = 0

    def __call__(
        self, faces: Sequence[Face], time: float, *, cut: bool = False, embed: Embed | None = None
    ) -> list[Face]:
        """Associate the faces of one sampled frame.

        Args:
            faces: of one frame.
            time: seconds; later than the previous sampled frame.
            cut: a shot begins, so all tracks end.
            embed: embeds faces; called only for those that motion leaves in doubt, and for those
                that begin a track. They are returned with their `embedding`.

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
        if embed and self._evidence and asked:
            vectors = embed([faces[i] for i in asked])
            for i, vector in zip(asked, vectors, strict=True):
                faces[i] = replace(faces[i], embedding=vector)
        return self._assigned(faces, motion + self._similarity(faces), time)

    def remember(self, number: int, vector: Floats) -> None:
        """Update the embedding of a track, if it is still active."""
        for one in self._active:
            if one.number == number:
                one.remember(vector)

    def agrees(self, number: int, vector: Floats) -> bool:
        """Return whether a track still shows the same person; True without a comparison."""
        for one in self._active:
            if one.number == number and one.vector is not None and self._evidence:
                return self._evidence(float(vector @ one.vector)) > OTHER
        return True

    def split(self, number: int) -> int:
        """Continue a track with a new number, because it shows another person."""
        for one in self._active:
            if one.number == number:
                one.number, one.vector = self._next, None
        self._next += 1
        return self._next - 1

    @property
    def active(self) -> list[int]:
        """Return the numbers of the tracks that can continue."""
        return [one.number for one in self._active]

    def _doubtful(self, faces: list[Face], motion: np.ndarray, time: float) -> list[int]:
        """Return the faces whose track motion alone does not determine."""
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

    def _similarity(self, faces: list[Face]) -> np.ndarray:
        """Return (faces, tracks) log-likelihood ratios of similarity; 0 without a comparison."""
        ratios = np.zeros((len(faces), len(self._active)))
        if self._evidence is None:
            return ratios
        for i, face in enumerate(faces):
            for j, one in enumerate(self._active):
                if face.embedding is not None and one.vector is not None and self._usable(face):
                    ratio = self._evidence(float(face.embedding @ one.vector))
                    ratios[i, j] = min(max(ratio, -STRONGEST), STRONGEST)
        return ratios

    def _assigned(self, faces: list[Face], ratios: np.ndarray, time: float) -> list[Face]:
        """Return the best assignment of faces to tracks; unassigned faces begin a track."""
        taken: dict[int, Active] = {}
        if ratios.size:
            from scipy.optimize import linear_sum_assignment  # slow import

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
    """Return the log-likelihood ratio of a position: same track against new face.

    The alternative is a new face at any position within ten face widths.
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

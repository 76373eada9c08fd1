"""Key faces: the best chip of each track in one segment, embedded at the end of the segment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.align import align
from mien.contracts import Embedder
from mien.decision import weakness
from mien.liveness import LivenessCheck
from mien.quality import judge
from mien.track import KeyFace, selection_score
from mien.types import Face, Pixels

DISTRUSTED = 0.1  # weight of a face that no calibration covers, relative to a face that is covered


@dataclass(frozen=True, slots=True, eq=False)
class _Best:
    """The best face of a track so far, and its chip."""

    face: Face
    score: float
    chip: Pixels
    image: Pixels | None  # the whole picture, only if liveness is checked


class KeyFaceSelector:
    """Hold one chip per track until the segment ends."""

    def __init__(self, embedder: Embedder, liveness: LivenessCheck | None = None) -> None:
        """Start without tracks.

        Args:
            embedder: embeds the key faces.
            liveness: checks the key faces, if given.
        """
        self._embedder, self._liveness = embedder, liveness
        self._best: dict[int, _Best] = {}

    def see(self, image: Pixels, faces: Sequence[Face]) -> None:
        """Keep the chip of each tracked face if it is the best of its track so far."""
        better: list[tuple[int, Face, float]] = []
        for face in faces:
            assert face.track is not None
            held, score = self._best.get(face.track), selection_score(face)
            if score > (held.score if held else 0.0):
                better.append((face.track, face, score))
        if not better:
            return
        chosen = [face for _, face, _ in better]
        chips = align(image, chosen, self._embedder.crop)
        for (track, face, score), quality, chip in zip(
            better, judge(image, chosen), chips, strict=True
        ):
            face = replace(face, quality=quality)
            score *= DISTRUSTED if weakness(face) else 1.0
            self._best[track] = _Best(face, score, chip, image if self._liveness else None)

    def end(self) -> list[KeyFace]:
        """Embed the best chip of each track, and reset."""
        if not self._best:
            return []
        vectors = self._embedder(np.stack([best.chip for best in self._best.values()]))
        found = [
            KeyFace(track, replace(self._checked(best), embedding=vector), best.score)
            for (track, best), vector in zip(self._best.items(), vectors, strict=True)
        ]
        self._best = {}
        return found

    def _checked(self, best: _Best) -> Face:
        if self._liveness is None or best.image is None:
            return best.face
        return self._liveness(best.image, [best.face])[0]


def renumbered(key_face: KeyFace, numbers: Mapping[int, int]) -> KeyFace:
    """Return the key face with the new number of its track."""
    number = numbers.get(key_face.track, key_face.track)
    return replace(key_face, track=number, face=replace(key_face.face, track=number))

"""What a generated face must pass before it is written, and which folders show one person."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Detector, Embedder
from mien.decision import Calibration
from mien.detect import detect_with_retries
from mien.media import stretched
from mien.media.skin import UTKFACE_POINTS
from mien.metrics import posterior
from mien.types import Doubles, Face, Floats, Pixels

FMR = 0.001  # of strangers, at which two folders may show one person
PERCENTILE = 1.0  # of distances of two real images of one person: nearer is a copy
PROBABLE = 0.5  # least probability of the person, at an even prior
FOUND = 192  # px to which a face is enlarged for the detector
BATCH = 64


def vectors(embedder: Embedder, images: Pixels, zoom: float = 1.0) -> Floats:
    """(N, D) unit vectors of aligned faces; their points are known, so nothing is searched.

    Args:
        embedder: of faces.
        images: (N, S, S, 3).
        zoom: 1 for the framing of UTKFace, make.ZOOM for the faces that a generator sees.
    """
    side = images.shape[1]
    points = (0.5 + zoom * (np.array(UTKFACE_POINTS, np.float32) - 0.5)) * side
    face = Face(np.array([0, 0, side, side], np.float32), 1.0, points)
    chips = [align(image, [face], embedder.crop) for image in images]
    parts = [np.concatenate(chips[k : k + BATCH]) for k in range(0, len(chips), BATCH)]
    return np.concatenate([embedder(part) for part in parts])


def means_of(found: Floats, who: NDArray[np.str_]) -> tuple[NDArray[np.str_], Floats]:
    """Names, and the mean direction of each person (K, D)."""
    names = np.unique(who)
    means = np.stack([found[who == name].mean(0) for name in names])
    return names, np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def matching_people(
    found: Floats, who: NDArray[np.str_], calibration: Calibration
) -> list[tuple[str, str]]:  # fmt: skip
    """Pairs of people whose mean vectors match at a false match rate of 0.001."""
    names, means = means_of(found, who)
    first, second = np.triu_indices(len(names), 1)
    if not len(first):
        return []
    close = calibration.pair_scores(means[first], means[second]) > calibration.at_fmr(FMR).score
    return [(str(names[a]), str(names[b]))
            for a, b in zip(first[close], second[close], strict=True)]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The real faces of a set, as vectors of one embedder at the size of generated faces."""

    vectors: Floats  # (N, D)
    who: NDArray[np.str_]  # (N,)


class Gates:
    """Face, identity and novelty of generated faces; counts what each gate refuses."""

    def __init__(
        self,
        known: Known,
        embedder: Embedder,
        detector: Detector,
        calibration: Calibration,
        zoom: float,
    ) -> None:
        """Prepare the gates; `nearest` is None if no person has two images.

        Args:
            known: the real faces.
            embedder: of the comparisons.
            detector: finds the face.
            calibration: of that embedder; turns similarities into probabilities.
            zoom: framing of the generated faces.
        """
        self.known, self._calibration, self._zoom = known, calibration, zoom
        self._embedder, self._detector = embedder, detector
        self.names, self._means = means_of(known.vectors, known.who)
        same = np.triu(known.who[:, None] == known.who[None], 1)
        apart = (1 - known.vectors @ known.vectors.T)[same]
        self.nearest = float(np.percentile(apart, PERCENTILE)) if len(apart) else None
        self.refused: Counter[str] = Counter()

    def passed(self, faces: Pixels, person: str) -> NDArray[np.bool_]:
        """(N,) whether each generated face of a person passes all gates."""
        found = vectors(self._embedder, faces, self._zoom)
        chances = self.probabilities(found, person)
        nearest = 1 - (found @ self.known.vectors.T).max(1)
        passes = np.zeros(len(faces), bool)
        for row, face in enumerate(faces):
            why = self._why(face, float(chances[row]), float(nearest[row]))
            passes[row] = not why
            if why:
                self.refused[why] += 1
        return passes

    def probabilities(self, found: Floats, person: str) -> Doubles:
        """(N,) probability of the person; 0 where another one of the set is nearer."""
        own = self._means[self.names == person]
        scores = self._calibration.pair_scores(found, np.repeat(own, len(found), 0))
        chances = posterior(self._calibration.llr(scores), 0.5)
        first = self.names[(found @ self._means.T).argmax(1)] == person
        return np.asarray(np.where(first, chances, 0.0))

    def _why(self, face: Pixels, chance: float, nearest: float) -> str:
        if chance <= PROBABLE:
            return "another person"
        if self.nearest is not None and nearest < self.nearest:
            return "copy of a real image"
        found = detect_with_retries(self._detector, stretched(face, FOUND), "when-needed")
        return "" if found.largest is not None else "no face"

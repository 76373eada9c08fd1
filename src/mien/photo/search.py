"""Search of a gallery for faces: the nearest people by cosine, decided by their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mien.decision import Calibration
from mien.decision.decide import FPIR, NEAREST, PRIOR, identify, question, score_candidates
from mien.decision.drift import level_of
from mien.gallery.records import Searchable
from mien.types import Candidate, Decision, Doubles, Face, Floats

KEPT = 100_000  # norms of templates in memory, 3 MB


@dataclass(eq=False)
class GallerySearch:
    """The search of one gallery at one error rate. Thread-safe if the gallery is."""

    gallery: Searchable
    calibration: Calibration
    fpir: float = FPIR
    prior: float = PRIOR
    refuse: bool = False  # whether a match of a face that is not live is for review
    _norms: dict[int, Doubles] = field(default_factory=dict, init=False)  # by template number

    def __call__(self, vectors: Floats, faces: Sequence[Face]) -> list[Decision]:
        """Decide who the faces show.

        Args:
            vectors: (N, D) embeddings; a mean of several faces of a person is shorter than 1 and
                is not normalised: see mien.track.mean.
            faces: the N faces; those of low quality change a match to a review.
        """
        if not len(vectors):
            return []
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        found = self.gallery.search(np.asarray(vectors / lengths, np.float32), NEAREST)
        people = self.gallery.enrolled()
        scored = [
            score_candidates(vector, nearest, self._norms_of(nearest), self.calibration)
            for vector, nearest in zip(vectors, found, strict=True)
        ]
        levels = (level_of([one.score or 0.0 for one in each], people) for each in scored)
        sharpness = [
            float(face.quality.components["sharpness"])
            for face in faces
            if face.quality and "sharpness" in face.quality.components
        ]
        self.gallery.observed([level for level in levels if level is not None], sharpness)
        decisions = [
            identify(
                each,
                self.calibration,
                people=people,
                fpir=self.fpir,
                prior=self.prior,
                face=face,
            )
            for each, face in zip(scored, faces, strict=True)
        ]
        if self.refuse:
            pairs = zip(decisions, faces, strict=True)
            decisions = [question(decision, face.liveness) for decision, face in pairs]
        if self.gallery.recall:
            recall = self.gallery.recall.interval[0]
            decisions = [
                replace(one, basis=one.basis and replace(one.basis, recall=recall))
                for one in decisions
            ]
        threshold = next((one.basis.threshold for one in decisions if one.basis), None)
        self.gallery.decided([one.outcome for one in decisions], threshold)
        return decisions

    def _norms_of(self, candidates: Sequence[Candidate]) -> Doubles:
        """The norms of the templates of candidates, (N, 2). A template never changes."""
        # Other threads may empty the cache meanwhile, so what is needed is copied first.
        known = {
            c.template: n for c in candidates if (n := self._norms.get(c.template)) is not None
        }
        fresh = [each for each in candidates if each.template not in known]
        if fresh:
            vectors = np.stack([each.vector for each in fresh if each.vector is not None])
            norms = self.calibration.norms(vectors)
            new = dict(zip((each.template for each in fresh), norms, strict=True))
            if len(self._norms) + len(new) > KEPT:
                self._norms.clear()
            self._norms.update(new)
            known |= new
        return np.array([known[each.template] for each in candidates]).reshape(-1, 2)

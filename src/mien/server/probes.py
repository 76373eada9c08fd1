"""Searches count: budgets, the alarm for near-duplicates, and whether scores may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.gallery import GuardedGallery
from mien.photo import Pipeline
from mien.server.access import Caller
from mien.types import Face


@dataclass(frozen=True, slots=True)
class Probe:
    """The searches of one request in one gallery."""

    caller: Caller
    known: GuardedGallery
    gallery: str  # its name
    pipeline: Pipeline

    def __call__(self, faces: Sequence[Face]) -> bool:
        """Count the faces of one image; return whether their scores may be shown.

        Raises:
            ApiError: 429, the key has used its budget of this day.
        """
        self.known.store_counts()  # drift, and the trial of a new model
        key, budgets = self.caller.key, self.caller.state.budgets
        budgets.faces(key, len(faces))
        vectors = [face.embedding for face in faces if face.embedding is not None]
        if vectors and budgets.repeats(key, np.stack(vectors)):
            self.known.journal.append("alarm", "near-duplicate-probes", purpose=self.known.purpose)
        if not self.caller.may("scores") or self.caller.may("admin"):
            return self.caller.may("scores")
        nearest = {
            face.decision.candidates[0].person
            for face in faces
            if face.decision and face.decision.candidates
        }
        within = [budgets.person(key, f"{self.gallery}/{person}") for person in sorted(nearest)]
        return all(within)  # each person was counted

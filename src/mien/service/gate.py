"""Doubts about a template that is to be enrolled, each with the template it was compared with."""

from collections.abc import Callable

import numpy as np

from mien.decision import Calibration
from mien.decision.decide import TURNED, weakness
from mien.errors import UnknownPersonError
from mien.gallery import Gallery, Stored
from mien.gallery.conflicts import Conflict, Conflicts
from mien.gallery.duplicates import NEAR
from mien.gallery.review import Doubt
from mien.types import Face, Floats

OUTLIER = 0.01  # false match rate at which a face is as similar as to a stranger


class Gate:
    """Compares what is to be enrolled with what a gallery has."""

    def __init__(
        self,
        gallery: Gallery,
        calibration: Callable[[], Calibration],
        conflicts: Conflicts | None,
    ) -> None:
        """Prepare the comparison.

        Args:
            gallery: the gallery.
            calibration: returns that of its embedder; called only if faces are compared.
            conflicts: finds people who seem to be another one; None: they are not searched for.
        """
        self._gallery, self._calibration = gallery.whole("compare"), calibration
        self._conflicts = conflicts

    def doubts(self, person: str, face: Face) -> list[Doubt]:
        """Return the doubts about a face of a person; an empty list if there are none."""
        assert face.embedding is not None
        found = [self._conflict(person, face.embedding), self._image(face)]
        own = self._own(person)
        if own:
            found.append(self._like_own(face.embedding, own))
        return [doubt for doubt in found if doubt]

    def _own(self, person: str) -> list[Stored]:
        try:
            return self._gallery.templates(person)
        except UnknownPersonError:
            return []

    def _conflict(self, person: str, vector: Floats) -> Doubt | None:
        if self._conflicts is None:
            return None
        found = conflict_of(person, vector, self._conflicts)
        return None if found is None else doubt_of(found)

    def _image(self, face: Face) -> Doubt | None:
        """Return what makes the image a bad template."""
        why = weakness(face, self._calibration())
        if why is None:
            return None
        yaw = face.quality.measures.get("head_pose_yaw") if face.quality else None
        turned = yaw is not None and abs(yaw) > TURNED
        return Doubt("pose" if turned else "quality", f"{why[0].upper()}{why[1:]}.")

    def _like_own(self, vector: Floats, own: list[Stored]) -> Doubt | None:
        """Compare a face with the templates of the same person."""
        vectors = np.stack([one.vector for one in own])
        cosines = vectors.astype(np.float64) @ vector
        nearest = own[int(cosines.argmax())]
        cosine = float(cosines.max().clip(-1, 1))
        if cosine > NEAR:
            detail = f"Template {nearest.id} is of the same image, or of a copy of it."
            return doubt("duplicate-template", detail, nearest, cosine)
        calibration = self._calibration()
        limit = calibration.at_fmr(OUTLIER).score
        scores = calibration.pair_scores(np.repeat(vector[None], len(own), 0), vectors)
        if float(scores.max()) > limit:
            return None
        detail = (
            f"The face is not similar to the {len(own)} templates of '{nearest.person}' "
            f"(score {float(scores.max()):.2f}, not above {limit:.2f})."
        )
        return doubt("outlier", detail, nearest, cosine, float(scores.max()))


def conflict_of(person: str, vector: Floats, conflicts: Conflicts) -> Conflict | None:
    """Return why the name or the face of a person seems to be another person's."""
    found = conflicts.of_name(person)
    if found is None:
        [found] = conflicts.of_faces([person], vector[None])
    return found


def doubt_of(conflict: Conflict) -> Doubt:
    """Return a conflict as a doubt, with the template of the other person."""
    near = conflict.template
    return Doubt(
        "conflict",
        conflict.detail,
        conflict.other,
        None if near is None else near.template,
        None if near is None else near.source,
        None if near is None else near.similarity,
        conflict.score,
    )


def doubt(
    code: str, detail: str, near: Stored, similarity: float, score: float | None = None
) -> Doubt:
    """Return a doubt about a template that was compared with a stored one."""
    return Doubt(code, detail, near.person, near.id, near.source, similarity, score)

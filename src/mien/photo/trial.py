"""The trial of a new model: faces of live images are also searched by it, and both are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.align import align
from mien.contracts import Embedder
from mien.decision import Calibration, find_calibration
from mien.decision.calibration import parse_calibration
from mien.errors import GalleryMismatchError, MienError
from mien.gallery.records import Shadow
from mien.photo.search import GallerySearch
from mien.types import Decision, Face, Pixels
from mien.zoo import card_of_contract, load


@dataclass(eq=False)
class TrialSearch:
    """Searches faces by a new model; the decisions of the present model stay as they are."""

    embedder: Embedder
    view: Shadow
    search: GallerySearch

    def __call__(self, image: Pixels, faces: Sequence[Face]) -> list[Face]:
        """Add the decision of the new model to each decided face of one image."""
        vectors = self.embedder(align(image, list(faces), self.embedder.crop))
        found = self.search(np.asarray(vectors, np.float32), faces)
        decided = []
        codes = []
        for face, other in zip(faces, found, strict=True):
            assert face.decision is not None
            codes.append(compared_as(face.decision, other))
            decided.append(replace(face, decision=replace(face.decision, trial=other)))
        self.view.compared(codes)
        return decided

    def person(self, seen: Sequence[tuple[Pixels, Face]], decision: Decision) -> Decision:
        """Add the decision of the new model to that on one person of a film.

        Args:
            seen: faces of the person with their images, at least one; the best one first.
            decision: of the present model.
        """
        vectors = [self.embedder(align(image, [face], self.embedder.crop)) for image, face in seen]
        mean = np.mean(np.concatenate(vectors), axis=0, keepdims=True)
        [other] = self.search(mean.astype(np.float32), [seen[0][1]])
        self.view.compared([compared_as(decision, other)])
        return replace(decision, trial=other)


def compared_as(present: Decision, new: Decision) -> str:
    """Return both outcomes as one code; it ends in "-other" if they name different people."""
    code = f"{present.outcome}-{new.outcome}"
    names = {present.likely, new.likely}
    return code if None in names or len(names) == 1 else f"{code}-other"


def open_trial(
    view: Shadow, detector: str, embedder: Embedder | None, fpir: float, prior: float
) -> TrialSearch:
    """Open the trial of a gallery.

    Args:
        view: the search by the second vectors of the gallery.
        detector: card of the detector.
        embedder: of these vectors; None: it is loaded by its contract id.
        fpir: false positive identification rate to work at.
        prior: prior probability that a person is in the gallery.

    Raises:
        MienError: no card of this machine makes these vectors, or nothing calibrates them.
    """
    if embedder is None:
        card = card_of_contract(view.embedder)
        if card is None:
            raise MienError(
                f"Gallery {view.where} tries the model '{view.embedder}', which is not known on "
                "this machine; install it, or stop the trial: mien gallery model try --off"
            )
        embedder = load(card)
        assert embedder is not None
    if embedder.contract != view.embedder:
        raise GalleryMismatchError(view.embedder, embedder.contract, view.where)
    known = second_calibration(view.calibration(), view.embedder, detector, view.where)
    return TrialSearch(embedder, view, GallerySearch(view, known, fpir, prior))


def second_calibration(text: str | None, contract: str, detector: str, where: str) -> Calibration:
    """Return the calibration of second vectors: the one that a gallery keeps, or the shipped one.

    Args:
        text: JSON of the one that the gallery keeps; None: it keeps none.
        contract: contract id of the embedder of these vectors.
        detector: card of the detector.
        where: the gallery, for messages.

    Raises:
        CalibrationError: there is none for this embedder and detector, or it is damaged.
    """
    if text is None:
        return find_calibration(contract, detector)
    return parse_calibration(text, f"The calibration of the new model of gallery {where}")

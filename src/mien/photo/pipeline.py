"""Pipeline for images: detect, assess quality, read, embed, match; image in, answer out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mien.align import align
from mien.behaviour.occlusion import covered_parts
from mien.contracts import ChipHead, Detector, Embedder, Model
from mien.decision import Calibration, calibrations, find_calibration
from mien.decision.decide import FMR, FPIR, PRIOR, compare, question, question_origin
from mien.detect import REASONS, Found, Turns, detect_with_retries
from mien.errors import (
    GalleryMismatchError,
    LivenessError,
    MienError,
    NoFaceError,
)
from mien.gallery import Gallery
from mien.gallery.watching import bound_calibration
from mien.liveness import LivenessCheck
from mien.photo.search import GallerySearch
from mien.photo.trial import TrialSearch, open_trial
from mien.quality import judge
from mien.types import Answer, Decision, Face, Pixels

ALONE = 9.0  # ratio of areas: a face three times as wide as the next one is dominant


@dataclass(kw_only=True)
class Pipeline:
    """The configured steps, in order. A step that is not configured is skipped.

    Thread-safe if its models are thread-safe.
    """

    detector: Detector
    embedder: Embedder | None = None
    heads: Sequence[ChipHead] = ()
    gallery: Gallery | None = None
    calibration: Calibration | None = None  # default: the shipped one of this embedder
    turns: Turns = "when-needed"
    quality: bool = True
    fpir: float = FPIR
    prior: float = PRIOR  # prior probability of a match
    workers: int = 1  # images of a folder that are analysed at the same time
    cluster: str | None = None  # HOST:PORT of a Ray cluster that measures, or "local"; None: here
    beside: Embedder | None = None  # new model of a gallery that tries one; None: loaded by its id
    liveness: LivenessCheck | None = None  # None: faces are taken as they come
    recipe: Mapping[str, Any] | None = None  # how open_pipeline opened it, for other machines
    models: dict[str, str] = field(init=False)
    _search: GallerySearch | None = field(default=None, init=False, repr=False)
    trial: TrialSearch | None = field(default=None, init=False, repr=False)
    _bound: Calibration | None = field(default=None, init=False, repr=False)  # of the gallery

    def __post_init__(self) -> None:
        check_rate("FPIR", self.fpir)
        if not 0 < self.prior < 1:
            raise MienError(f"A prior of {self.prior:g} is not possible; give a number in (0, 1).")
        self.models = {"detect": describe_model(self.detector)}
        if self.embedder:
            self.models["embed"] = describe_model(self.embedder)
        for head in self.heads:
            self.models[head.name] = describe_model(head)
        if self.liveness:
            self.models["liveness"] = describe_model(self.liveness.head)
        if self.gallery is not None:
            self.use(self.gallery)

    def use(self, gallery: Gallery) -> None:
        """Use this gallery from now on; it must be of the same embedder."""
        if self.embedder is None:
            raise MienError(
                "A gallery needs an embedder, but the pipeline has none; open it with both."
            )
        if gallery.embedder != self.embedder.contract:
            earlier = getattr(self.embedder, "as_in", lambda contract: None)(gallery.embedder)
            if earlier is None:
                raise GalleryMismatchError(gallery.embedder, self.embedder.contract, gallery.where)
            if self.calibration and self.calibration.name not in calibrations():
                raise GalleryMismatchError(
                    gallery.embedder, self.calibration.contract, gallery.where
                )
            self.embedder, self.calibration = earlier, None  # the shipped one of that contract
        if self.calibration is None or self.calibration in (self._bound, self._shipped()):
            self.calibration = self._bound = bound_calibration(gallery, self.detector.name)
        self.gallery, self._search = gallery, None
        view = gallery.shadow()
        self.trial = None
        if view is not None:
            self.trial = open_trial(view, self.detector.name, self.beside, self.fpir, self.prior)
            self.models["embed-trial"] = describe_model(self.trial.embedder)

    def _shipped(self) -> Calibration | None:
        """Return the shipped calibration of the name of the present one."""
        return self.calibration and calibrations().get(self.calibration.name)

    def __call__(self, image: Pixels, change: str | None = None) -> Answer:
        """Analyse all faces of one (H, W, 3) image.

        Args:
            image: upright.
            change: what its file is declared to be (mien.media.read_change): a match of a
                synthetic, edited or restored face is for review. None: nothing is declared.
        """
        answer, seen = self.measured(image)
        return self.matched(answer, change, seen)

    def measured(self, image: Pixels) -> tuple[Answer, Pixels]:
        """Detect, assess, read and embed all faces of one image; no search is made.

        Returns:
            The answer without decisions, and the image as the faces were found in it.
        """
        watch = Watch()
        found = detect_with_retries(self.detector, image, self.turns)
        watch.lap("detect")
        faces = self._judged(image, found.faces)
        if self.quality and faces:
            watch.lap("quality")
        if self.liveness and faces:
            faces = self.liveness(image, faces, found.turned)
            watch.lap("liveness")
        seen = found.pixels(image)
        faces = self._read(seen, faces, watch)
        faces = self._embedded(seen, faces)
        watch.lap("embed")
        answer = Answer(
            tuple(faces),
            (image.shape[0], image.shape[1]),
            found.turned,
            found.padded,
            found.reason,
            self.models,
            watch.seconds,
            found.brightened,
            found.smallest,
        )
        return answer, seen

    def matched(
        self, answer: Answer, change: str | None = None, seen: Pixels | None = None
    ) -> Answer:
        """Search the measured faces of one image in the gallery.

        Args:
            answer: of `measured`.
            change: what its file is declared to be; see `__call__`.
            seen: the image of `measured`, for the trial of a new model; None: no trial is made.
        """
        if self.gallery is None or not answer.faces:
            return answer
        watch = Watch()
        faces = [_doubted(face, change) for face in self._named(list(answer.faces))]
        watch.lap("match")
        if self.trial and seen is not None:
            faces = self.trial(seen, faces)
            watch.lap("match-trial")
        seconds = {**answer.seconds, **watch.seconds}
        return replace(answer, faces=tuple(faces), seconds=seconds, models=self.models)

    def main_face(self, image: Pixels) -> Face | None:
        """Return the main face of a portrait: large and near the centre; None without a face.

        Other faces are not embedded. No search is made.
        """
        found = detect_with_retries(self.detector, image, self.turns, portrait=True)
        if not found.faces:
            return None
        return self._portrait(image, found, main_face(found.faces, image))

    def only_face(self, image: Pixels, where: str = "the image") -> Face:
        """Return the only face of an image that must show one person.

        Raises:
            NoFaceError: there is no face, or there are several of similar size.
        """
        found = detect_with_retries(self.detector, image, self.turns)
        if not found.faces:
            raise NoFaceError(f"{where}: {REASONS[found.reason or 'none']}")
        face, others = dominant_face(found.faces)
        if face is None:
            raise NoFaceError(
                f"{where} shows {others} faces of similar size, but one is expected; crop the "
                "image "
                "to one face."
            )
        return self._portrait(image, found, face)

    def _portrait(self, image: Pixels, found: Found, face: Face) -> Face:
        [judged] = self._judged(image, [face])
        if self.liveness:
            [judged] = self.liveness(image, [judged], found.turned)
        return self._embedded(found.pixels(image), [judged])[0]

    def verify(self, a: Face, b: Face, *, fmr: float = FMR) -> Decision:
        """Decide whether two embedded faces are one person, at a false match rate.

        The second face is the probe: its liveness counts, not that of the first one, which may be
        a document.

        Raises:
            LivenessError: liveness is checked, but the second face came without its image.
        """
        if a.embedding is None or b.embedding is None or a.embedder != b.embedder:
            raise MienError(
                "The two faces are not embedded by the same embedder; embed both with one."
            )
        check_rate("FMR", fmr)
        if self.liveness and b.liveness is None:
            raise LivenessError(
                "The second face comes without its image, so its liveness cannot be checked; give "
                "the image."
            )
        decision = compare(a, b, self.calibrated(), fmr=fmr, prior=self.prior)
        decision = replace(decision, liveness=b.liveness)
        return question(decision, b.liveness) if self.refuses else decision

    @property
    def refuses(self) -> bool:
        """Return whether a face that is not live is for review."""
        return self.liveness is not None and self.liveness.action == "refuse"

    def calibrated(self) -> Calibration:
        """Return the calibration of the thresholds; raise an error if there is none."""
        if self.calibration is None:
            contract = self.embedder.contract if self.embedder else ""
            self.calibration = find_calibration(contract, self.detector.name)
        return self.calibration

    def embed(self, image: Pixels, faces: list[Face]) -> list[Face]:
        """Assess the quality of detected faces and embed them; no search is made."""
        return self._embedded(image, self._judged(image, faces))

    def _judged(self, image: Pixels, faces: list[Face]) -> list[Face]:
        if not self.quality or not faces:
            return faces
        pairs = zip(faces, judge(image, faces), strict=True)
        return [
            replace(
                face,
                quality=quality,
                occluded=() if face.points is None else covered_parts(image, face.points),
            )
            for face, quality in pairs
        ]

    def _read(self, image: Pixels, faces: list[Face], watch: "Watch") -> list[Face]:
        for head in self.heads if faces else ():
            readings = head(align(image, faces, head.crop))
            watch.lap(head.name)
            pairs = zip(faces, readings, strict=True)
            faces = [replace(face, readings=(*face.readings, r)) for face, r in pairs]
        return faces

    def _embedded(self, image: Pixels, faces: list[Face]) -> list[Face]:
        if not self.embedder or not faces:
            return faces
        vectors = self.embedder(align(image, faces, self.embedder.crop))  # (N, D), unit length
        contract = self.embedder.contract
        pairs = zip(faces, vectors, strict=True)
        return [replace(face, embedding=v, embedder=contract) for face, v in pairs]

    def search(self) -> GallerySearch | None:
        """Return the search of the gallery; None without a gallery."""
        if self._search is None and self.gallery is not None:
            self._search = GallerySearch(
                self.gallery, self.calibrated(), self.fpir, self.prior, self.refuses
            )
        return self._search

    def _named(self, faces: list[Face]) -> list[Face]:
        search = self.search()
        assert search is not None
        vectors = np.stack([face.embedding for face in faces if face.embedding is not None])
        pairs = zip(faces, search(vectors, faces), strict=True)
        return [replace(face, decision=decision) for face, decision in pairs]


def _doubted(face: Face, change: str | None) -> Face:
    assert face.decision is not None
    return replace(face, decision=question_origin(face.decision, change))


def check_rate(name: str, rate: float) -> None:
    """Refuse an error rate that cannot be meant."""
    if not 0 < rate < 1:
        raise MienError(f"{name} {rate:g} is not possible; give a rate between 0 and 1, e.g. 0.01.")


class Watch:
    """The time of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """Add the time since the last lap to this step."""
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now


def main_face(faces: Sequence[Face], image: Pixels) -> Face:
    """Return the main face of a portrait: large, and near the centre."""
    middle = np.array([image.shape[1], image.shape[0]]) / 2

    def weight(face: Face) -> float:
        size = face.box[2:] - face.box[:2]
        away = (face.box[:2] + face.box[2:]) / 2 - middle
        return float(np.prod(size) - away @ away)

    return max(faces, key=weight)


def dominant_face(faces: Sequence[Face]) -> tuple[Face | None, int]:
    """Return the dominant face or None, and the number of faces of similar size."""
    area = {id(face): float(np.prod(face.box[2:] - face.box[:2])) for face in faces}
    largest = max(faces, key=lambda face: area[id(face)])
    similar = [face for face in faces if area[id(face)] * ALONE > area[id(largest)]]
    return (largest if len(similar) == 1 else None), len(similar)


def describe_model(model: Model) -> str:
    """Return card, digest, provider and threads of a model as one line."""
    digest = f"@{model.digest}" if model.digest else ""
    device = model.device
    return f"{model.name}{digest} on {device.provider}, {device.threads} threads"

"""The models of a server: each is loaded once, and shared by all requests and tenants."""

import gc
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from mien.contracts import ChipHead, Detector, Embedder
from mien.decision.decide import FPIR
from mien.errors import GalleryError, ImageError
from mien.gallery import Gallery
from mien.liveness import Action, LivenessCheck, open_check
from mien.photo import Pipeline, open_pipeline
from mien.photo.heads import open_heads, split_heads
from mien.server.heap import trim
from mien.server.settings import ServerSettings
from mien.types import Face, Pixels
from mien.zoo import card_of_contract


class LimitedDetector:
    """A detector that refuses an image with more faces than may be analysed."""

    def __init__(self, detector: Detector, most: int) -> None:
        self._detector, self._most = detector, most
        self.name, self.digest, self.device = detector.name, detector.digest, detector.device

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces of an image, most confident first."""
        faces = self._detector(image)
        if len(faces) > self._most:
            raise ImageError(
                f"The image shows {len(faces):,} faces, more than the {self._most:,} allowed; "
                "crop it."
            )
        return faces


class Pipelines:
    """Pipelines by the embedder of a gallery."""

    def __init__(self, settings: ServerSettings, pipeline: Pipeline | None = None) -> None:
        """Load nothing yet.

        Args:
            settings: name the models.
            pipeline: is used for all galleries, instead of models from cards.
        """
        self._settings, self._given = settings, pipeline
        self._lock = threading.Lock()
        self._known: dict[str, Pipeline] = {}
        self._heads: dict[str, Sequence[ChipHead]] = {}
        self._checks: dict[str | None, LivenessCheck] = {}
        self._used = time.monotonic()  # s, when a model was last asked for
        self._proved = False  # whether models could be loaded once

    @property
    def loaded(self) -> list[str]:
        """The models in memory."""
        return sorted({line for one in self._known.values() for line in one.models.values()})

    def prove(self) -> None:
        """Load the models once; later calls do nothing, and do not count as use."""
        if not self._proved:
            self.plain()

    def plain(self, embedder: str | None = None, liveness: LivenessCheck | None = None) -> Pipeline:
        """Return a pipeline without gallery, of one request.

        Args:
            embedder: card; None: that of new galleries.
            liveness: that each face must pass.
        """
        name = embedder or self._settings.embedder
        with self._lock:
            self._used = time.monotonic()
            if name not in self._known:
                self._known[name] = self._given or self._open(name)
                self._proved = True
            base = self._known[name]
        most = self._settings.limits.faces
        detector = LimitedDetector(base.detector, most)
        return replace(base, gallery=None, detector=detector, liveness=liveness)

    def check(self, action: Action, head: str | None, point: str | None) -> LivenessCheck | None:
        """Return a check of liveness; see mien.liveness.check.open_check.

        Raises:
            LivenessError: the weights of the head are not on this machine.
        """
        if action == "off":
            return None
        settings = self._settings
        with self._lock:
            if head not in self._checks:
                made = open_check(
                    action,
                    head=head,
                    device=settings.device,
                    commercial_only=settings.commercial_only,
                )
                assert made is not None
                self._checks[head] = made
            known = self._checks[head]
        return replace(known, action=action, point=point or known.point)

    def searching(
        self, gallery: Gallery, rate: float = FPIR, liveness: LivenessCheck | None = None
    ) -> Pipeline:
        """Return a pipeline that searches a gallery at an error rate.

        Raises:
            GalleryMismatchError: the gallery was made by another embedder than a given pipeline.
            GalleryError: no card has made its embeddings.
        """
        embedder = None
        if self._given is None:
            embedder = card_of_contract(gallery.embedder)
            if embedder is None:
                raise GalleryError(
                    f"The templates of this gallery are of '{gallery.embedder}', which no model of "
                    "this server makes; install the version of mien that it was made with."
                )
        pipeline = replace(self.plain(embedder, liveness), fpir=rate)
        pipeline.beside = self._beside(gallery)
        pipeline.use(gallery)
        return pipeline

    def _beside(self, gallery: Gallery) -> Embedder | None:
        """Return the embedder that a gallery tries; None if it tries none, or it is not known."""
        view = gallery.shadow()
        card = None if view is None else card_of_contract(view.embedder)
        return None if card is None else self.plain(card).embedder

    def heads(self, names: str | None) -> Sequence[ChipHead]:
        """Return chip heads: "expression,age-fahr"; None: those whose card says `default`."""
        if self._given is not None and names is None:
            return self._given.heads
        commercial = self._settings.commercial_only
        key = ",".join(split_heads(names, commercial)[0]) or "none"
        with self._lock:
            self._used = time.monotonic()
            if key not in self._heads:
                self._heads[key] = open_heads(names, self._settings.device, commercial)
            return self._heads[key]

    def unload(self, idle: float) -> bool:
        """Release the models if none was asked for in so many seconds; return whether.

        Requests under way keep theirs. The next request loads them again.
        """
        with self._lock:
            if time.monotonic() - self._used < idle or not (self._known or self._heads):
                return False
            self._known.clear()
            self._heads.clear()
            self._checks.clear()
        gc.collect()
        trim()
        return True

    def _open(self, embedder: str) -> Pipeline:
        settings = self._settings
        return open_pipeline(
            detector=settings.detector,
            embedder=embedder,
            device=settings.device,
            commercial_only=settings.commercial_only,
        )

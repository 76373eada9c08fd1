"""The calibration that belongs to a gallery, and whether live searches have left it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import GalleryError
from mien.gallery.guard import Guard
from mien.gallery.records import Gallery

if TYPE_CHECKING:  # galleries are also opened without a decision
    from mien.decision import Calibration
    from mien.decision.drift import Drift

CALIBRATION = "calibration"  # kind of facts
SIGNALS = ("levels", "sharpness")  # likewise: what is watched of live searches
ASIDE = "aside-"  # before these kinds: of the other model, while the model changes
KEPT = 50  # levels in memory before they are stored


class Watching(Guard):
    """The part of a guarded gallery that has its calibration."""

    _seen: tuple[tuple[float, ...], ...] = ((), ())  # values of each signal, not stored yet

    def bind(
        self, calibration: str, drift: "Drift | None", sharpness: "Drift | None" = None
    ) -> None:
        """Store a calibration, which is then used by default here; it replaces an earlier one.

        Args:
            calibration: JSON, of the embedder of this gallery.
            drift: levels of reference; None: the gallery is too small for an alarm.
            sharpness: sharpness of reference; None: likewise, or it is not stored.
        """
        from mien.decision.drift import write_drift

        contract, beside = json.loads(calibration)["contract"], self.engine.beside()
        if beside is not None and contract == beside.contract:
            return self._bind_aside(calibration)
        if contract != self.embedder:
            raise GalleryError(
                f"The calibration is of '{contract}', but gallery "
                f"{self.where} has templates of '{self.embedder}'; calibrate that embedder."
            )
        with self._changing("calibrate"), self.engine.together(erases=True):
            self._unbind()
            self.engine.put(CALIBRATION, calibration)
            for signal, reference in zip(SIGNALS, (drift, sharpness), strict=True):
                if reference is not None:
                    self.engine.put(signal, write_drift(reference))
        self._seen = ((), ())

    def _bind_aside(self, calibration: str) -> None:
        """Store the calibration of the other model, which counts after the switch."""
        with self._changing("calibrate"), self.engine.together(erases=True):
            self.engine.discard([fact.id for fact in self.engine.facts(ASIDE + CALIBRATION)])
            self.engine.put(ASIDE + CALIBRATION, calibration)

    def unbind(self) -> None:
        """Remove the calibration of this gallery; that of the embedder is used again."""
        with self._changing("uncalibrate"), self.engine.together(erases=True):
            self._unbind()
        self._seen = ((), ())

    def _unbind(self) -> None:
        old = [fact for kind in (CALIBRATION, *SIGNALS) for fact in self.engine.facts(kind)]
        self.engine.discard([fact.id for fact in old])

    def calibration(self) -> str | None:
        """Return the calibration of this gallery as JSON; None if it has none."""
        found = self.engine.facts(CALIBRATION)
        return found[-1].text if found else None

    def observed(self, levels: Sequence[float], sharpness: Sequence[float] = ()) -> None:
        """Count what is watched of live searches; see `mien.decision.drift`.

        They are stored as counts in ten bins, about nobody, if the store can be written.
        """
        new = (tuple(levels), tuple(sharpness))
        self._seen = tuple(old + more for old, more in zip(self._seen, new, strict=True))
        if max(map(len, self._seen)) >= KEPT:
            self._store_levels()

    def drift(self, signal: str = SIGNALS[0]) -> "Drift | None":
        """Return whether live searches have left the calibration; None if that is not watched.

        Args:
            signal: "levels" of strangers, or "sharpness" of the faces.
        """
        from mien.decision.drift import read_drift

        found = self.engine.facts(signal)
        if not found:
            return None
        try:
            return read_drift(found[-1].text).after(self._seen[SIGNALS.index(signal)])
        except ValueError as error:
            raise GalleryError(
                f"The {signal} of gallery {self.where} cannot be read; calibrate it again."
            ) from error

    def _store_levels(self) -> None:
        """Store counts, together with those of other programs."""
        if self.engine.read_only or not any(self._seen):
            return
        if not any(self.engine.facts(signal, limit=1) for signal in SIGNALS):
            self._seen = ((), ())  # nothing is watched
            return
        from mien.decision.drift import write_drift

        with self.engine.together():
            for signal in SIGNALS:
                now = self.drift(signal)
                if now is not None:
                    before = self.engine.facts(signal)[-1].id
                    self.engine.put(signal, write_drift(now), instead=before)
        self._seen = ((), ())


def bound_calibration(gallery: Gallery, detector: str) -> "Calibration | None":
    """Return the calibration that belongs to a gallery; None if it has none.

    Args:
        gallery: open gallery.
        detector: card of the detector.

    Raises:
        CalibrationError: it is for another detector, or damaged.
    """
    from mien.decision.calibration import CalibrationError, parse_calibration

    text = gallery.calibration()
    if text is None:
        return None
    found = parse_calibration(text, f"The calibration of gallery {gallery.where}")
    if found.detector != detector:
        raise CalibrationError(
            f"Gallery {gallery.where} was calibrated with detector '{found.detector}', not with "
            f"'{detector}'; use that detector, give a file (--calibration), or calibrate again: "
            "mien gallery calibrate"
        )
    return found


def calibration_for(gallery: Gallery, detector: str, path: Path | None) -> "Calibration":
    """Return the calibration of a file, of a gallery, or the shipped one, in this order.

    Raises:
        CalibrationError: there is none, or it is for other models.
    """
    from mien.decision import find_calibration

    bound = None if path else bound_calibration(gallery, detector)
    return bound or find_calibration(gallery.embedder, detector, path=path)

"""What hands and bodies share: one graph finds the squares, a second one the points in each."""

from pathlib import Path
from typing import ClassVar

from mien.body.ssd_anchors import anchors, detect
from mien.media import warp
from mien.runtime import LiteSession
from mien.types import Crop, Floats, Pixels


class LandmarkedPart:
    """Both graphs of one part of the body, open; see `mien.body.HandLandmarker`."""

    crop: ClassVar[Crop]  # chip of the graph of points
    sheet: ClassVar[int]  # px of the detector's input
    maps: ClassVar[tuple[tuple[int, int], ...]]  # stride and anchors a cell of the detector
    symmetric: ClassVar[bool]  # whether the detector takes -1 to 1; else 0 to 1

    def __init__(
        self,
        landmarks: Path,
        detector: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int = 1,
        min_score: float = 0.5,
        min_presence: float = 0.5,
    ) -> None:
        """Open the .tflite graphs.

        Args:
            landmarks: network of the points.
            detector: network that finds the squares.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
            min_score: detections with a lower score are dropped.
            min_presence: parts with a lower presence are left out.
        """
        side = self.crop.size
        self._landmarks = LiteSession(landmarks, (1, side, side, 3), device=device, threads=threads)
        square = (1, self.sheet, self.sheet, 3)
        self._detector = LiteSession(detector, square, device=device, threads=threads)
        self._cells = anchors(self.sheet, self.maps)
        self.name, self.digest, self.device = name, digest, self._landmarks.device
        self.min_score, self.min_presence = min_score, min_presence

    def _detect(self, image: Pixels, min_score: float) -> tuple[Floats, Floats]:
        """Scores and points of the detector, best first; see `ssd_anchors.detect`."""
        return detect(
            self._detector, image, self._cells, symmetric=self.symmetric, min_score=min_score
        )

    def _chip(self, image: Pixels, matrix: Floats) -> Pixels:
        return warp(image, matrix, self.crop.size, border="edge")

"""BlazeFace: MediaPipe's detectors for faces near a phone's camera.

Source: Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs",
arXiv:1907.05047; anchors and decoding as in MediaPipe's face detection graphs.
"""

from pathlib import Path

import numpy as np

from mien.detect.single_shot import Shot, detect_at, grid, sigmoid
from mien.errors import WeightsError
from mien.runtime import LiteSession
from mien.types import Face, Pixels

# Side of the input -> (stride, anchors at each cell) of its maps.
ANCHORS = {128: ((8, 2), (16, 6)), 192: ((4, 1),)}


class BlazeFaceDetector:
    """Detector of faces with two eyes, nose and mouth centre.

    The network returns the centre of the mouth but not its corners, so two of the five points
    are NaN; alignment then uses the other three.
    """

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        min_score: float = 0.5,
    ) -> None:
        """Open the .tflite graph of the short-range (128 px) or full-range (192 px) model."""
        self._session = LiteSession(weights, (1, None, None, 3), device=device, threads=threads)
        self._side = int(self._session.shapes[0][1])
        if self._side not in ANCHORS:
            raise WeightsError(
                f"'{weights}' has an input of {self._side} px: expected 128 or 192 for BlazeFace."
            )
        self._cells = np.vstack(
            [
                (grid(self._side // stride, self._side // stride, count) + 0.5) * stride
                for stride, count in ANCHORS[self._side]
            ]
        )
        self.name, self.digest, self.device = name, digest, self._session.device
        self.min_score = min_score

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces in one (H, W, 3) image, highest score first."""
        return detect_at(
            image,
            (self._side,),
            self._run,
            name=self.name,
            min_score=self.min_score,
            max_overlap=0.3,  # as in MediaPipe's graph
        )

    def _run(self, sheet: Pixels) -> Shot:
        x = sheet[None].astype(np.float32) / 127.5 - 1
        values, logits = sorted(self._session(x).values(), key=lambda a: -a.shape[-1])
        values, scores = values[0], sigmoid(logits[0, :, 0])  # (N, 16), (N,)
        centre, half = self._cells + values[:, :2], values[:, 2:4] / 2
        seen = self._cells[:, None] + values[:, 4:].reshape(-1, 6, 2)  # eyes, nose, mouth, ears
        points = np.full((len(values), 5, 2), np.nan, np.float32)
        points[:, :3] = seen[:, :3]
        return np.hstack([centre - half, centre + half]), scores, points

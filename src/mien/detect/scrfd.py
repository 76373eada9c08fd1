"""SCRFD: the single-shot detector of InsightFace's packs.

Source: Guo et al., "Sample and computation redistribution for efficient face detection",
ICLR 2022 (arXiv:2105.04714).
"""

from pathlib import Path

import numpy as np

from mien.detect.single_shot import Shot, detect_at, grid, sizes_for
from mien.errors import WeightsError
from mien.runtime import Session
from mien.types import Face, Pixels

STRIDES = (8, 16, 32)
ANCHORS = 2  # at each cell


class ScrfdDetector:
    """Detector of faces with five points, at one or several image sizes."""

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        size: int = 640,
        min_score: float = 0.5,
        smallest: float | None = None,
    ) -> None:
        """Open the graph, which must have the nine outputs of a `_kps` export.

        Args:
            weights: the ONNX file.
            name: the card of the model.
            digest: of the weights.
            device: see mien.runtime.
            threads: for one call.
            size: px, longer side of the large canvas; a small one of 192 px is always added.
            min_score: faces with a lower score are dropped.
            smallest: px, side of the smallest face; it gives the size of the large canvas.
        """
        self._session = Session(weights, (None, 3, None, None), device=device, threads=threads)
        if len(self._session.outputs) != 3 * len(STRIDES):
            raise WeightsError(
                f"'{weights}' has {len(self._session.outputs)} outputs: expected nine (scores, "
                "boxes, "
                "points at strides 8, 16, 32), as in an SCRFD graph with five points."
            )
        self.name, self.digest, self.device = name, digest, self._session.device
        self.sizes, self.min_score, self._least = (size, 192), min_score, smallest

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces in one (H, W, 3) image, highest score first."""
        return detect_at(
            image,
            sizes_for(image, self.sizes, self._least),
            self._run,
            name=self.name,
            min_score=self.min_score,
            max_overlap=0.4,  # as in insightface
            multiple=STRIDES[-1],
        )

    def _run(self, sheet: Pixels) -> Shot:
        x = (sheet[None].transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 128
        maps = [a.reshape(-1, a.shape[-1]) for a in self._session(x).values()]
        scores, offsets, shifts = maps[:3], maps[3:6], maps[6:]
        boxes, points = [], []
        for stride, box, point in zip(STRIDES, offsets, shifts, strict=True):
            cells = grid(sheet.shape[0] // stride, sheet.shape[1] // stride, ANCHORS) * stride
            boxes.append(np.hstack([cells - box[:, :2] * stride, cells + box[:, 2:] * stride]))
            points.append(cells[:, None] + point.reshape(-1, 5, 2) * stride)
        return np.vstack(boxes), np.vstack(scores)[:, 0], np.concatenate(points)

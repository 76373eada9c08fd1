"""YuNet: a tiny single-shot detector.

Source: Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence
Research 2023; the decoding is that of the network's anchor-free head.
"""

from pathlib import Path

import numpy as np

from mien.detect.single_shot import Shot, detect_at, grid, sizes_for
from mien.errors import WeightsError
from mien.runtime import Session
from mien.types import Face, Pixels

STRIDES = (8, 16, 32)


class YuNetDetector:
    """Detector of faces with five points, at one or several image sizes."""

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        sizes: tuple[int, ...] = (640, 192),
        min_score: float = 0.7,
        smallest: float | None = None,
    ) -> None:
        """Open the graph; for `sizes` and `smallest` see mien.detect.single_shot."""
        self._session = Session(weights, (None, 3, None, None), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device
        side = self._session.shape[2]  # an exported graph may be tied to one size
        self._fixed = side if isinstance(side, int) and side > 0 else None
        self.sizes = (self._fixed,) if self._fixed else tuple(sizes)
        self.min_score, self._least = min_score, smallest
        if smallest is not None and self._fixed:
            raise WeightsError(
                f"'{weights}' has a fixed input of {self._fixed} px and cannot search for faces "
                "from a chosen size on; leave out the smallest face."
            )

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces in one (H, W, 3) image, highest score first."""
        return detect_at(
            image,
            sizes_for(image, self.sizes, self._least),
            self._run,
            name=self.name,
            min_score=self.min_score,
            max_overlap=0.3,  # as in OpenCV's FaceDetectorYN
            multiple=None if self._fixed else STRIDES[-1],
        )

    def _run(self, sheet: Pixels) -> Shot:
        # The network was trained on blue-green-red, 0 to 255.
        x = np.ascontiguousarray(sheet[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32)
        maps = self._session(x)
        boxes, scores, points = [], [], []
        for stride in STRIDES:
            cells = grid(sheet.shape[0] // stride, sheet.shape[1] // stride)
            box = maps[f"bbox_{stride}"][0]
            centre = (cells + box[:, :2]) * stride
            half = np.exp(box[:, 2:]) * stride / 2
            boxes.append(np.hstack([centre - half, centre + half]))
            face, thing = (maps[f"{part}_{stride}"][0, :, 0].clip(0, 1) for part in ("cls", "obj"))
            scores.append(np.sqrt(face * thing))
            points.append((cells[:, None] + maps[f"kps_{stride}"][0].reshape(-1, 5, 2)) * stride)
        return np.vstack(boxes), np.hstack(scores), np.concatenate(points)

"""Run one small network of the grid: a research object, not enabled by default."""

from pathlib import Path

import numpy as np

from mien.runtime import Session
from mien.types import Crop, Pixels, Points, Reading

SIDE = 40  # px
# Median positions of MTCNN's five points in the 200 px crops of UTKFace.
POINTS: Points = (
    (59.1 / 200, 58.7 / 200),
    (138.2 / 200, 58.7 / 200),
    (98.4 / 200, 104.6 / 200),
    (62.8 / 200, 138.2 / 200),
    (133.7 / 200, 138.0 / 200),
)


class GenderDisparity:
    """A label that annotators would give, for audits of such labels; README.md is its card."""

    crop = Crop(size=SIDE, points=POINTS)

    def __init__(self, weights: Path, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self._session = Session(weights, (None, 3, None, None), device=device)
        self.name, self.digest, self.device = name, digest, self._session.device

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Predict the binary label of each chip.

        Args:
            chips: (N, 40, 40, 3), aligned by mien.align.

        Returns:
            N readings with the values "female" and "male", in [0, 1], sum 1: not calibrated.
        """
        if not len(chips):
            return []
        pixels = chips.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        male = self._session(pixels)["male"]
        return [
            Reading("gender", {"female": 1 - float(p), "male": float(p)}, "probability", self.name)
            for p in male
        ]

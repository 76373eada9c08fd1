"""Predict the hidden parts of a face from the others, and report how far off that is."""

from pathlib import Path

import numpy as np

from mien.runtime import Session
from mien.types import Crop, Floats, Pixels, Points, Reading

# The framing of UTKFace's crops, as age-fahr has it, so that it can start from the encoder.
POINTS: Points = (
    (0.3025, 0.2935),
    (0.6975, 0.2935),
    (0.5, 0.5230),
    (0.3225, 0.6910),
    (0.6775, 0.6910),
)
CROP = Crop(size=112, points=POINTS)


class FaceMae:
    """Error of the prediction of hidden patches; README.md is its model card."""

    crop = CROP

    def __init__(
        self, weights: Path, *, name: str, digest: str = "", device: str = "cpu", threads: int = 1
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file that train.py writes.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
        """
        shape = (None, 3, self.crop.size, self.crop.size)
        self._session = Session(weights, shape, device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Predict three quarters of each chip from the last quarter, in four ways.

        Args:
            chips: (N, 112, 112, 3), aligned by mien.align.

        Returns:
            N readings of `hidden_error`: mean squared error in shares of the variance of a patch;
            1 is what a prediction of each patch's mean has, 0 is perfect.
        """
        errors = self._run(chips, "error", 0)
        return [
            Reading("face-prediction", {"hidden_error": float(e)}, "share of variance", self.name)
            for e in errors
        ]

    def vectors(self, chips: Pixels) -> Floats:
        """(N, 112, 112, 3) -> (N, width): mean of the tokens of all patches."""
        return self._run(chips, "vector", 1)

    def _run(self, chips: Pixels, name: str, rank: int) -> Floats:
        if not len(chips):
            return np.empty((0,) * (1 + rank), np.float32)
        return np.asarray(self._session(tensor(chips))[name], np.float32)


def tensor(chips: Pixels) -> Floats:
    """(N, S, S, 3) chips -> (N, 3, S, S) in [0, 1]."""
    return np.asarray(chips.transpose(0, 3, 1, 2) / np.float32(255), np.float32)

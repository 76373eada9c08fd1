"""Predict the expression of a face with a truncated ConvNeXt."""

from pathlib import Path

import numpy as np

from mien.metrics import softmax
from mien.runtime import Session
from mien.types import ARCFACE_POINTS, Crop, Floats, Pixels, Points, Reading

SIDE = 64  # px, of the shipped network
CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
# ArcFace's template, a third closer: from forehead to chin, so that 64 px cover what moves.
POINTS: Points = tuple(((64 * x - 8) / 48, (64 * y - 14) / 48) for x, y in ARCFACE_POINTS)


class ExpressionConvCut:
    """Seven expressions as labelled by raters; README.md beside this file is its card."""

    crop = Crop(size=SIDE, points=POINTS)
    classes = CLASSES

    def __init__(
        self, weights: Path, *, name: str, digest: str = "", device: str = "cpu", side: int = SIDE
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file that train.py writes.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            side: px of the chips, as in training.
        """
        self._session = Session(weights, (None, 3, side, side), device=device)
        self.name, self.digest, self.device = name, digest, self._session.device
        self.crop = Crop(size=side, points=POINTS)

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Probabilities of the seven expressions for each chip.

        Args:
            chips: (N, S, S, 3), aligned by mien.align.

        Returns:
            N readings that sum to 1.
        """
        if not len(chips):
            return []
        return [
            Reading("expression", dict(zip(CLASSES, row.tolist(), strict=True)), "probability",
                    self.name)
            for row in self.probabilities(chips)
        ]  # fmt: skip

    def probabilities(self, chips: Pixels) -> Floats:
        """(N, S, S, 3) to (N, 7)."""
        pixels = chips.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        return softmax(self._session(pixels)["logits"])

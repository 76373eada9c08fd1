"""Predict the expression of one face by prompts, with the patches that decided."""

from pathlib import Path

import numpy as np

from mien.align.grey import FER_CROP, grey_input
from mien.errors import WeightsError
from mien.metrics import softmax
from mien.runtime import Session
from mien.systems.expression_mpa.prompts import read
from mien.types import Pixels, Reading

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
GRID = 5  # patches along each side


class ExpressionMpa:
    """Vote shares of seven expressions by prompts; README.md is its model card."""

    crop, classes = FER_CROP, CLASSES

    def __init__(
        self,
        weights: Path | None = None,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
    ) -> None:
        """Open the graph of a training.

        Args:
            weights: ONNX file, (N, 3, 64, 64) -> `logits` (N, 7), `patches` (N, 25, 7).
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.

        Raises:
            WeightsError: no weights are shipped.
        """
        if weights is None:
            raise WeightsError(
                f"'{name}' ships no weights; train it (mien train expression-mpa --data DATA) and "
                "name the run folder instead."
            )
        side = self.crop.size
        self._net = Session(weights, (None, 3, side, side), device=device)
        self._about = read().classes
        self.name, self.digest, self.device = name, digest, self._net.device

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Predict each chip.

        Returns:
            N readings: probabilities of seven words, sum 1; `text` is the description that the
            first one is compared with, `array` (5, 5) the similarity of each patch to it, in
            [-1, 1]. Similarity is not a cause.
        """
        if not len(chips):
            return []
        found = self._net(grey_input(chips))
        rows = zip(softmax(found["logits"]), found["patches"], strict=True)
        readings = []
        for shares, patches in rows:
            best = int(shares.argmax())
            readings.append(
                Reading(
                    "expression-by-prompt", dict(zip(CLASSES, shares.tolist(), strict=True)),
                    "probability", self.name, text=self._about[CLASSES[best]],
                    array=np.asarray(patches[:, best].reshape(GRID, GRID), np.float32),
                )
            )  # fmt: skip
        return readings

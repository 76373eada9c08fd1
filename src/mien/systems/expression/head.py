"""Predict the expression of one aligned face: seven probabilities, and their place on two axes."""

from pathlib import Path

import numpy as np

from mien.align.grey import FER_CROP, grey_input
from mien.behaviour.circumplex import places_of
from mien.metrics import softmax
from mien.runtime import Session
from mien.types import Floats, Pixels, Reading

LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
SIDE = 64  # px
VALENCE, AROUSAL = places_of(LABELS).T
AXIS = "-1 to 1; the words' places on the axis, weighted by their probabilities"


class Expression:
    """Probabilities of seven labels that raters would select; README.md is its model card."""

    crop, classes = FER_CROP, LABELS

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
        self._session = Session(weights, (None, 3, SIDE, SIDE), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Predict each chip.

        Args:
            chips: (N, 64, 64, 3), aligned by mien.align; colour is ignored.

        Returns:
            N readings: calibrated probabilities of the seven labels, sum 1. `derived` holds
            valence and arousal in [-1, 1], which are computed from them, not measured.
        """
        return [self._reading(row) for row in self.probabilities(chips)]

    def _reading(self, row: Floats) -> Reading:
        axes = tuple(
            Reading(name, {name: float(row @ places)}, AXIS, self.name)
            for name, places in (("valence", VALENCE), ("arousal", AROUSAL))
        )
        values = dict(zip(LABELS, row.tolist(), strict=True))
        return Reading("expression", values, "probability", self.name, derived=axes)

    def probabilities(self, chips: Pixels) -> Floats:
        """(N, 64, 64, 3) chips -> (N, 7) probabilities: the mean of each chip and its mirror."""
        if not len(chips):
            return np.empty((0, len(LABELS)), np.float32)
        pixels = grey_input(chips)
        first, second = (
            softmax(self._session(p)["logits"]) for p in (pixels, pixels[..., ::-1].copy())
        )
        return np.asarray((first + second) / 2, np.float32)

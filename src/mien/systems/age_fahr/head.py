"""Predict the apparent age of a face in years, with an interval."""

from pathlib import Path

import numpy as np

from mien.metrics import softmax
from mien.runtime import Session
from mien.types import Crop, Doubles, Floats, Pixels, Points, Reading

SIDE, WIDTH = 112, 256  # px; numbers of a vector
YEARS = np.arange(101, dtype=np.float64)  # classes: 0 to 100; older counts as 100
# Median positions of MTCNN's five points in the 200 px crops of UTKFace, made symmetrical.
POINTS: Points = (
    (0.3025, 0.2935),
    (0.6975, 0.2935),
    (0.5, 0.5230),
    (0.3225, 0.6910),
    (0.6775, 0.6910),
)


class Age:
    """Apparent age in years; README.md is its model card."""

    crop = Crop(size=SIDE, points=POINTS)

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        reach: float,
        digest: str = "",
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file that train.py writes.
            name: the card this was opened from.
            reach: interval scale: half the 90 % interval over the spread of the answer, measured on
                held-out images; see `train.reach`.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
        """
        self._session = Session(weights, (None, 3, SIDE, SIDE), device=device, threads=threads)
        self.name, self.digest, self.device, self.reach = name, digest, self._session.device, reach

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Predict the age of each chip.

        Args:
            chips: (N, 112, 112, 3), aligned by mien.align.

        Returns:
            N readings of `age` in years, with a 90 % interval.
        """
        found = []
        for middle, spread in zip(*mean_and_spread(self.shares(chips)), strict=True):
            far = self.reach * spread
            low, high = max(0.0, middle - far), middle + far
            found.append(
                Reading("age", {"age": middle}, "year", self.name, {"age": low}, {"age": high})
            )
        return found

    def shares(self, chips: Pixels) -> Floats:
        """(N, 112, 112, 3) -> (N, 101) probability of each year: mean of a chip and its mirror."""
        if not len(chips):
            return np.empty((0, len(YEARS)), np.float32)
        first, second = (softmax(logits) for logits in self._mirrored(chips, "logits"))
        return np.asarray((first + second) / 2, np.float32)

    def vectors(self, chips: Pixels) -> Floats:
        """(N, 112, 112, 3) -> (N, 256): features behind the age, for other tasks on appearance.

        Mean of a chip and its mirror, not of unit length. People can be identified by it to some
        degree, so it must be protected like a template.
        """
        if not len(chips):
            return np.empty((0, WIDTH), np.float32)
        first, second = self._mirrored(chips, "vector")
        return np.asarray((first + second) / 2, np.float32)

    def _mirrored(self, chips: Pixels, name: str) -> tuple[Floats, Floats]:
        pixels = tensor(chips)
        mirrored = np.ascontiguousarray(pixels[..., ::-1])
        return self._session(pixels)[name], self._session(mirrored)[name]


def mean_and_spread(shares: Floats) -> tuple[list[float], list[float]]:
    """Mean and spread (standard deviation, at least one year) of (N, 101) probabilities."""
    p: Doubles = shares.astype(np.float64)
    middle = p @ YEARS
    spread = np.sqrt(np.maximum(p @ YEARS**2 - middle**2, 1.0))
    return middle.tolist(), spread.tolist()


def tensor(chips: Pixels) -> Floats:
    """(N, S, S, 3) chips -> (N, 3, S, S) in [0, 1]."""
    return np.asarray(chips.transpose(0, 3, 1, 2) / np.float32(255), np.float32)

"""Predict the apparent age of a face in years, with an interval."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.errors import MienError
from mien.metrics import softmax
from mien.runtime import Session
from mien.types import Crop, Doubles, Floats, Pixels, Points, Reading

SIDE, WIDTH = 112, 256  # px; numbers of a vector
YEARS = np.arange(101, dtype=np.float64)  # classes: 0 to 100; older counts as 100
# Answers in years at which the half-width of the interval is measured; linear between them.
KNOTS = (2.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0)
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
        reach: Sequence[float],
        digest: str = "",
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file that train.py writes.
            name: the card this was opened from.
            reach: years, half of the 90 % interval where the answer is one of KNOTS, measured on
                held-out images; see `train.reach`.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
        """
        self._session = Session(weights, (None, 3, SIDE, SIDE), device=device, threads=threads)
        if len(reach) != len(KNOTS):
            raise MienError(f"'{name}' needs {len(KNOTS)} half-widths as reach, got {len(reach)}.")
        self.name, self.digest, self.device = name, digest, self._session.device
        self.reach = tuple(reach)

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Predict the age of each chip.

        Args:
            chips: (N, 112, 112, 3), aligned by mien.align.

        Returns:
            N readings of `age` in years, with a 90 % interval.
        """
        found = []
        for middle in means(self.shares(chips)).tolist():
            far = float(np.interp(middle, KNOTS, self.reach))
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


def means(shares: Floats) -> Doubles:
    """Years: mean of (N, 101) probabilities."""
    return np.asarray(shares.astype(np.float64) @ YEARS)


def tensor(chips: Pixels) -> Floats:
    """(N, S, S, 3) chips -> (N, 3, S, S) in [0, 1]."""
    return np.asarray(chips.transpose(0, 3, 1, 2) / np.float32(255), np.float32)

"""Separate live faces from prints and screens by the texture of the face and its surroundings."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.liveness import cut_square
from mien.runtime import Session
from mien.types import Clip, Floats, Pixels, Reading

SIDE = 80  # px
ZOOM = 2.7  # times the box of the face


class LivenessTexture:
    """A liveness head; README.md beside this file is its model card."""

    needs = frozenset({"frames"})

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        points: Mapping[str, float] | None = None,
    ) -> None:
        """Open the graph.

        Args:
            weights: ONNX file, (N, 3, 80, 80) float32 -> (N, 1) logit of a live face.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: for one call.
            points: operating points by name: the score that a live face must exceed.
        """
        self._net = Session(weights, (None, 3, SIDE, SIDE), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._net.device
        self.points = dict(points or {})

    def __call__(self, clip: Clip) -> list[Reading]:
        """Read one face over time: the probability that it is live, averaged over the frames."""
        if not len(clip.times) or clip.frames is None or clip.boxes is None:
            return []
        pairs = zip(clip.frames, clip.boxes, strict=True)
        scores = self.scores(np.stack([cut_square(image, box, ZOOM, SIDE) for image, box in pairs]))
        span = (float(clip.times[0]), float(clip.times[-1]))
        live = {"live": float(scores.mean())}
        return [Reading("liveness", live, "probability", self.name, span=span)]

    def scores(self, chips: Pixels) -> Floats:
        """(N, 80, 80, 3) cut_square chips -> (N,) probabilities of a live face."""
        [logit] = self._net(as_input(chips)).values()
        return np.asarray(1 / (1 + np.exp(-logit[:, 0].astype(np.float64))), np.float32)


def as_input(chips: Pixels) -> Floats:
    """(N, S, S, 3) grey values -> (N, 3, S, S) in [-1, 1]."""
    return np.ascontiguousarray(chips.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)

"""A mesh of 468 points on the face.

Source: Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs",
arXiv:1907.06724; chips as in MediaPipe's graph face_landmark.
"""

from pathlib import Path

import numpy as np

from mien.errors import WeightsError
from mien.runtime import LiteSession
from mien.types import Crop, Floats, Pixels, Points

SIDE = 192  # px of the network's chip
# Median places of MTCNN's five points in the square that the mesh itself asks for, over 299
# pictures of UTKFace, both sides of the face made equal.
POINTS: Points = (
    (0.3666, 0.3769),
    (0.6334, 0.3769),
    (0.5, 0.5315),
    (0.3768, 0.6388),
    (0.6232, 0.6388),
)


class FaceMesh:
    """468 points, 3-D; the order is MediaPipe's.

    Depth is in chip px, smaller = nearer, 0 at the centre of the head; it is an estimate from
    one picture and coarser than x and y.
    """

    crop = Crop(size=SIDE, points=POINTS)
    count = 468  # points of one face

    def __init__(
        self, mesh: Path, *, name: str, digest: str = "", device: str = "cpu", threads: int = 1
    ) -> None:
        """Open the .tflite graph.

        Args:
            mesh: the network, 192 px.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call; a network as small as this gains nothing by more.
        """
        self._face = LiteSession(mesh, (1, SIDE, SIDE, 3), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._face.device

    def __call__(self, chips: Pixels) -> tuple[Floats, Floats]:
        """Find the points of each face.

        Args:
            chips: (N, 192, 192, 3).

        Returns:
            (N, L, 3) chip px, and (N, L) probability in [0, 1] that there is a face, the same for
            all its points: the network judges the face as a whole. L is `count`.
        """
        points = np.empty((len(chips), self.count, 3), np.float32)
        presence = np.empty((len(chips), self.count), np.float32)
        for chip, place, seen in zip(chips, points, presence, strict=True):
            logit = np.clip(self._look(chip, place), -80, 80)
            seen[:] = 1 / (1 + np.exp(-logit))
        return points, presence

    def _look(self, chip: Pixels, points: Floats) -> float:
        """Put the points of one chip in their place; returns the logit that there is a face."""
        answers = {a.size: a for a in self._face(chip[None], white=255).values()}
        if answers.keys() != {1404, 1}:
            raise WeightsError(f"'{self.name}' gives {sorted(answers)} numbers, not 468 points.")
        points[:] = answers[1404].reshape(468, 3)
        return float(answers[1].item())

"""Face mesh of 468 points.

Source: Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs",
arXiv:1907.06724; chips as in MediaPipe's graph face_landmark.
"""

from pathlib import Path

import numpy as np

from mien.errors import WeightsError
from mien.runtime import LiteSession
from mien.types import Crop, Floats, Pixels, Points

SIDE = 192  # px of the network's chip
# Median places of MTCNN's five points in the square that the mesh requests, over 299
# images of UTKFace, with both sides of the face symmetrised.
POINTS: Points = (
    (0.3666, 0.3769),
    (0.6334, 0.3769),
    (0.5, 0.5315),
    (0.3768, 0.6388),
    (0.6232, 0.6388),
)


class FaceMesh:
    """Landmarker with 468 points, 3-D, in the order of MediaPipe.

    Depth is in chip px, smaller = nearer, 0 at the centre of the head. It is estimated from one
    image, and less accurate than x and y.
    """

    crop = Crop(size=SIDE, points=POINTS)
    count = 468  # points of one face

    def __init__(
        self, mesh: Path, *, name: str, digest: str = "", device: str = "cpu", threads: int = 1
    ) -> None:
        """Open the .tflite graph.

        Args:
            mesh: the network, 192 px.
            name: the card of the model.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call; more threads do not speed up such a small network.
        """
        self._face = LiteSession(mesh, (1, SIDE, SIDE, 3), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._face.device

    def __call__(self, chips: Pixels) -> tuple[Floats, Floats]:
        """Find the points of each face.

        Args:
            chips: (N, 192, 192, 3).

        Returns:
            (N, L, 3) chip px, and (N, L) presence in [0, 1]. The presence is the same for all
            points of a face, since the network returns one value per face. L is `count`.
        """
        points = np.empty((len(chips), self.count, 3), np.float32)
        presence = np.empty((len(chips), self.count), np.float32)
        for chip, place, seen in zip(chips, points, presence, strict=True):
            logit = np.clip(self._run(chip, place), -80, 80)
            seen[:] = 1 / (1 + np.exp(-logit))
        return points, presence

    def _run(self, chip: Pixels, points: Floats) -> float:
        """Write the points of one chip to `points`; return the logit of the presence."""
        answers = {a.size: a for a in self._face(chip[None], white=255).values()}
        if answers.keys() != {1404, 1}:
            raise WeightsError(
                f"'{self.name}' returns {sorted(answers)} numbers: expected 468 points."
            )
        points[:] = answers[1404].reshape(468, 3)
        return float(answers[1].item())

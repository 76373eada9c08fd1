"""A mesh of 468 points on the face, and with the second network 478 that follow the eyes.

Source: Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs",
arXiv:1907.06724; Ablavatski et al., "Real-time pupil tracking from monocular video for digital
puppetry", arXiv:2006.11341; chips and joining as in MediaPipe's graphs face_landmark and
iris_landmark.
"""

from pathlib import Path

import numpy as np

from mien.errors import WeightsError
from mien.geometry import back, region
from mien.landmarks.names import EYE_CORNERS, EYE_LIDS, IRISES
from mien.media import warp
from mien.runtime import LiteSession
from mien.types import Crop, Floats, Pixels, Points

SIDE, EYE_SIDE = 192, 64  # px of the two networks' chips
AROUND_EYE = 2.3  # sides of the eye's square per distance of its corners; as in MediaPipe's graph
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
    """468 points, 3-D, and with the iris network 478; the order is MediaPipe's.

    Depth is in chip px, smaller = nearer, 0 at the centre of the head; it is an estimate from
    one picture and coarser than x and y.
    """

    crop = Crop(size=SIDE, points=POINTS)

    def __init__(
        self,
        mesh: Path,
        iris: Path | None = None,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Open the .tflite graphs.

        Args:
            mesh: network of the face, 192 px.
            iris: network of the eye, 64 px; without it there are 468 points.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call; networks as small as these gain nothing by more.
        """
        self._mesh = LiteSession(mesh, (1, SIDE, SIDE, 3), device=device, threads=threads)
        self._eye: LiteSession | None = None
        if iris is not None:
            shape = (1, EYE_SIDE, EYE_SIDE, 3)
            self._eye = LiteSession(iris, shape, device=device, threads=threads)
        self.count = 468 if iris is None else 478  # points of one face
        self.name, self.digest, self.device = name, digest, self._mesh.device

    def __call__(self, chips: Pixels) -> tuple[Floats, Floats]:
        """Find the points of each face.

        Args:
            chips: (N, 192, 192, 3).

        Returns:
            (N, L, 3) chip px, and (N, L) probability in [0, 1] that there is a face, the same for
            all its points: the networks judge the face as a whole. L is 468 or 478.
        """
        points = np.empty((len(chips), self.count, 3), np.float32)
        presence = np.empty((len(chips), self.count), np.float32)
        for chip, place, seen in zip(chips, points, presence, strict=True):
            place[:468], seen[:] = self._face(chip)
            if self._eye is not None:
                self._join(chip, place)
        return points, presence

    def _face(self, chip: Pixels) -> tuple[Floats, float]:
        answers = {a.size: a.ravel() for a in self._mesh(chip[None], white=255).values()}
        if answers.keys() != {1404, 1}:
            raise WeightsError(f"'{self.name}' gives {sorted(answers)} numbers, not 468 points.")
        logit = np.clip(answers[1][0], -80, 80)
        return answers[1404].reshape(468, 3), float(1 / (1 + np.exp(-logit)))

    def _join(self, chip: Pixels, points: Floats) -> None:
        """Replace the lids by those of the eye network, and add the irises."""
        for corners, lids, iris, mirrored in zip(
            EYE_CORNERS, EYE_LIDS, IRISES, (False, True), strict=True
        ):
            matrix = eye_region(points[list(corners), :2])
            eye, ring = self._look(warp(chip, matrix, EYE_SIDE, border="edge"), mirrored)
            # The eye network's own depths are of another scale; MediaPipe keeps those of the mesh.
            points[list(lids), :2] = back(eye[: len(lids)], matrix)
            points[list(iris), :2] = back(ring, matrix)
            points[list(iris), 2] = points[list(lids), 2].mean()

    def _look(self, chip: Pixels, mirrored: bool) -> tuple[Floats, Floats]:
        """(71, 2) points around one eye and (5, 2) of its iris, px of the (64, 64, 3) chip.

        The network knows eyes on the left of the image; the other is shown to it in a mirror.
        """
        assert self._eye is not None
        seen = chip[:, ::-1] if mirrored else chip
        answers = {a.size: a for a in self._eye(seen[None], white=255).values()}
        if answers.keys() != {213, 15}:
            raise WeightsError(f"'{self.name}' gives {sorted(answers)} numbers, not 71 + 5 points.")
        eye, ring = (answers[size].reshape(-1, 3)[:, :2].copy() for size in (213, 15))
        if mirrored:
            eye[:, 0], ring[:, 0] = EYE_SIDE - eye[:, 0], EYE_SIDE - ring[:, 0]
            ring = ring[[0, 3, 2, 1, 4]]  # its right end is the left one in a mirror
        return eye, ring


def eye_region(corners: Floats) -> Floats:
    """The (2, 3) transform to the eye network's chip, from the (2, 2) corners, left one first."""
    across = corners[1] - corners[0]
    degrees = float(np.degrees(np.arctan2(across[1], across[0])))
    side = max(float(np.abs(across).max()), 1.0) * AROUND_EYE
    return region(corners.mean(0), side, degrees, EYE_SIDE)

"""Body landmarks: 33 points per body with visible shoulders and hips.

Source: Bazarevsky et al., "BlazePose: on-device real-time body pose tracking", arXiv:2006.10204;
squares as in MediaPipe's graphs pose_detection and pose_landmark.
"""

from dataclasses import dataclass

import numpy as np

from mien.body.landmarked_part import LandmarkedPart
from mien.geometry import back, region
from mien.types import Crop, Floats, Pixels

SIDE = 256  # px of the chip
MAPS = ((8, 2), (16, 2), (32, 6))  # stride and anchors per cell, of the 224 px canvas
HIPS, SIZE = 0, 1  # of the detector's points: the centre of the hips, and a point above the head
AROUND = 1.25  # sides of the square per twice their distance
GUIDES = (33, 34)  # the same two points, as the body network returns them
REACH, WARM = 3, 0.5  # cells around a point that are used, and the minimum heat of one
# Left and right are as seen in the image, for a person who faces the camera.
POINTS = (
    "nose",
    *(f"{side}_eye_{part}" for side in ("right", "left") for part in ("inner", "middle", "outer")),
    *(
        f"{side}_{part}"
        for part in (
            "ear", "mouth", "shoulder", "elbow", "wrist", "little", "index", "thumb", "hip",
            "knee", "ankle", "heel", "toe",
        )
        for side in ("right", "left")
    ),
)  # fmt: skip
# Bones, for drawing.
LINES = (
    (11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24), (23, 25),
    (25, 27), (24, 26), (26, 28), (27, 29), (29, 31), (28, 30), (30, 32), (15, 17), (15, 19),
    (15, 21), (16, 18), (16, 20), (16, 22), (0, 2), (0, 5), (2, 7), (5, 8), (9, 10),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One body in one image."""

    points: Floats  # (33, 3) x, y, depth, px of the image; order: POINTS; depth 0 at the hips
    visibility: (
        Floats  # (33,) probability in [0, 1] that the point is in the image and not occluded
    )
    presence: float  # probability in [0, 1] that there is a body
    score: float  # of the detector, in [0, 1]


class BodyLandmarker(LandmarkedPart):
    """Find bodies in an image, and the points of each."""

    crop, sheet, maps, symmetric = Crop(size=SIDE), 224, MAPS, True

    def find(self, image: Pixels, passes: int = 2) -> list[Body]:
        """Find the bodies in one (H, W, 3) image, highest score first.

        The first pass uses the square of the detector, each further pass that of the points.
        """
        scores, found = self._detect(image, self.min_score)
        bodies = []
        for score, guides in zip(scores.tolist(), found[:, 2:], strict=True):
            for _ in range(passes):
                matrix = body_region(guides[HIPS], guides[SIZE])
                points, visible, presence = self._run(self._chip(image, matrix))
                placed = back(points, matrix)
                guides = placed[list(GUIDES), :2]
            if presence >= self.min_presence:
                bodies.append(Body(placed[:33], visible[:33], presence, score))
        return bodies

    def __call__(self, chips: Pixels) -> tuple[Floats, Floats]:
        """Find the points of each body.

        Args:
            chips: (N, 256, 256, 3), head up.

        Returns:
            (N, 33, 3) chip px, and (N, 33) visibility in [0, 1].
        """
        points = np.empty((len(chips), 33, 3), np.float32)
        visible = np.empty((len(chips), 33), np.float32)
        for chip, place, seen in zip(chips, points, visible, strict=True):
            every, clear, _ = self._run(chip)
            place[:], seen[:] = every[:33], clear[:33]
        return points, visible

    def _run(self, chip: Pixels) -> tuple[Floats, Floats, float]:
        """Return (39, 3) points in chip px, (39,) visibility, presence of a body."""
        answers = {a.size: a for a in self._landmarks(chip[None].astype(np.float32) / 255).values()}
        rows = answers[195].reshape(39, 5)  # x, y, z, logits: not occluded, in the image
        visible = 1 / (1 + np.exp(-np.clip(rows[:, 3], -80, 80)))
        points = refined(rows[:, :3], answers[64 * 64 * 39].reshape(64, 64, 39))
        return points, visible.astype(np.float32), float(answers[1].item())


def refined(points: Floats, heat: Floats) -> Floats:
    """Move points to the centre of the heat around them, if there is enough heat.

    Args:
        points: (39, 3) chip px.
        heat: (64, 64, 39) logits, rows and columns of the chip.

    Returns:
        (39, 3) chip px.

    Source: MediaPipe's RefineLandmarksFromHeatmapCalculator.
    """
    cell = SIDE / len(heat)  # px
    out = points.copy()
    for point, sheet in zip(out, np.moveaxis(heat, 2, 0), strict=True):
        column, row = (int(v) for v in point[:2] // cell)
        if not (0 <= column < sheet.shape[1] and 0 <= row < sheet.shape[0]):
            continue
        top, left = max(0, row - REACH), max(0, column - REACH)
        part = sheet[top : row + REACH + 1, left : column + REACH + 1]
        warm = 1 / (1 + np.exp(-np.clip(part, -80, 80)))
        if warm.max() >= WARM:
            rows, columns = np.indices(warm.shape)
            weights = warm / warm.sum()
            point[0] = ((columns + left) * weights).sum() * cell
            point[1] = ((rows + top) * weights).sum() * cell
    return out


def body_region(hips: Floats, above: Floats) -> Floats:
    """Return the (2, 3) transform to a chip with the head up, from the centre of the hips."""
    along = above - hips
    degrees = float(np.degrees(np.arctan2(along[1], along[0]))) + 90
    side = max(float(np.linalg.norm(along)), 1.0) * 2 * AROUND
    return region(hips, side, degrees, SIDE)

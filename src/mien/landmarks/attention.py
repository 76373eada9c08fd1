"""Attention mesh of 478 points: one network for the face, further ones for lips, eyes, irises.

Source: Grishchenko et al., "Attention Mesh: high-fidelity face mesh prediction in real-time",
arXiv:2006.10962; regions, cutting and joining as in MediaPipe's operations
Landmarks2TransformMatrix and TransformTensorBilinear and its graph face_landmark.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.errors import WeightsError
from mien.landmarks.mesh import FaceMesh
from mien.landmarks.names import EYE_CORNERS, EYE_POINTS, IRISES, LIP_CORNERS, LIP_POINTS
from mien.runtime import LiteSession
from mien.types import Floats, Pixels

MAP = (1, 48, 48, 32)  # feature map of the face network, in cells of 4 px of the chip
TILE, CELL = (
    16,
    4,
)  # cells of a region's side; the region networks return coordinates in quarters of a cell
REACH = 1.5  # of a region, times the extent of its points
SIZES = {"output_mesh": 1404, "conv_faceflag": 1, "p_re_lu_3": 48 * 48 * 32}
LIPS, LEFT, RIGHT = (np.array(ids) for ids in (LIP_POINTS, *EYE_POINTS))
LEFT_RING, RIGHT_RING = (np.array(ids) for ids in IRISES)
# Regions, and the lines by which they are levelled, left end first.
REGIONS = tuple(zip((LIPS, LEFT, RIGHT), np.array((LIP_CORNERS, *EYE_CORNERS)), strict=True))
LIDS = 16  # of an eye's points, the first
_centres = (np.arange(TILE) + 0.5) * CELL - TILE * CELL / 2
_CELLS = np.stack(np.meshgrid(_centres, _centres), axis=-1).reshape(-1, 2).astype(np.float32)


class AttentionMesh(FaceMesh):
    """Landmarker with 478 points, 3-D: those of FaceMesh, and five per iris."""

    count = 478  # points of one face

    def __init__(
        self,
        face: Path,
        regions: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Open the .tflite graphs.

        Args:
            face: network of the face, 192 px.
            regions: networks of lips, left and right eye; input: parts of the feature map.
            name: the card of the model.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call; more threads do not speed up such small networks.
        """
        super().__init__(face, name=name, digest=digest, device=device, threads=threads)
        tiles = [(1, TILE, TILE, MAP[-1])] * len(REGIONS)
        self._regions = LiteSession(regions, *tiles, device=device, threads=threads)

    def _run(self, chip: Pixels, points: Floats) -> float:
        answers = self._face(chip[None], white=255)
        if {name: a.size for name, a in answers.items()} != SIZES:
            raise WeightsError(f"'{self.name}' returns {sorted(answers)}: expected 468 points.")
        points[:468] = answers["output_mesh"].reshape(468, 3)
        self._refine(points, answers["p_re_lu_3"][0])
        return float(answers["conv_faceflag"].item())

    def _refine(self, points: Floats, seen: Floats) -> None:
        """Replace lips and eyes by the results of their networks, and add the irises.

        These networks return no depth: lips and eyes keep theirs, irises get that of the eye.
        """
        flat = points[:, :2]
        squares = [square(flat[ids], flat[line]) for ids, line in REGIONS]
        answers = self._regions(*tiles(seen, squares)[:, None])
        lips, left, right = squares
        for name, ids, (centre, axes) in (
            ("conv_lips", LIPS, lips),
            ("conv_left_eye", LEFT, left),
            ("conv_right_eye", RIGHT, right),
            ("conv_left_iris", LEFT_RING, left),
            ("conv_right_iris", RIGHT_RING, right),
        ):
            found = answers[name].reshape(-1, 2) - TILE * CELL / 2
            flat[ids] = found @ axes.T + centre
        for ring, eye in ((LEFT_RING, LEFT), (RIGHT_RING, RIGHT)):
            points[ring, 2] = points[eye[:LIDS], 2].mean()


def square(points: Floats, line: Floats) -> tuple[Floats, Floats]:
    """Return the square of a region: the box of its points, levelled by a line, with margin.

    Args:
        points: (N, 2) chip px.
        line: (2, 2), left end first.

    Returns:
        (2,) its centre in chip px, and (2, 2) whose columns are its unit steps right and down
        there; a region is 64 units wide and high.
    """
    right = (line[1] - line[0]) / max(float(np.linalg.norm(line[1] - line[0])), 1e-6)
    turned = np.array([[right[0], -right[1]], [right[1], right[0]]], np.float32)
    level = points @ turned
    low, high = level.min(axis=0), level.max(axis=0)
    centre: Floats = turned @ ((low + high) / 2)
    return centre, turned * (REACH * (high - low) / (TILE * CELL))


def tiles(seen: Floats, squares: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Cut the regions out of a (48, 48, 32) map, (N, 16, 16, 32); 0 outside the map."""
    height, width, depth = seen.shape
    # Cells are sampled at their centres; the first centre is half a cell from the edge of the map.
    x, y = np.concatenate([_CELLS @ axes.T + centre for centre, axes in squares]).T / CELL - 0.5
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    left, top = (
        np.clip(x, 0, width - 2).astype(np.int32),
        np.clip(y, 0, height - 2).astype(np.int32),
    )
    right, low = (x - left).astype(np.float32), (y - top).astype(np.float32)
    upper, lower = inside * (1 - low), inside * low
    flat, corner = seen.reshape(-1, depth), top * width + left
    shares = (upper * (1 - right), upper * right, lower * (1 - right), lower * right)
    found = sum(flat[corner + step] * share[:, None]
                for step, share in zip((0, 1, width, width + 1), shares, strict=True))  # fmt: skip
    return np.reshape(found, (len(squares), TILE, TILE, depth))

"""Mesh fitting: cut the chip of a face, run the landmarker, map the points to the image."""

from collections.abc import Sequence

import numpy as np

from mien.contracts import Landmarker
from mien.errors import NoFaceError
from mien.geometry import back, eye_distance, places, region
from mien.landmarks.names import EYE_CORNERS, SUBSET_68
from mien.media import warp
from mien.types import Crop, Face, Floats, Pixels

AROUND_FACE = 1.5  # sides of the square per longer side of box or mesh; as in MediaPipe's graph
# A box 8 % off and 12 % too large or small moves a mesh by 1.4 % of the eye distance after one
# pass, 0.6 % after two, 0.3 % after three (median of 299 images of UTKFace).
PASSES = 2
PRESENCE = 0.5  # of the whole mesh; below it there is no face


def chip_face(crop: Crop) -> Face:
    """The face of an aligned chip, with the box that a detector would give, for `fit_meshes`."""
    points = places(crop)
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    wide, middle = 2.2 * eye_distance(points), (eyes + mouth) / 2  # as boxes of MTCNN
    half = np.array([wide, 1.3 * wide]) / 2
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    return Face(box, 1.0, points)


def fit_meshes(
    landmarker: Landmarker, image: Pixels, faces: Sequence[Face], *, passes: int = PASSES
) -> tuple[Floats, Floats]:
    """Find the mesh of each face in one image.

    The first pass uses the box of the detector, each further pass the mesh of the previous one,
    so that the result depends little on the detector.

    Args:
        landmarker: card face-mesh or attention-mesh.
        image: (H, W, 3).
        faces: from a detector; with points, the square is levelled by the eyes.
        passes: 1 or more; MediaPipe uses 1 on single images.

    Returns:
        (N, L, 3) x, y, depth in px of the image, and (N, L) presence.
    """
    size = landmarker.crop.size
    points, presence = run_landmarker(
        landmarker, image, [face_region(face, size) for face in faces]
    )
    for _ in range(passes - 1):
        points, presence = run_landmarker(
            landmarker, image, [mesh_region(mesh, size) for mesh in points]
        )
    return points, presence


def fit_largest(landmarker: Landmarker, image: Pixels, faces: Sequence[Face], where: str) -> Floats:
    """Find the 68 points of the largest face, (68, 2) px in the order of iBUG 300-W.

    Args:
        landmarker: card face-mesh or attention-mesh.
        image: (H, W, 3).
        faces: one or more, from a detector.
        where: name of the image in messages.

    Raises:
        NoFaceError: the mesh finds no face there.
    """
    face = max(faces, key=lambda one: float(np.prod(one.box[2:] - one.box[:2])))
    meshes, presence = fit_meshes(landmarker, image, [face])
    if float(presence.min()) < PRESENCE:
        raise NoFaceError(
            f"The points of the face in {where} cannot be found (presence "
            f"{float(presence.min()):.2f}); take a sharper or more frontal photograph."
        )
    return np.asarray(meshes[0][list(SUBSET_68), :2], np.float32)


def run_landmarker(
    landmarker: Landmarker, image: Pixels, matrices: Sequence[Floats]
) -> tuple[Floats, Floats]:
    """Run the landmarker on given regions of one image.

    Args:
        landmarker: chips in, points out.
        image: (H, W, 3).
        matrices: (2, 3) transforms from image px to chip px.

    Returns:
        (N, L, 3) px of the image, and (N, L) presence.
    """
    size = landmarker.crop.size
    chips = np.empty((len(matrices), size, size, 3), np.uint8)
    for chip, matrix in zip(chips, matrices, strict=True):
        chip[:] = warp(image, matrix, size, border="edge")  # as MediaPipe does
    points, presence = landmarker(chips)
    placed = [back(mesh, matrix) for mesh, matrix in zip(points, matrices, strict=True)]
    return np.asarray(placed, np.float32).reshape(points.shape), presence


def face_region(face: Face, size: int) -> Floats:
    """Return the transform to a chip around a detected face, levelled by its eyes."""
    across = np.array([1, 0], np.float32)
    if face.points is not None and np.isfinite(face.points[:2]).all():
        across = face.points[1] - face.points[0]
    return _region(face.box[:2], face.box[2:], across, size)


def mesh_region(points: Floats, size: int) -> Floats:
    """Return the transform to a chip around a mesh, levelled by the outer eye corners."""
    flat = points[:468, :2]
    across: Floats = flat[EYE_CORNERS[1][1]] - flat[EYE_CORNERS[0][0]]
    return _region(flat.min(axis=0), flat.max(axis=0), across, size)


def _region(low: Floats, high: Floats, across: Floats, size: int) -> Floats:
    degrees = float(np.degrees(np.arctan2(across[1], across[0])))
    side = max(float((high - low).max()), 1.0) * AROUND_FACE
    centre: Floats = np.asarray((low + high) / 2, np.float32)
    return region(centre, side, degrees, size)

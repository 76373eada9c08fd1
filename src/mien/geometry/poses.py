"""Estimate position and rotation of a known shape from its points in one image."""

from dataclasses import dataclass

import numpy as np

from mien.geometry.rotations import angles
from mien.types import Doubles, Floats

# Field of view of the longer side of an image, in degrees, for an unknown camera. Phones and
# webcams have 60 to 70, portraits and cut-outs far less. Too wide a value distorts a face that
# fills the image, too narrow a one does little harm: the yaw of a photo labelled 45 degrees is
# reported as 33 with 63, 37 with 40, 42 with 5.
FIELD = 40.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole without distortion."""

    focal: float  # px
    x: float  # px, where the axis meets the image
    y: float  # px

    @staticmethod
    def of(height: int, width: int, field: float = FIELD) -> "Camera":
        """The camera of a whole image, from the degrees that its longer side spans."""
        focal = max(height, width) / 2 / np.tan(np.radians(field) / 2)
        return Camera(float(focal), width / 2, height / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Rotation and position of a head relative to the camera.

    A head at the edge of an image that faces the camera has a yaw: angles are relative to the
    camera's axis, not to the line to the head.
    """

    yaw: float  # degrees, positive to image right
    pitch: float  # degrees, positive up
    roll: float  # degrees, positive clockwise on the screen
    position: Doubles  # (3,) x right, y down, z away, in the unit of the shape: its origin
    rotation: Doubles  # (3, 3), mien.geometry.rotation(yaw, pitch, roll)
    points: Doubles  # (L, 3) the points seen, unturned, in the unit of the shape
    error: float  # root mean square distance of `points` from the shape, lower is better


def solve(shape: Doubles, points: Floats, camera: Camera) -> Pose:
    """Find the pose of a shape from points with depths.

    Args:
        shape: (L, 3) points of the unturned shape; x right, y down, z away; L >= 3.
        points: (M, 3) x, y and depth, px, M >= L; depths are relative and scaled as x and y are
            at the shape's own distance. The first L are those of the shape, further ones are
            only turned back.
        camera: that saw them.

    Returns:
        The pose with the least squared distance of the points in space. Its distance from the
        camera is as accurate as the size of the shape.

    Raises:
        ValueError: a number is not finite, or the points coincide.

    Source: MediaPipe's face geometry, which finds distance and turn by turns; here in one step,
        since points in space are the distance times what they are at 1. Turn and scale as in
        Umeyama, PAMI 1991, eq. 40-43.
    """
    shape, seen = np.asarray(shape, np.float64), np.asarray(points, np.float64)
    count = len(shape)
    if not np.isfinite(seen).all() or np.ptp(seen[:count, :2], axis=0).max() <= 0:
        raise ValueError(f"No pose fits {count} points that coincide or are not finite.")
    near = _placed(seen, camera, count)
    middle, centre = shape.mean(axis=0), near[:count].mean(axis=0)
    scale, turn = _fit(shape - middle, near[:count] - centre)
    shift = centre / scale - turn @ middle
    unturned = (near / scale - shift) @ turn
    off = unturned[:count] - shape
    error = float(np.sqrt((off**2).sum(axis=1).mean()))
    return Pose(*angles(turn), shift, turn, unturned, error)


def _placed(seen: Doubles, camera: Camera, count: int) -> Doubles:
    """(M, 3) points in space, if the middle of the shape were at a distance of 1."""
    placed = np.empty((len(seen), 3))
    placed[:, 2] = 1 + (seen[:, 2] - seen[:count, 2].mean()) / camera.focal
    placed[:, :2] = (seen[:, :2] - np.array([camera.x, camera.y])) / camera.focal
    placed[:, :2] *= placed[:, 2:]
    return placed


def _fit(shape: Doubles, placed: Doubles) -> tuple[float, Doubles]:
    """Scale and (3, 3) turn from the shape to points in space, both about their middles."""
    u, sizes, vt = np.linalg.svd(placed.T @ shape)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt
    return float((sizes * sign).sum() / np.einsum("ij,ij->", shape, shape)), turn

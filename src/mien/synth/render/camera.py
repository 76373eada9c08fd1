"""Pose of the head, and projection by the camera.

Model space: mm, right-handed, x to the subject's left (image right at yaw 0), y up, z out of the
face, origin at the nasion. Camera space: x right, y down, z forward. Centres of pixels at +0.5.
"""

from dataclasses import dataclass

import numpy as np

from mien.errors import MienError
from mien.types import Doubles

PIVOT = np.array([0.0, -60.0, 0.0])  # mm: heads rotate about the top of the neck, not the nasion


@dataclass(frozen=True, slots=True)
class Pose:
    """Rotation and position of the head."""

    yaw: float = 0.0  # degrees, positive: the nose goes to image right
    pitch: float = 0.0  # degrees, positive: the nose goes up
    roll: float = 0.0  # degrees, positive: clockwise in the image
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)  # mm: image right, up, to the camera


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera in front of the face."""

    height: int = 256  # px
    width: int = 256  # px
    distance: float = 700.0  # mm from the camera to the origin of the head
    focal: float = 1.95  # focal length as a share of the longer side of the image
    centre: tuple[float, float] = (0.0, -24.0)  # mm, x and y of the point in the middle
    distortion: float = 0.0  # radial, first coefficient (k1) on coordinates over focal length
    zoom: tuple[float, float, float, float] | None = None  # left, top, right, bottom: a crop

    @property
    def focal_px(self) -> float:
        """Focal length in pixels of the whole image."""
        return self.focal * max(self.height, self.width)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the rendered image, px."""
        return self.height, self.width


def rotation(pose: Pose) -> Doubles:
    """(3, 3) matrix R of model space: turned = points @ R.T; roll after pitch after yaw."""
    yaw, pitch, roll = np.radians([pose.yaw, pose.pitch, pose.roll])
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    lean = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return np.asarray(lean @ nod @ turn, np.float64)


def place(points: Doubles, pose: Pose) -> Doubles:
    """Points of the head in model space, (V, 3), after rotation and shift."""
    moved: Doubles = (points - PIVOT) @ rotation(pose).T + PIVOT + np.asarray(pose.shift)
    return moved


def project(points: Doubles, camera: Camera) -> Doubles:
    """Project points of model space, (V, 3) mm: (V, 3) x px, y px, depth mm.

    Raises:
        MienError: all of them are behind the camera.
    """
    depth = camera.distance - points[:, 2]
    if not (depth > 1).any():
        raise MienError(
            f"The head is behind the camera: at {camera.distance:g} mm the nearest point has "
            f"depth {depth.max():g} mm. Move the camera away (distance) or the head back (shift)."
        )
    ahead = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
    x = (points[:, 0] - camera.centre[0]) / ahead
    y = -(points[:, 1] - camera.centre[1]) / ahead
    bend = 1 + camera.distortion * (x * x + y * y)
    x = x * bend * camera.focal_px + camera.width / 2
    y = y * bend * camera.focal_px + camera.height / 2
    if camera.zoom is not None:
        left, top, right, bottom = camera.zoom
        x = (x - left) * camera.width / (right - left)
        y = (y - top) * camera.height / (bottom - top)
    return np.stack([x, y, depth], axis=1)

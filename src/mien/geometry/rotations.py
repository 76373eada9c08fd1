"""Rotations of a head: yaw, pitch and roll, and matrices.

Axes are those of an image: x to its right, y down, z away from the camera. A face towards the
camera points along -z. Yaw is positive to image right, pitch up, roll clockwise on the screen.
"""

import numpy as np

from mien.types import Doubles


def rotation(yaw: float, pitch: float, roll: float) -> Doubles:
    """The matrix of a rotation: first yaw, then pitch, then roll.

    Args:
        yaw: degrees.
        pitch: degrees.
        roll: degrees.

    Returns:
        (3, 3) matrix R; a point p of the unturned head goes to R @ p. Turning the camera about its
        axis changes roll only; mirroring changes the signs of yaw and roll only.
    """
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    lean = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    matrix: Doubles = lean @ nod @ turn
    return matrix


def angles(matrix: Doubles) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a (3, 3) rotation, degrees; the inverse of `rotation`.

    Pitch lies in [-90, 90]; at its ends yaw and roll are one rotation, which is reported as roll.
    """
    sine = float(np.clip(-matrix[2, 1], -1, 1))
    pitch = float(np.degrees(np.arcsin(sine)))
    if abs(sine) > 1 - 1e-12:
        return 0.0, pitch, float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    yaw = float(np.degrees(np.arctan2(matrix[2, 0], matrix[2, 2])))
    roll = float(np.degrees(np.arctan2(-matrix[0, 1], matrix[1, 1])))
    return yaw, pitch, roll


def ahead(yaw: float, pitch: float) -> Doubles:
    """The (3,) unit vector in which a face or an eye of this yaw and pitch points."""
    a, b = np.radians([yaw, pitch])
    return np.array([np.sin(a), -np.sin(b) * np.cos(a), -np.cos(b) * np.cos(a)])


def gaze_angles(towards: Doubles) -> tuple[float, float]:
    """Yaw and pitch of a (3,) direction vector, degrees; the inverse of `ahead`.

    Yaw lies in [-90, 90]; a direction away from the camera has a pitch beyond 90.
    """
    x, y, z = towards / np.linalg.norm(towards)
    yaw = np.degrees(np.arcsin(np.clip(x, -1, 1)))
    return float(yaw), float(np.degrees(np.arctan2(-y, -z)))

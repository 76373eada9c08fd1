"""Points and the transforms between them."""

import numpy as np

from mien.types import Crop, Floats

# Left and right are as seen in the image, so POINTS[0] is the person's right eye.
POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


def similarity(source: Floats, target: Floats) -> Floats:
    """Least-squares rotation, uniform scale and shift from one point set to another.

    Args:
        source: (N, 2) x, y; at least two different points.
        target: (N, 2) x, y.

    Returns:
        (2, 3) matrix M with target ~= source @ M[:, :2].T + M[:, 2].

    Raises:
        ValueError: the source points coincide, or a number is not finite.

    Source:
        Umeyama, "Least-squares estimation of transformation parameters", PAMI 1991, eq. 40-43.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or np.ptp(a, axis=0).max() == 0:
        raise ValueError(f"No similarity transform maps {a.tolist()} to {b.tolist()}.")
    from_mean, to_mean = a.mean(0), b.mean(0)
    a, b = a - from_mean, b - to_mean
    u, spread, vt = np.linalg.svd(b.T @ a / len(a))
    flip = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * flip) @ vt
    scale = (spread * flip).sum() / a.var(0).sum()
    shift = to_mean - scale * rotation @ from_mean
    return np.hstack([scale * rotation, shift[:, None]]).astype(np.float32)


def transform(points: Floats, matrix: Floats) -> Floats:
    """Apply a (2, 3) matrix to (..., 2) points."""
    moved: Floats = np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)
    return moved


def places(crop: Crop) -> Floats:
    """Positions of the five points in such a chip: (5, 2) px."""
    centred = (np.array(crop.points) - 0.5) * crop.zoom + 0.5
    return np.asarray(centred * crop.size, dtype=np.float32)


def eye_distance(points: Floats) -> float:
    """Pixels between the eyes of (5, 2) points, or of any whose first two are the eyes."""
    return float(np.linalg.norm(points[1] - points[0]))


def pose_from_points(points: Floats) -> tuple[float, float, float]:
    """Rough head pose from the five points: yaw, pitch, roll in degrees.

    Yaw is positive when the face turns to image right, pitch positive up, roll positive
    clockwise on screen. Good to about 10 degrees for yaw and roll within +-45; pitch depends
    on how long the person's nose and chin are and is coarser. mien.landmarks is more accurate.

    Args:
        points: (5, 2) in the order of POINTS.

    Returns:
        (yaw, pitch, roll), degrees.

    Source:
        Weak perspective on a face of mean proportions: the tip of the nose stands 0.45 eye
        distances in front of the plane of eyes and mouth corners, 0.52 of the way from eyes to
        mouth (the template of ArcFace has it at 0.495, the median of MTCNN on LFW at 0.54).
    """
    p = np.asarray(points, np.float64)
    across = p[1] - p[0]
    roll = np.degrees(np.arctan2(across[1], across[0]))
    turn = np.radians(-roll)
    upright = (p - p.mean(0)) @ np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    eyes, mouth = upright[:2].mean(0), upright[3:].mean(0)
    width = max(abs(upright[1, 0] - upright[0, 0]), abs(upright[4, 0] - upright[3, 0]), 1e-6)
    height = max(mouth[1] - eyes[1], 1e-6)
    # Turning by yaw moves the nose by 0.45 sin(yaw) eye distances and narrows these by cos(yaw).
    yaw = np.degrees(np.arctan2((upright[2, 0] - (eyes[0] + mouth[0]) / 2) / width, 0.45))
    ahead = (upright[2, 1] - eyes[1]) / height - 0.52  # > 0: nose low, face turned down
    pitch = -np.degrees(np.arctan2(ahead, 0.45))
    return float(yaw), float(pitch), float(roll)

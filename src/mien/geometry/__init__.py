"""Geometry of boxes, points and transforms on arrays; no pixels."""

from mien.geometry.boxes import iou, nms, overlap, square
from mien.geometry.hulls import within
from mien.geometry.points import (
    POINTS,
    eye_distance,
    places,
    pose_from_points,
    similarity,
    transform,
)
from mien.geometry.poses import Camera, Pose
from mien.geometry.regions import back, region
from mien.geometry.rotations import ahead, angles, gaze_angles, rotation
from mien.geometry.turns import Quarter, turn_boxes_back, turn_points_back

__all__ = [
    "POINTS",
    "Camera",
    "Pose",
    "Quarter",
    "ahead",
    "angles",
    "back",
    "eye_distance",
    "gaze_angles",
    "iou",
    "nms",
    "overlap",
    "places",
    "pose_from_points",
    "region",
    "rotation",
    "similarity",
    "square",
    "transform",
    "turn_boxes_back",
    "turn_points_back",
    "within",
]

"""Boxes, points and transforms: arrays in, arrays out, no pixels."""

from mien.geometry.boxes import iou, nms, square
from mien.geometry.points import POINTS, places, pose_from_points, similarity, transform

__all__ = [
    "POINTS",
    "iou",
    "nms",
    "places",
    "pose_from_points",
    "similarity",
    "square",
    "transform",
]

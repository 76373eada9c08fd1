"""Landmarks of hands (21 points) and bodies (33 points)."""

from mien.body.bodies import Body, BodyLandmarker
from mien.body.hands import Hand, HandLandmarker
from mien.body.hands_near import HandsNear

__all__ = [
    "Body",
    "BodyLandmarker",
    "Hand",
    "HandLandmarker",
    "HandsNear",
]

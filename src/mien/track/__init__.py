"""Tracking: shot boundaries, association of faces, key faces of tracks."""

from mien.track.builder import (
    FrameFaces,
    KeyFace,
    Segment,
    TrackBuilder,
    fewest_observations,
    mean,
    selection_score,
)
from mien.track.shot_boundaries import GLANCE, ShotBoundaryDetector
from mien.track.tracker import Tracker

__all__ = [
    "GLANCE",
    "FrameFaces",
    "KeyFace",
    "Segment",
    "ShotBoundaryDetector",
    "TrackBuilder",
    "Tracker",
    "fewest_observations",
    "mean",
    "selection_score",
]

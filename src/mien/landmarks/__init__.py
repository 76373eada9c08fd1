"""A mesh on each face: 468 points, or 478 with the irises; and what it shows, as numbers."""

from mien.landmarks.blinks import Blink, blink_rate, blinks, open_level
from mien.landmarks.following import REASONS, Followed, Following
from mien.landmarks.looking import face_region, locate, look, mesh_region
from mien.landmarks.measures import UNITS, measure
from mien.landmarks.names import SUBSET_68, five_points
from mien.landmarks.poses import head_pose

__all__ = [
    "REASONS",
    "SUBSET_68",
    "UNITS",
    "Blink",
    "Followed",
    "Following",
    "blink_rate",
    "blinks",
    "face_region",
    "five_points",
    "head_pose",
    "locate",
    "look",
    "measure",
    "mesh_region",
    "open_level",
]

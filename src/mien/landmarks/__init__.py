"""A mesh on each face: 468 points, or 478 with the irises; and what it shows, over time."""

from mien.landmarks.baselines import Baseline, BaselineError, Settling
from mien.landmarks.blinks import Blink, blink_rate, blinks, open_level
from mien.landmarks.covering import PARTS, blanked
from mien.landmarks.following import REASONS, Followed, Following
from mien.landmarks.happenings import KINDS, Happening, events
from mien.landmarks.looking import face_region, locate, look, mesh_region
from mien.landmarks.measures import UNITS, measure, measure_head
from mien.landmarks.names import SUBSET_68, five_points
from mien.landmarks.poses import head_pose
from mien.landmarks.units import (
    AU_NAMES,
    AU_UNITS,
    CALIBRATED,
    SIDED,
    UNCALIBRATED,
    action_units,
)

__all__ = [
    "AU_NAMES",
    "AU_UNITS",
    "CALIBRATED",
    "KINDS",
    "PARTS",
    "REASONS",
    "SIDED",
    "SUBSET_68",
    "UNCALIBRATED",
    "UNITS",
    "Baseline",
    "BaselineError",
    "Blink",
    "Followed",
    "Following",
    "Happening",
    "Settling",
    "action_units",
    "blanked",
    "blink_rate",
    "blinks",
    "events",
    "face_region",
    "five_points",
    "head_pose",
    "locate",
    "look",
    "measure",
    "measure_head",
    "mesh_region",
    "open_level",
]

"""Face meshes of 468 points, or 478 with irises; head pose and measures; tracking over time."""

from typing import TYPE_CHECKING

from mien.deprecated import moved
from mien.landmarks.head_pose import head_pose
from mien.landmarks.measures import UNITS, measure, measure_head
from mien.landmarks.mesh_fit import (
    chip_face,
    face_region,
    fit_largest,
    fit_meshes,
    mesh_region,
    run_landmarker,
)
from mien.landmarks.mesh_tracker import REASONS, MeshTracker, TrackedMesh, mesh_box
from mien.landmarks.names import SUBSET_68, five_points

__all__ = [
    "REASONS",
    "SUBSET_68",
    "UNITS",
    "MeshTracker",
    "TrackedMesh",
    "chip_face",
    "face_region",
    "fit_largest",
    "fit_meshes",
    "five_points",
    "head_pose",
    "measure",
    "measure_head",
    "mesh_box",
    "mesh_region",
    "run_landmarker",
]

if not TYPE_CHECKING:  # a type checker shall not take every name for granted
    __getattr__ = moved(__name__)

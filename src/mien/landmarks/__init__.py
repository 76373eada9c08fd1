"""A mesh on each face: 468 points, or 478 with the irises."""

from mien.landmarks.looking import face_region, locate, look, mesh_region
from mien.landmarks.names import SUBSET_68, five_points

__all__ = ["SUBSET_68", "face_region", "five_points", "locate", "look", "mesh_region"]

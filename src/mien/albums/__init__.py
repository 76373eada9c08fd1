"""Groups of faces of unknown people: clustering with constraints, edits, undo."""

from mien.albums.clustering import cluster
from mien.albums.groups import Change, Groups, PhotoFace

__all__ = [
    "Change",
    "Groups",
    "PhotoFace",
    "cluster",
]

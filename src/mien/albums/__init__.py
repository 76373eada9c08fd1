"""Groups of faces of unknown people: constrained clustering, edits, undo."""

from mien.albums.clustering import cluster
from mien.albums.groups import Change, Groups, PhotoFace

__all__ = [
    "Change",
    "Groups",
    "PhotoFace",
    "cluster",
]

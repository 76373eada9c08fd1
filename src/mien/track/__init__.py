"""Faces followed from look to look: shots, links, the best looks of a track."""

from mien.track.gathering import Chosen, Gathering, Look, Stretch, mean, worth
from mien.track.linking import Tracker
from mien.track.shots import GLANCE, Shots

__all__ = [
    "GLANCE",
    "Chosen",
    "Gathering",
    "Look",
    "Shots",
    "Stretch",
    "Tracker",
    "mean",
    "worth",
]

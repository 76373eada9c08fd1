"""Numbers over time: smoothing for the eye, stretches above a threshold, swings to and fro."""

from mien.signals.episodes import Episode, episodes, joined, pieces
from mien.signals.one_euro import OneEuro
from mien.signals.swings import Swing, oscillations, swings

__all__ = ["Episode", "OneEuro", "Swing", "episodes", "joined", "oscillations", "pieces", "swings"]

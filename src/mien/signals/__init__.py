"""Time series: smoothing for display, episodes above a threshold, oscillations."""

from mien.signals.episodes import Episode, episodes, joined, pieces
from mien.signals.one_euro import OneEuro
from mien.signals.swings import Swing, oscillations, swings

__all__ = ["Episode", "OneEuro", "Swing", "episodes", "joined", "oscillations", "pieces", "swings"]

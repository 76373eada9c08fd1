"""Numbers over time: smoothing for the eye, and stretches above a threshold."""

from mien.signals.episodes import Episode, episodes
from mien.signals.one_euro import OneEuro

__all__ = ["Episode", "OneEuro", "episodes"]

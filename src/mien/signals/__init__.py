"""Time series and motion: smoothing, episodes, oscillations, optical flow."""

from mien.signals.episodes import Episode, episodes, joined, pieces
from mien.signals.flow import dense_flow, grey_values, optical_strain, shrink, still_motion
from mien.signals.one_euro import OneEuro
from mien.signals.swings import Swing, oscillations, swings

__all__ = [
    "Episode",
    "OneEuro",
    "Swing",
    "dense_flow",
    "episodes",
    "grey_values",
    "joined",
    "optical_strain",
    "oscillations",
    "pieces",
    "shrink",
    "still_motion",
    "swings",
]

"""Time series and motion: smoothing, episodes, oscillations, optical flow."""

from mien.signals.episodes import Episode, episodes, joined, pieces
from mien.signals.flow import dense_flow, grey_values, optical_strain, shrink, still_motion
from mien.signals.grids import grid_strength, pattern_power
from mien.signals.one_euro import OneEuro
from mien.signals.pulse import Pulse, mean_colour, pulse_of
from mien.signals.swings import Swing, oscillations, swings
from mien.signals.tracking import PlaneFit, fit_plane, follow_points, map_points

__all__ = [
    "Episode",
    "OneEuro",
    "PlaneFit",
    "Pulse",
    "Swing",
    "dense_flow",
    "episodes",
    "fit_plane",
    "follow_points",
    "grey_values",
    "grid_strength",
    "joined",
    "map_points",
    "mean_colour",
    "optical_strain",
    "oscillations",
    "pattern_power",
    "pieces",
    "pulse_of",
    "shrink",
    "still_motion",
    "swings",
]

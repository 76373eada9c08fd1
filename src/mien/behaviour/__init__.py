"""What a face does over time: neutral baseline, action units, blinks, facial events, occlusion."""

from mien.behaviour.action_units import (
    AU_NAMES,
    AU_UNITS,
    CALIBRATED,
    SIDED,
    UNCALIBRATED,
    action_units,
    smiles,
)
from mien.behaviour.baselines import Baseline, BaselineError, RunningBaseline
from mien.behaviour.blinks import Blink, blink_rate, blinks, open_level
from mien.behaviour.events import KINDS, FacialEvent, events
from mien.behaviour.occlusion import PARTS, OcclusionMonitor, without_occluded
from mien.behaviour.read_units import REPLACED, join_readings

__all__ = [
    "AU_NAMES",
    "AU_UNITS",
    "CALIBRATED",
    "KINDS",
    "PARTS",
    "REPLACED",
    "SIDED",
    "UNCALIBRATED",
    "Baseline",
    "BaselineError",
    "Blink",
    "FacialEvent",
    "OcclusionMonitor",
    "RunningBaseline",
    "action_units",
    "blink_rate",
    "blinks",
    "events",
    "join_readings",
    "open_level",
    "smiles",
    "without_occluded",
]

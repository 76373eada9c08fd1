"""Match, review or unknown: calibration, thresholds and the one rule that applies them."""

from mien.decision.calibration import (
    Calibration,
    CalibrationError,
    Point,
    calibrations,
    find_calibration,
    read_calibration,
    write_calibration,
)
from mien.decision.decide import FMR, FPIR, PRIOR, SMALL, comparable, compare, identify, weakness

__all__ = [
    "FMR",
    "FPIR",
    "PRIOR",
    "SMALL",
    "Calibration",
    "CalibrationError",
    "Point",
    "calibrations",
    "comparable",
    "compare",
    "find_calibration",
    "identify",
    "read_calibration",
    "weakness",
    "write_calibration",
]

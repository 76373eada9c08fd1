"""Decisions (match, review, unknown): calibrations, thresholds and the decision rule."""

from mien.decision.calibration import (
    Calibration,
    CalibrationError,
    Evidence,
    Point,
    calibrations,
    find_calibration,
    read_calibration,
    write_calibration,
)
from mien.decision.decide import (
    FMR,
    FPIR,
    PRIOR,
    SMALL,
    comparable,
    compare,
    identify,
    size_warning,
    weakness,
)

__all__ = [
    "FMR",
    "FPIR",
    "PRIOR",
    "SMALL",
    "Calibration",
    "CalibrationError",
    "Evidence",
    "Point",
    "calibrations",
    "comparable",
    "compare",
    "find_calibration",
    "identify",
    "read_calibration",
    "size_warning",
    "weakness",
    "write_calibration",
]

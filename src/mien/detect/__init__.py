"""Face detectors, and detection with retries."""

from mien.detect.diagnosis import REASONS, Reason, diagnose_no_face
from mien.detect.retries import Found, Turns, detect_with_retries

__all__ = ["REASONS", "Found", "Reason", "Turns", "detect_with_retries", "diagnose_no_face"]

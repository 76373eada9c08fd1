"""Face detectors, and detection with retries."""

from mien.detect.retries import REASONS, Found, Reason, Turns, detect_with_retries, diagnose_no_face

__all__ = ["REASONS", "Found", "Reason", "Turns", "detect_with_retries", "diagnose_no_face"]

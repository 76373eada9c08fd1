"""Face detectors: an image in, faces out; and how to search with them."""

from mien.detect.retries import REASONS, Found, Reason, Turns, detect_with_retries, diagnose_no_face

__all__ = ["REASONS", "Found", "Reason", "Turns", "detect_with_retries", "diagnose_no_face"]

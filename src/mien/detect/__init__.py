"""Face detectors: an image in, faces out; and how to search with them."""

from mien.detect.search import REASONS, Found, Reason, Turns, explain, find

__all__ = ["REASONS", "Found", "Reason", "Turns", "explain", "find"]

"""Animate the face of a real photograph by known amounts."""

"""Audit of what similarity scores give away about an enrolled face."""

"""Stability over time: day-to-day noise against drift over years."""

"""Liveness from colour, depth and infrared, after MMDA."""

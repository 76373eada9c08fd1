"""Protocols: trial lists, run and scored the published way; calibration."""

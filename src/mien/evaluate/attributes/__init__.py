"""Heads against labels: classes, numbers, calibration, batch leakage, explanation."""

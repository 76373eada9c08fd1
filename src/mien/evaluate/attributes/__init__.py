"""Evaluate heads against labels: classes, numbers, calibration, batch leakage, explanation."""

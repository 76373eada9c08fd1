"""Verification: comparisons of two faces, their error rates, evidence and calibration."""

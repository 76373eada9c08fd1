"""Verification: comparisons of two faces, error rates, likelihood ratios and calibration."""

"""Predict which of seven expression labels raters would select for a face."""

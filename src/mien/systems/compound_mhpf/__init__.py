"""Compound expressions from basic ones, by weights for each modality and class."""

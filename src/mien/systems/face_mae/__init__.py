"""Masked pretraining of a face transformer, and how well it predicts a face."""

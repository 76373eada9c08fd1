"""Valence and arousal over time, with their uncertainty and the descriptors behind them."""

"""Appearance: skin, hair, accessories, pulse."""

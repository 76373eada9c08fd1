"""Identification: searches in a gallery, closed and open set."""

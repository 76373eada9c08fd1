"""Data sets: recipes, samples, writing."""

"""The engine for photos: detect, judge, read, embed, match; one image in, one answer out."""

from mien.photo.pipeline import Pipeline, open_pipeline

__all__ = [
    "Pipeline",
    "open_pipeline",
]

"""The engine for images: detect, assess quality, read, embed, match; image in, answer out."""

from mien.photo.parallel import in_parallel
from mien.photo.pipeline import Pipeline, open_pipeline

__all__ = [
    "Pipeline",
    "in_parallel",
    "open_pipeline",
]

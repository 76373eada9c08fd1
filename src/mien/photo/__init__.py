"""The engine for images: detect, assess quality, read, embed, match; image in, answer out."""

from mien.photo.opening import open_pipeline
from mien.photo.parallel import in_parallel
from mien.photo.pipeline import Pipeline
from mien.photo.spreading import each_photo

__all__ = [
    "Pipeline",
    "each_photo",
    "in_parallel",
    "open_pipeline",
]

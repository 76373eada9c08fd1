"""The only place that knows the order of the steps."""

from mien.pipeline.analysis import analyze, fit_baseline
from mien.pipeline.enrolment import Enrolled, Item, enroll, items_in
from mien.pipeline.film import identify_film
from mien.pipeline.kit import Kit, open_kit
from mien.pipeline.pipeline import Pipeline, open_pipeline

__all__ = [
    "Enrolled",
    "Item",
    "Kit",
    "Pipeline",
    "analyze",
    "enroll",
    "fit_baseline",
    "identify_film",
    "items_in",
    "open_kit",
    "open_pipeline",
]

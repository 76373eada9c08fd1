"""The only place that knows the order of the steps."""

from mien.pipeline.enrolment import Enrolled, Item, enroll, items_in
from mien.pipeline.film import identify_film
from mien.pipeline.pipeline import Pipeline, open_pipeline

__all__ = [
    "Enrolled",
    "Item",
    "Pipeline",
    "enroll",
    "identify_film",
    "items_in",
    "open_pipeline",
]

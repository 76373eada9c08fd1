"""Use-cases: what Python, the command line and the server call."""

from mien.service.enrolment import Enrolled, Item, enroll, items_in
from mien.service.photo_groups import group_photos

__all__ = [
    "Enrolled",
    "Item",
    "enroll",
    "group_photos",
    "items_in",
]

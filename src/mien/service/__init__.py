"""Use-cases: what Python, the command line and the server call."""

from mien.service.auditing import audit
from mien.service.enrolment import Enrolled, Item, enroll, items_in
from mien.service.making import MadeItem, make
from mien.service.photo_groups import group_photos

__all__ = [
    "Enrolled",
    "Item",
    "MadeItem",
    "audit",
    "enroll",
    "group_photos",
    "items_in",
    "make",
]

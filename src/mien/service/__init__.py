"""Use-cases of the library: Python, the command line and the server call these functions."""

from mien.service.analyze import analyze
from mien.service.auditing import audit
from mien.service.enrolment import Enrolled, Item, enroll, items_in
from mien.service.identify import Identified, identify
from mien.service.making import MadeItem, make
from mien.service.photo_groups import group_photos
from mien.service.runs import Run
from mien.service.verify import verify
from mien.service.watch import watch_faces, watch_presence

__all__ = [
    "Enrolled",
    "Identified",
    "Item",
    "MadeItem",
    "Run",
    "analyze",
    "audit",
    "enroll",
    "group_photos",
    "identify",
    "items_in",
    "make",
    "verify",
    "watch_faces",
    "watch_presence",
]

"""Use-cases: what Python, the command line and the server call; each one function."""

from mien.service.analyze import analyze
from mien.service.enrolment import Enrolled, Item, enroll, items_in
from mien.service.identify import Identified, identify
from mien.service.photo_groups import group_photos
from mien.service.runs import Run
from mien.service.verify import verify
from mien.service.watch import watch_faces, watch_presence

__all__ = [
    "Enrolled",
    "Identified",
    "Item",
    "Run",
    "analyze",
    "enroll",
    "group_photos",
    "identify",
    "items_in",
    "verify",
    "watch_faces",
    "watch_presence",
]

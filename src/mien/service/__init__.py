"""Use-cases of the library: Python, the command line and the server call these functions."""

from typing import TYPE_CHECKING

from mien.lazy import on_use

if TYPE_CHECKING:
    from mien.service.analysis import analyze
    from mien.service.auditing import audit
    from mien.service.enrol_items import Item, items_in, region_items
    from mien.service.enrolment import Enrolled, enroll
    from mien.service.erasure import Erased, erase
    from mien.service.identification import Identified, identify
    from mien.service.liveness import (
        LivenessResult,
        check_camera,
        check_frame,
        check_liveness,
    )
    from mien.service.making import MadeItem, make
    from mien.service.photo_groups import group_photos
    from mien.service.proof import Proof, erase_with_receipt, prove_erased
    from mien.service.runs import Run
    from mien.service.verification import verify
    from mien.service.watch import watch_faces, watch_presence

__all__ = [
    "Enrolled",
    "Erased",
    "Identified",
    "Item",
    "LivenessResult",
    "MadeItem",
    "Proof",
    "Run",
    "analyze",
    "audit",
    "check_camera",
    "check_frame",
    "check_liveness",
    "enroll",
    "erase",
    "erase_with_receipt",
    "group_photos",
    "identify",
    "items_in",
    "make",
    "prove_erased",
    "region_items",
    "verify",
    "watch_faces",
    "watch_presence",
]

if not TYPE_CHECKING:
    __getattr__ = on_use(
        __name__,
        {
            "analysis": ("analyze",),
            "auditing": ("audit",),
            "enrol_items": ("Item", "items_in", "region_items"),
            "enrolment": ("Enrolled", "enroll"),
            "erasure": ("Erased", "erase"),
            "identification": ("Identified", "identify"),
            "liveness": ("LivenessResult", "check_camera", "check_frame", "check_liveness"),
            "making": ("MadeItem", "make"),
            "photo_groups": ("group_photos",),
            "proof": ("Proof", "erase_with_receipt", "prove_erased"),
            "runs": ("Run",),
            "verification": ("verify",),
            "watch": ("watch_faces", "watch_presence"),
        },
    )

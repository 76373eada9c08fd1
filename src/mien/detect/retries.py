"""Detection with retries: padding, rotation, brightening, cut and small faces."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from mien.contracts import Detector
from mien.detect.diagnosis import Reason, diagnose_no_face
from mien.detect.light import BLACK, DIM, brightened, brightest
from mien.detect.staged import Hints, Staged, no_hints, staged
from mien.detect.views import OTHER_TURNS, SAME, crosses, moved, search_around, with_room
from mien.geometry import Quarter, nms, overlap
from mien.media import turn, turn_back
from mien.types import Face, Floats, Pixels

Turns = Literal["when-needed", "never", "always"]
TIGHT = 0.25  # share of the image sides that is added around a tight crop
NEAR = 1.25  # a face smaller than this times the limit shows that there may be smaller ones


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The result of a detection with retries."""

    faces: list[Face]  # highest score first, px of the original image
    turned: Quarter = 0  # degrees clockwise of the rotation in which they were found
    padded: bool = False  # they were found only with padding around the image
    reason: Reason | None = None  # why there is no face
    brightened: bool = False  # they were found only after the image was brightened
    smallest: float | None = None  # px: smaller faces were not searched for; None: not known

    @property
    def largest(self) -> Face | None:
        """Return the face with the largest box; None without a face."""
        return max(
            self.faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])), default=None
        )

    def pixels(self, image: Pixels) -> Pixels:
        """Return the image as its faces were found in it: brightened or as it is.

        Of 80 faces of UTKFace at 12 % of their light, the embeddings of the brightened image have
        a similarity of at least 0.997 (5 % quantile) to those at full light, and 0.971 otherwise.
        """
        return brightened(image) if self.brightened else image


def detect_with_retries(
    detector: Detector, image: Pixels, turns: Turns = "when-needed", *, portrait: bool = False
) -> Found:
    """Find the faces in one image; retry where a single pass is known to fail.

    A face that fills the image is found with padding. An image without an upright face is
    rotated, and a dark one brightened. If all retries fail, the result is empty, with the most
    likely reason. If a detector can glance (see mien.detect.staged), only retries that could
    find a face are made; and where faces are found, those that the border cuts are added and,
    if one of them is small, smaller ones.

    Args:
        detector: any detector.
        image: (H, W, 3).
        turns: "never" searches upright only, "when-needed" rotates if nothing is found upright,
            "always" searches all four orientations and keeps every face.
        portrait: only the main face is wanted: faces that the border cuts, and smaller ones, are
            not added to those that are found.
    """
    stages = staged(detector)
    found = _search(stages, image, turns, portrait)
    if not found.faces and BLACK <= brightest(image) < DIM:
        again = _search(stages, brightened(image), turns, portrait)
        found = replace(again, brightened=True) if again.faces else found
    if not found.faces:
        found = replace(found, reason=diagnose_no_face(stages, image, turns=turns != "never"))
    return found


def _search(detector: Staged, image: Pixels, turns: Turns, portrait: bool) -> Found:
    """Find the faces in the allowed orientations; no diagnosis."""
    limit = detector.smallest(image)
    small = detector.reduced(image, limit)
    known = limit or None
    if turns == "always":
        return replace(_all_around(detector, image, small), smallest=known)
    glance = functools.cache(lambda: detector.glance(small, border=True))
    faces = detector.search(image, glance)
    if faces and portrait:
        return Found(faces, smallest=known)
    hints = glance()
    if faces:
        faces = _cut(detector, image, faces, hints.windows * (limit / detector.unit))
        faces, limit = _smaller(detector, image, faces, limit)
        return Found(faces, smallest=limit or None)
    # All retries, and the most certain of them: a rotated face may be found weakly in any of them.
    attempts = [_wide(detector, image, small, hints)] if len(hints.windows) else []
    if turns == "when-needed":
        attempts += [_turned(detector, image, small, degrees) for degrees in OTHER_TURNS]
    best = max(
        attempts, key=lambda one: one.faces[0].score if one.faces else 0.0, default=Found([])
    )
    return replace(best, smallest=known) if best.faces else Found([], smallest=known)


def _wide(detector: Staged, image: Pixels, small: Pixels, hints: Hints) -> Found:
    if not _likely(detector, image, small, hints):
        return Found([])
    wide, shift = with_room(image, TIGHT)
    return Found(moved(detector.search(wide, lambda: hints), -shift), padded=True)


def _turned(detector: Staged, image: Pixels, small: Pixels, degrees: Quarter) -> Found:
    hints = detector.glance(turn(small, degrees))
    if not len(hints.windows):
        return Found([])
    view = turn(image, degrees)
    if not _likely(detector, view, small, hints):
        return Found([])
    return Found(turn_back(detector.search(view, lambda: hints), degrees, image.shape), degrees)


def _likely(detector: Staged, view: Pixels, small: Pixels, hints: Hints) -> bool:
    """Return whether a search around one of the windows of a glance finds a face."""
    if hints.large:  # a face that fills the image is not found without its surroundings
        return True
    windows = hints.windows * (max(view.shape) / max(small.shape))
    fill = cv2.mean(view)[:3]
    return any(
        search_around(lambda part: detector.search(part, lambda: hints), view, window, fill)
        for window in windows
    )


def _all_around(detector: Staged, image: Pixels, small: Pixels) -> Found:
    every = [
        face
        for degrees in (0, *OTHER_TURNS)
        for face in _turned(detector, image, small, degrees).faces
    ]
    if not every:
        hints = detector.glance(small, border=True)
        return _wide(detector, image, small, hints) if len(hints.windows) else Found([])
    boxes = np.stack([face.box for face in every])
    keep = nms(boxes, np.array([face.score for face in every], np.float32), max_overlap=SAME)
    return Found([every[i] for i in keep])


def _cut(detector: Staged, image: Pixels, faces: list[Face], hints: Floats) -> list[Face]:
    """Add the faces that the border cuts; `hints` are (N, 4) windows of a glance with room."""
    return _confirmed(detector, image, faces, hints[crosses(hints, image)])


def _smaller(
    detector: Staged, image: Pixels, faces: list[Face], limit: float
) -> tuple[list[Face], float]:
    """Add faces below the limit of a large image, octave by octave, as long as there are any.

    Returns:
        The faces, and the smallest face that was searched for, px.
    """
    while limit > detector.min_face and min(f.box[2] - f.box[0] for f in faces) < NEAR * limit:
        limit, known = max(limit / 2, detector.min_face), len(faces)
        small = detector.reduced(image, limit)
        hints = detector.glance(small, largest=2 * detector.unit)
        faces = _confirmed(detector, image, faces, hints.windows * (limit / detector.unit))
        if len(faces) == known:
            break
    return faces, limit


def _confirmed(detector: Staged, image: Pixels, faces: list[Face], windows: Floats) -> list[Face]:
    """Search around the (N, 4) windows in which no face is known; add what is found in them."""
    boxes = [face.box for face in faces]
    fill = cv2.mean(image)[:3] if len(windows) else ()
    for window in windows:
        if _most(window, boxes) > SAME:
            continue
        there = search_around(lambda part: detector.search(part, no_hints), image, window, fill)
        new = [f for f in there if _most(f.box, [window]) > SAME >= _most(f.box, boxes)]
        if new:
            faces, boxes = [*faces, new[0]], [*boxes, new[0].box]
    return faces


def _most(box: Floats, others: Sequence[Floats]) -> float:
    """Return the largest share that a box has in common with one of the others."""
    return float(overlap(box[None], np.stack(others), "smaller").max())

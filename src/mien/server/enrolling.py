"""Enrolment of uploaded photos: by `mien.service.enroll`, decoded in a decoder process."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import UploadFile

from mien.contracts import Change
from mien.gallery import GuardedGallery
from mien.server.access import Caller
from mien.server.portraits import Portraits, face_picture, portraits_of
from mien.server.problems import ApiError
from mien.server.state import State
from mien.server.uploads import bytes_of, check_count, name_of
from mien.service import Enrolled, Item, enroll
from mien.types import Pixels

Box = tuple[float, float, float, float]


class Reading:
    """Decodes in the pool, and remembers the last image, of which a picture may be kept."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.last: Pixels | None = None
        self.change: Change | None = None

    def __call__(self, source: bytes, /, *, where: str) -> Pixels:
        """Decode one image."""
        self.last, self.change = self._state.decode.opened(source, where=where)
        return self.last


def boxes_of(text: str | None, count: int) -> list[Box | None]:
    """Return one box, px, or None per photo.

    Raises:
        ApiError: 422, the text is not such a list.
    """
    if text is None:
        return [None] * count
    wrong = ApiError(422, "boxes", f"`boxes` must be a JSON array of {count} boxes or nulls.")
    try:
        rows = json.loads(text)
        found = [None if row is None else tuple(map(float, row)) for row in rows]
    except (ValueError, TypeError, RecursionError):
        raise wrong from None
    if len(found) != count or any(box is not None and len(box) != 4 for box in found):
        raise wrong
    return found  # type: ignore[return-value]  # of four numbers each, as was checked


def enrol_photos(
    caller: Caller,
    known: GuardedGallery,
    gallery: str,
    name: str,
    photos: Sequence[UploadFile],
    boxes: str | None,
    *,
    allow_conflicts: bool,
    retry: bool,
) -> list[Enrolled]:
    """Enrol photos of one person; small pictures are kept if the server is set so."""
    check_count(photos, caller.state)
    done = []
    for number, (photo, box) in enumerate(
        zip(photos, boxes_of(boxes, len(photos)), strict=True), 1
    ):
        data, shown = bytes_of(photo, caller.state), name_of(photo, number)
        how: dict[str, Any] = {"allow_conflicts": allow_conflicts, "retry": retry}
        done.append(enrol_data(caller, known, gallery, name, shown, data, box, **how))
    return done


def enrol_data(
    caller: Caller,
    known: GuardedGallery,
    gallery: str,
    name: str,
    shown: str,
    data: bytes,
    box: Box | None = None,
    **how: bool,
) -> Enrolled:
    """Enrol the bytes of one photo; `how` is passed to `mien.service.enroll`."""
    state = caller.state
    pipeline = state.pipelines.searching(known)
    pipeline.gallery = None  # whom the face shows is not asked
    read, region = Reading(state), None
    with state.gate():
        if box is not None:
            height, width = read(data, where=shown).shape[:2]
            region = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
        item = Item(name, Path(shown), region, data)
        options: dict[str, Any] = dict(how)
        [one] = enroll(
            [item], pipeline, known, read=read, change_of=lambda _: read.change, **options
        )
        if state.settings.portraits and one.outcome == "enrolled" and read.last is not None:
            keep(portraits_of(caller), gallery, known, one, read.last)
    return one


def keep(
    kept: Portraits, gallery: str, known: GuardedGallery, done: Enrolled, image: Pixels
) -> None:
    """Keep a small picture of a template that was just enrolled."""
    assert done.template is not None
    for template in known.engine.templates(done.item.person):
        if template.id == done.template and template.box is not None:
            kept.put(gallery, done.template, face_picture(image, template.box))

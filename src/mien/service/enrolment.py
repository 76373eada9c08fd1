"""Enrolment from images: one at a time, each stored before the next, each with a reason."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from mien.decision.decide import MADE, SMALL
from mien.detect import REASONS
from mien.errors import ImageError
from mien.gallery import Gallery, GuardedGallery, Template
from mien.gallery.conflicts import Conflicts, strictest_limit
from mien.gallery.review import Doubt
from mien.geometry import iou
from mien.liveness.check import refusal
from mien.media import LIMITS, read_change, read_image
from mien.media.face_regions import SAME
from mien.photo import Pipeline, each_photo
from mien.photo.measuring import ChangeOf, Measured, Read, Source
from mien.photo.pipeline import dominant_face
from mien.service.enrol_items import Item
from mien.service.gate import Gate, conflict_of, doubt_of
from mien.service.runs import Run
from mien.types import Answer, Face, Floats, Liveness


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The result of the enrolment of one image."""

    item: Item
    outcome: Literal["enrolled", "refused", "already", "quarantined"]
    reason: str | None = None  # code, if refused or quarantined
    detail: str | None = None  # sentence, if refused or quarantined
    template: int | None = None  # number of the template in the gallery, or in its quarantine
    doubts: tuple[Doubt, ...] = ()  # why, with the templates that it was compared with
    liveness: Liveness | None = None  # of the face; None: not checked


def enroll(
    items: Iterable[Item],
    pipeline: Pipeline,
    gallery: Gallery,
    *,
    allow_conflicts: bool = False,
    retry: bool = False,
    review: bool = False,
    learn: str | None = None,
    run: Run | None = None,
    read: Read = read_image,
    change_of: ChangeOf = read_change,
) -> Iterator[Enrolled]:
    """Enrol images one by one; each image that is reported as enrolled is on disk.

    An image with the same bytes as an earlier one is not processed again, so a run
    that was stopped continues where it was.

    Args:
        items: the images to enrol.
        pipeline: with an embedder.
        gallery: the gallery of that embedder.
        allow_conflicts: accept an image whose face or name is like that of another person of the
            gallery.
        retry: process images again that were refused before.
        review: keep doubtful templates in quarantine, for a person to decide: conflicts, bad
            images, faces that are unlike the other templates of the person, and copies of them.
        learn: name of a group. All templates go to quarantine and can be rolled back as a group.
        run: progress and cancellation.
        read: decodes the bytes of an image; called as `read(data, where=name)`.
        change_of: returns what the bytes of an image, read before, are declared to be. An image
            that is declared as synthetic, edited or restored is refused.

    Raises:
        CalibrationError: several people, whose faces are compared, and no calibration of the
            embedder; nothing was enrolled.
    """
    run, items = run or Run(), list(items)
    conflicts: Conflicts | None = None
    if not allow_conflicts:
        conflicts = Conflicts(gallery, lambda: strictest_limit(pipeline.calibrated()))
        if len({item.person for item in items}) > 1:  # their faces will be compared
            pipeline.calibrated()  # an error before the first image, not after it

    def asked() -> Iterator[Photo | Enrolled]:
        for item in items:
            yield _asked(item, gallery, retry)

    gate: Gate | None = None
    if review or learn:
        assert isinstance(gallery, GuardedGallery)  # a bare engine has no quarantine
        gate = Gate(gallery, pipeline.calibrated, conflicts)

    def here(source: Source, name: str | None) -> Measured:
        return _measured(pipeline, read, change_of, source, name)

    then = partial(_answered, pipeline)
    answers = each_photo(asked(), pipeline, _source, then, here)
    for done in range(len(items)):
        run.step("enroll", done, len(items))
        photo, refusal, face = next(answers)
        if photo is None:
            assert refusal is not None
            yield refusal
            continue
        item = photo.item
        known = _known(item, photo.digest, gallery, retry)  # a copy may have been under way
        if known:
            yield known
            continue
        if face and gate and isinstance(gallery, GuardedGallery):
            held = _held(photo, face, gate, gallery, learn)
            if held:
                yield held
                continue
        elif face and conflicts:
            refusal = _conflict(face, item, conflicts)
        if refusal or not face:
            assert refusal is not None
            gallery.note(item.person, photo.digest, refusal.reason or "refused", _shown(item.path))
            yield refusal
            continue
        [number] = gallery.add([_template(face, item, photo.digest)])
        if conflicts:
            conflicts.add(item.person)
        yield Enrolled(item, "enrolled", template=number, liveness=face.liveness)


class Photo(NamedTuple):
    """An image that is to be enrolled."""

    item: Item
    data: bytes
    digest: str


def _asked(item: Item, gallery: Gallery, retry: bool) -> Photo | Enrolled:
    """Read an image; the result if it is unreadable, known, or of someone without a basis."""
    barred = gallery.refusal_of(item.person)
    if barred:
        return Enrolled(item, "refused", "no-basis", barred)
    data = item.data
    try:
        if data is None:
            with item.path.open("rb") as file:
                data = file.read(LIMITS.max_bytes + 1)  # the extra byte: read_image then refuses
    except OSError as error:
        return Enrolled(item, "refused", "unreadable", f"{item.path}: {error.strerror}.")
    digest = hashlib.sha256(data).hexdigest()
    return _known(item, digest, gallery, retry) or Photo(item, data, digest)


def _known(item: Item, digest: str, gallery: Gallery, retry: bool) -> Enrolled | None:
    """Return the result of an earlier run, or None if the image is to be processed."""
    seen = gallery.seen(item.person, digest)
    if not seen or (retry and seen.outcome == "refused"):
        return None
    if seen.outcome == "enrolled":
        return Enrolled(item, "already", template=seen.template)
    if seen.outcome == "quarantined":
        detail = "It waits for a decision: mien gallery quarantine list"
        return Enrolled(item, "quarantined", seen.reason, detail)
    detail = "The image was refused before; --retry processes it again."
    return Enrolled(item, "refused", seen.reason, detail)


def _source(photo: Photo | Enrolled) -> tuple[Source, str | None] | None:
    """Return the image that is to be measured; None if the result is known already."""
    return None if isinstance(photo, Enrolled) else (photo.data, str(photo.item.path))


def _measured(
    pipeline: Pipeline, read: Read, change_of: ChangeOf, source: Source, name: str | None
) -> Measured:
    """Measure an image of this process; one that was made is not measured."""
    assert isinstance(source, bytes)
    try:
        image = read(source, where=str(name))
        change = change_of(source)
    except ImageError as error:
        return Measured(error=str(error))
    if change:
        return Measured(change=change)
    return Measured(pipeline(image), None)


def _answered(
    pipeline: Pipeline, photo: Photo | Enrolled, found: Measured | None
) -> tuple[Photo | None, Enrolled | None, Face | None]:
    if isinstance(photo, Enrolled) or found is None:
        assert isinstance(photo, Enrolled)
        return None, photo, None
    return photo, *_one_face(found, photo.item, pipeline)


def _one_face(
    found: Measured, item: Item, pipeline: Pipeline
) -> tuple[Enrolled | None, Face | None]:
    """Return the face of the person, or the reason for a refusal."""

    def no(reason: str, detail: str) -> tuple[Enrolled, None]:
        return Enrolled(item, "refused", reason, detail), None

    if found.error:
        return no("unreadable", found.error)
    if found.change:
        return no(
            f"made-{found.change}",
            f"{MADE[found.change]}; only original photographs are enrolled.",
        )
    answer = found.answer
    assert answer is not None
    if not answer.faces:
        return no(f"no-face-{answer.reason}", REASONS[answer.reason or "none"])
    face, others = dominant_face(answer.faces)
    if item.region is not None:
        face = _face_in(item.region, answer)
        if face is None:
            return no("no-face-in-region", "No face was found where the region lies.")
    if face is None:
        return no(
            "several-faces",
            f"{others} faces of similar size were found; crop the image to one face.",
        )
    if pipeline.refuses and face.liveness and face.liveness.outcome != "live":
        return no(f"liveness-{face.liveness.outcome}", refusal(face.liveness))
    eyes = face.quality.measures.get("inter_eye_distance") if face.quality else None
    if eyes is not None and eyes < SMALL:
        return no(
            "too-small", f"The distance between the eyes is only {eyes:.0f} px; use a larger image."
        )
    return None, face


def _face_in(region: tuple[float, float, float, float], answer: Answer) -> Face | None:
    """Return the face that a region marks; None if none overlaps it enough."""
    height, width = answer.size
    box = np.array(region, np.float32) * np.array([width, height, width, height], np.float32)
    return face_at(box, answer.faces)


def face_at(box: Floats, faces: Sequence[Face]) -> Face | None:
    """Return the one of several faces that a (4,) box marks; None if none overlaps it enough."""
    overlaps = iou(box[None], np.stack([face.box for face in faces]))[0]
    best = int(overlaps.argmax())
    return faces[best] if overlaps[best] >= SAME else None


def _conflict(face: Face, item: Item, conflicts: Conflicts) -> Enrolled | None:
    """Return a refusal if the name or the face is like that of another person of the gallery."""
    assert face.embedding is not None
    found = conflict_of(item.person, face.embedding, conflicts)
    if found is None:
        return None
    detail = f"{found.detail} If both are correct: --allow-conflicts."
    return Enrolled(item, "refused", "conflict", detail, doubts=(doubt_of(found),))


def _held(
    photo: Photo, face: Face, gate: Gate, gallery: GuardedGallery, learn: str | None
) -> Enrolled | None:
    """Put a doubtful template into quarantine; None if there is no doubt."""
    item = photo.item
    doubts = tuple(gate.doubts(item.person, face))
    if learn:
        doubts += (Doubt("learned", f"It was learned as '{learn}'."),)
    if not doubts:
        return None
    number = gallery.quarantine(_template(face, item, photo.digest), doubts, group=learn)
    return Enrolled(item, "quarantined", doubts[0].code, doubts[0].detail, number, doubts)


def _template(face: Face, item: Item, digest: str) -> Template:
    assert face.embedding is not None
    assert face.embedder is not None
    return Template(
        item.person,
        face.embedding,
        face.embedder,
        source=_shown(item.path),
        source_digest=digest,
        quality=face.quality.components if face.quality else None,
        box=face.box,
    )


def _shown(path: Path) -> str:
    """A path as text that a gallery keeps; bytes that are not UTF-8 get a stand-in."""
    return str(path).encode("utf-8", "replace").decode()

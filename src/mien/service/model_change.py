"""The model of a gallery changes: the images of its templates are embedded again."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from mien.errors import GalleryMismatchError, ImageError
from mien.gallery import GuardedGallery, Stored
from mien.media import find_images, read_image
from mien.photo import Pipeline, in_parallel
from mien.photo.measuring import Read
from mien.photo.pipeline import dominant_face
from mien.service.enrolment import face_at
from mien.service.runs import Run
from mien.types import Face, Floats

BATCH = 32  # vectors that are stored in one transaction
Found = tuple[bytes | None, str]  # of an image; None: the code of the reason


@dataclass(frozen=True, slots=True)
class Embedded:
    """The result for one template."""

    template: int
    person: str
    source: str | None  # image that it was enrolled from
    outcome: Literal["embedded", "left"]
    reason: str | None = None  # code, if it was left: see REASONS


REASONS = {
    "no-image": "It was enrolled without an image; enrol an image of the person.",
    "missing": "Its image is not there; name a folder that has it with --images.",
    "changed": "Its image is another one than at the enrolment; name a folder that has it.",
    "unreadable": "Its image cannot be read.",
    "no-face": "No face was found where the face of the template was.",
}


def embed_beside(
    gallery: GuardedGallery,
    pipeline: Pipeline,
    *,
    images: Iterable[Path] = (),
    run: Run | None = None,
    read: Read = read_image,
) -> Iterator[Embedded]:
    """Embed the images of all templates that have no vector of the new model yet.

    The new vectors are stored in batches; the same call continues after an interruption.

    Args:
        gallery: whose model is being changed.
        pipeline: with the embedder of the second vectors, without gallery.
        images: folders that are searched for images, by their SHA-256, that are not where they
            were.
        run: progress and cancellation.
        read: decodes the bytes of an image; called as `read(data, where=name)`.

    Raises:
        GalleryMismatchError: the pipeline has another embedder.
    """
    _check(gallery, pipeline)
    elsewhere: dict[str, Path] = {}
    for path in find_images(list(images)):
        elsewhere.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    find = partial(_image, elsewhere=elsewhere)
    yield from _embed(gallery, pipeline, list(gallery.lacking()), find, run or Run(), read)


def embed_photos(
    gallery: GuardedGallery, pipeline: Pipeline, photos: Sequence[bytes], *, read: Read
) -> list[Embedded]:
    """Embed the templates that were enrolled from some photos and have no second vector yet.

    Args:
        gallery: whose model is being changed.
        pipeline: with the embedder of the second vectors, without gallery.
        photos: bytes of images; those of no such template are left out.
        read: as in `embed_beside`.

    Raises:
        GalleryMismatchError: the pipeline has another embedder.
    """
    _check(gallery, pipeline)
    known = {hashlib.sha256(data).hexdigest(): data for data in photos}
    lacking = [one for one in gallery.lacking() if one.source_digest in known]

    def find(one: Stored) -> Found:
        return known[str(one.source_digest)], ""

    return list(_embed(gallery, pipeline, lacking, find, Run(), read))


def _check(gallery: GuardedGallery, pipeline: Pipeline) -> None:
    beside = gallery.model_change()
    contract = pipeline.embedder.contract if pipeline.embedder else ""
    if beside is None or contract != beside.other:
        raise GalleryMismatchError(beside.other if beside else "no model", contract, gallery.where)


def _embed(
    gallery: GuardedGallery,
    pipeline: Pipeline,
    lacking: Sequence[Stored],
    find: Callable[[Stored], Found],
    run: Run,
    read: Read,
) -> Iterator[Embedded]:
    """Store second vectors of templates in batches; `find` returns the bytes of their images."""
    work = partial(_vector, pipeline, read, find)
    ready: dict[int, Floats] = {}
    done: list[Embedded] = []
    found = in_parallel(work, lacking, pipeline.workers)
    for number, (one, (vector, reason)) in enumerate(zip(lacking, found, strict=True)):
        run.step("embed", number, len(lacking))
        if vector is not None:
            ready[one.id] = vector
        outcome: Literal["embedded", "left"] = "left" if vector is None else "embedded"
        done.append(Embedded(one.id, one.person, one.source, outcome, reason))
        if len(ready) == BATCH or number + 1 == len(lacking):
            if ready:
                gallery.put_beside(ready)
            yield from done
            ready, done = {}, []


def _vector(
    pipeline: Pipeline, read: Read, find: Callable[[Stored], Found], one: Stored
) -> tuple[Floats | None, str | None]:
    """Return the new vector of a template, or the code of the reason why there is none."""
    data, reason = find(one)
    if data is None:
        return None, reason
    try:
        answer = pipeline(read(data, where=str(one.source)))
    except ImageError:
        return None, "unreadable"
    face = _same_face(one, answer.faces)
    return (None, "no-face") if face is None else (face.embedding, None)


def _image(one: Stored, elsewhere: dict[str, Path]) -> Found:
    """Return the bytes of the image of a template, or the code of the reason."""
    if one.source_digest is None:
        return None, "no-image"
    reason = "missing"
    for path in (Path(one.source or ""), elsewhere.get(one.source_digest)):
        try:
            data = path.read_bytes() if path is not None and path.is_file() else None
        except OSError:
            reason, data = "unreadable", None
        if data is not None:
            if hashlib.sha256(data).hexdigest() == one.source_digest:
                return data, ""
            reason = "changed"
    return None, reason


def _same_face(one: Stored, faces: Sequence[Face]) -> Face | None:
    """Return the face that the template was made of: at its place, or the only large one."""
    if not faces:
        return None
    return dominant_face(faces)[0] if one.box is None else face_at(one.box, faces)

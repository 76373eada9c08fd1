"""Detection and embedding of a folder of photos for grouping: each photo once, then stored."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mien.albums.clustering import MIXED
from mien.albums.groups import Change, Groups, PhotoFace
from mien.albums.known_people import constraints
from mien.contracts import silent
from mien.decision.decide import MADE, SMALL
from mien.errors import GalleryMismatchError, ImageError
from mien.gallery import GuardedGallery
from mien.geometry import eye_distance
from mien.media import LIMITS, read_change, read_image
from mien.photo import Pipeline, in_parallel
from mien.types import Answer, Face, OnStep


def group_photos(
    photos: Sequence[Path],
    pipeline: Pipeline,
    groups: Groups,
    on_step: OnStep | None = None,
    *,
    mixed: float = MIXED,
    gallery: GuardedGallery | None = None,
) -> tuple[Change, dict[Path, str]]:
    """Group the faces of photos; photos of earlier runs are not processed again.

    Copies of a photo, with equal bytes, count once. Photos of earlier runs that are not in
    the list are left out, and their data are kept.

    Args:
        photos: paths.
        pipeline: with embedder and detector of the groups; its calibration gives scores.
        groups: the file.
        on_step: called after each photo ("photos") and each merge ("groups").
        mixed: permitted share of groups that mix two people.
        gallery: of the same embedder; what is stated about its people counts, for faces that are
            enrolled in it and for groups with their names.

    Returns:
        The changes, and the photos that cannot be read, each with a message.

    Raises:
        GalleryMismatchError: the gallery is of another embedder.
        ContradictionError: a stated fact contradicts an edit of the groups.
    """
    contract = pipeline.embedder.contract if pipeline.embedder else ""
    if gallery is not None and gallery.embedder != contract:
        raise GalleryMismatchError(gallery.embedder, contract, gallery.where)
    lean = replace(pipeline, quality=False, gallery=None, heads=())
    failed: dict[Path, str] = {}
    done = 0

    def unknown() -> Iterator[Photo]:
        """Yield the photos to process; those of earlier runs are counted as done."""
        nonlocal done
        for path in photos:
            try:
                photo = None if groups.known(path) else _opened(path, groups)
            except ImageError as error:
                failed[path], photo = str(error), None
            if photo is None:
                done += 1
            else:
                yield photo

    report = on_step or silent
    report("photos", 0, len(photos))
    for photo, found in in_parallel(partial(_process, lean), unknown(), pipeline.workers):
        if isinstance(found, ImageError):
            failed[photo.path] = str(found)
        elif not groups.seen(photo.digest, photo.path):  # a copy may have been under way
            faces = [_sighting(face) for face in found.faces]
            groups.add(photo.digest, photo.path, faces, found.reason)
        done += 1
        if done < len(photos):
            report("photos", done, len(photos))
    report("photos", len(photos), len(photos))
    groups.only(path for path in photos if path not in failed)

    known = None if gallery is None else partial(constraints, gallery=gallery)
    change = groups.regroup(pipeline.calibrated(), mixed=mixed, known=known, on_step=on_step)
    return change, failed


class Photo(NamedTuple):
    """A photo that is processed."""

    path: Path
    data: bytes
    digest: str


def _opened(path: Path, groups: Groups) -> Photo | None:
    """Read a photo; None if its bytes are in the groups."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.max_bytes + 1)  # the extra byte makes read_image raise an error
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}).") from None
    digest = hashlib.sha256(data).hexdigest()
    return None if groups.seen(digest, path) else Photo(path, data, digest)


def _process(pipeline: Pipeline, photo: Photo) -> tuple[Photo, Answer | ImageError]:
    try:
        image = read_image(photo.data, where=str(photo.path))
        if change := read_change(photo.data):
            raise ImageError(
                f"{photo.path}: {MADE[change]}; only original photographs are grouped."
            )
        return photo, pipeline(image)
    except ImageError as error:
        return photo, error


def _sighting(face: Face) -> PhotoFace:
    assert face.embedding is not None
    assert face.points is not None
    small = eye_distance(face.points) < SMALL
    return PhotoFace(face.box, face.points, face.embedding, "too-small" if small else None)

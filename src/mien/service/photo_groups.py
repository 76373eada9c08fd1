"""Detection and embedding of a folder of photos for grouping: each photo once, then stored."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mien.albums.groups import Change, Groups, PhotoFace
from mien.decision.decide import SMALL
from mien.errors import ImageError
from mien.geometry import eye_distance
from mien.media import LIMITS, read_image
from mien.photo.pipeline import Pipeline
from mien.types import Face, OnStep


def group_photos(
    photos: Sequence[Path], pipeline: Pipeline, groups: Groups, on_step: OnStep | None = None
) -> tuple[Change, dict[Path, str]]:
    """Group the faces of photos; photos of earlier runs are not processed again.

    Copies of a photo, with equal bytes, count once. Photos of earlier runs that are not in
    the list are left out, and their data are kept.

    Args:
        photos: paths.
        pipeline: with embedder and detector of the groups; its calibration gives likelihood ratios.
        groups: the file.
        on_step: called after each photo ("photos") and each merge ("groups").

    Returns:
        The changes, and the photos that cannot be read, each with a message.
    """
    lean = replace(pipeline, quality=False, gallery=None, heads=())
    failed: dict[Path, str] = {}
    for done, path in enumerate(photos):
        if on_step:
            on_step("photos", done, len(photos))
        try:
            if not groups.known(path):
                _process(path, lean, groups)
        except ImageError as error:
            failed[path] = str(error)
    if on_step:
        on_step("photos", len(photos), len(photos))
    groups.only(path for path in photos if path not in failed)

    return groups.regroup(pipeline.calibrated().llr, on_step), failed


def _process(path: Path, pipeline: Pipeline, groups: Groups) -> None:
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.max_bytes + 1)  # the extra byte makes read_image raise an error
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}).") from None
    digest = hashlib.sha256(data).hexdigest()
    if groups.seen(digest, path):
        return
    answer = pipeline(read_image(data, where=str(path)))
    faces = [_sighting(face) for face in answer.faces]
    groups.add(digest, path, faces, answer.reason)


def _sighting(face: Face) -> PhotoFace:
    assert face.embedding is not None
    assert face.points is not None
    small = eye_distance(face.points) < SMALL
    return PhotoFace(face.box, face.points, face.embedding, "too-small" if small else None)

"""Look at a folder of photos for grouping: each photo once, on disk before the next."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mien.errors import ImageError
from mien.gallery.decide import SMALL
from mien.gallery.groups import Change, Groups, Sighting
from mien.geometry import eye_distance
from mien.media import LIMITS, read_image
from mien.pipeline.pipeline import Pipeline
from mien.types import Face

OnStep = Callable[[str, int, int], None]  # artefact, done, in all


def group_photos(
    photos: Sequence[Path], pipeline: Pipeline, groups: Groups, on_step: OnStep | None = None
) -> tuple[Change, dict[Path, str]]:
    """Group the faces of photos; a photo that was looked at before is not looked at again.

    Copies of a photo count once, told by their bytes. Photos of earlier runs that are not in the
    list are left out, and what is known about them is kept.

    Args:
        photos: paths.
        pipeline: with the embedder and detector of the groups; its calibration is the evidence.
        groups: the file.
        on_step: told after each photo ("photos") and each join ("groups").

    Returns:
        What changed, and the photos that cannot be read, each with a sentence.
    """
    lean = replace(pipeline, quality=False, gallery=None, heads=())
    failed: dict[Path, str] = {}
    for done, path in enumerate(photos):
        if on_step:
            on_step("photos", done, len(photos))
        try:
            if not groups.known(path):
                _look(path, lean, groups)
        except ImageError as error:
            failed[path] = str(error)
    if on_step:
        on_step("photos", len(photos), len(photos))
    groups.only(path for path in photos if path not in failed)

    def joined(_step: str, _artefact: str, done: int, total: int) -> None:
        if on_step:
            on_step("groups", done, total)

    return groups.regroup(pipeline.calibrated().llr, joined), failed


def _look(path: Path, pipeline: Pipeline, groups: Groups) -> None:
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.max_bytes + 1)  # read_image refuses the one byte too many
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}).") from None
    digest = hashlib.sha256(data).hexdigest()
    if groups.seen(digest, path):
        return
    answer = pipeline(read_image(data, where=str(path)))
    faces = [_sighting(face) for face in answer.faces]
    groups.add(digest, path, faces, answer.reason)


def _sighting(face: Face) -> Sighting:
    assert face.embedding is not None
    assert face.points is not None
    small = eye_distance(face.points) < SMALL
    return Sighting(face.box, face.points, face.embedding, "too-small" if small else None)

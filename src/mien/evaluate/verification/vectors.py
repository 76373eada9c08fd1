"""Embed the faces of named images, with a cache on disk."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.datasets.people import Picture
from mien.errors import ImageError, MienError
from mien.evaluate.originals import require_originals
from mien.media import read_image
from mien.photo import Pipeline
from mien.types import Floats, OnStep

SAVE_EVERY = 500  # images between two saves of the vectors


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Faces as vectors, with the names of their people."""

    vectors: Floats  # (N, D) unit length
    people: tuple[str, ...]  # (N,) names

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.people):
            raise MienError(
                f"{len(self.people)} names do not fit vectors of shape {self.vectors.shape}; give "
                "one name per row."
            )
        if not np.allclose(np.linalg.norm(self.vectors, axis=1), 1, atol=1e-3):
            raise MienError("Vectors must be finite and of length 1; divide them by their length.")


@dataclass(frozen=True, slots=True)
class Failure:
    """One image without a vector, with the reason."""

    picture: Picture
    reason: str  # a sentence


def embed_pictures(
    pictures: Sequence[Picture],
    pipeline: Pipeline,
    *,
    vectors: Path | None = None,
    on_step: OnStep | None = None,
) -> tuple[dict[Picture, Floats], list[Failure]]:
    """Find the main face of each image and embed it.

    Args:
        pictures: to read.
        pipeline: with an embedder.
        vectors: .npz file with cached vectors; those of the same embedder
            and detector and of an unchanged image are not computed again.
        on_step: called after each image.

    Returns:
        Unit vectors (D,) by image, and the images that have none, with the reason.

    Raises:
        MadeImageError: an image is declared as synthetic, edited or restored.
    """
    assert pipeline.embedder is not None
    require_originals(picture.path for picture in pictures)
    key = f"{pipeline.embedder.contract} {pipeline.detector.name}"
    kept = _open(vectors, key) if vectors else {}
    lean = replace(pipeline, quality=False, gallery=None, heads=())  # only vectors are wanted
    found: dict[Picture, Floats] = {}
    failures = []
    fresh = 0
    try:
        for number, picture in enumerate(pictures, 1):
            stamp = _stamp(picture.path)
            if stamp not in kept:
                vector = _embed(picture, lean)
                fresh += 1
            else:
                vector = kept[stamp]
            if isinstance(vector, str):
                failures.append(Failure(picture, vector))
            else:
                found[picture] = kept[stamp] = vector
            if vectors and fresh and fresh % SAVE_EVERY == 0:
                _save(vectors, key, kept)
            if on_step:
                on_step("faces", number, len(pictures))
    finally:  # also on Ctrl-C: completed vectors are saved
        if vectors and fresh:
            _save(vectors, key, kept)
    return found, failures


def _embed(picture: Picture, pipeline: Pipeline) -> Floats | str:
    """The vector of the main face, or the reason why there is none."""
    try:
        face = pipeline.main_face(read_image(picture.path))
    except ImageError as error:
        return str(error)
    if face is None or face.embedding is None:
        return f"{pipeline.detector.name} finds no face in {picture.path}."
    return face.embedding


def _stamp(path: Path) -> str:
    """A key that changes when the image changes."""
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _open(path: Path, key: str) -> dict[str, Floats]:
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as table:
            if str(table["key"]) != key:
                raise MienError(
                    f"{path} holds vectors of '{table['key']}', not of '{key}'; name another file."
                )
            return dict(zip(table["stamps"].tolist(), table["vectors"], strict=True))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise MienError(f"{path} does not hold vectors ({error}); name another file.") from None


def _save(path: Path, key: str, kept: dict[str, Floats]) -> None:
    if not kept:
        return
    part = path.with_name(path.name + ".part")  # a killed run leaves the old file intact
    with part.open("wb") as file:
        np.savez(file, key=key, stamps=list(kept), vectors=np.stack(list(kept.values())))
    part.replace(path)

"""The faces of named pictures as vectors, kept on disk between runs."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.datasets.people import Picture
from mien.errors import ImageError, MienError
from mien.media import read_image
from mien.photo import Pipeline
from mien.types import Floats, OnStep

SAVE_EVERY = 500  # pictures between two saves of the vectors


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Faces as vectors, and whose they are."""

    vectors: Floats  # (N, D) unit length
    people: tuple[str, ...]  # (N,) names

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.people):
            raise MienError(
                f"{len(self.people)} names do not fit vectors of shape {self.vectors.shape}; give "
                "one name a row."
            )
        if not np.allclose(np.linalg.norm(self.vectors, axis=1), 1, atol=1e-3):
            raise MienError("Vectors must be finite and of length 1; divide them by their length.")


@dataclass(frozen=True, slots=True)
class Failure:
    """One picture without a vector, and why."""

    picture: Picture
    reason: str  # a sentence


def embed_pictures(
    pictures: Sequence[Picture],
    pipeline: Pipeline,
    *,
    vectors: Path | None = None,
    on_step: OnStep | None = None,
) -> tuple[dict[Picture, Floats], list[Failure]]:
    """Find the main face of each picture and embed it.

    Args:
        pictures: to read.
        pipeline: with an embedder.
        vectors: .npz file that keeps the vectors; those it holds already, of the same embedder
            and detector and of an unchanged picture, are not computed again.
        on_step: told after each picture.

    Returns:
        Unit vectors (D,) by picture, and the pictures that have none, with the reason.
    """
    assert pipeline.embedder is not None
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
    finally:  # also on Ctrl-C: what is done is done
        if vectors and fresh:
            _save(vectors, key, kept)
    return found, failures


def _embed(picture: Picture, pipeline: Pipeline) -> Floats | str:
    """The vector of the main face, or why there is none."""
    try:
        face = pipeline.main_face(read_image(picture.path))
    except ImageError as error:
        return str(error)
    if face is None or face.embedding is None:
        return f"{picture.path} shows no face that {pipeline.detector.name} finds."
    return face.embedding


def _stamp(path: Path) -> str:
    """Changes when the picture does."""
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _open(path: Path, key: str) -> dict[str, Floats]:
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as table:
            if str(table["key"]) != key:
                raise MienError(
                    f"{path} keeps vectors of '{table['key']}', not of '{key}'; give another file."
                )
            return dict(zip(table["stamps"].tolist(), table["vectors"], strict=True))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise MienError(f"{path} does not keep vectors ({error}); give another file.") from None


def _save(path: Path, key: str, kept: dict[str, Floats]) -> None:
    if not kept:
        return
    part = path.with_name(path.name + ".part")  # a run that is killed leaves the old file whole
    with part.open("wb") as file:
        np.savez(file, key=key, stamps=list(kept), vectors=np.stack(list(kept.values())))
    part.replace(path)

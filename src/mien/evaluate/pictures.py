"""Named pictures, and their faces as vectors."""

import csv
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.errors import ImageError, MienError
from mien.media import find_images, read_image
from mien.pipeline import Pipeline
from mien.types import Floats

OnStep = Callable[[str, int, int], None]  # artefact, done, in all

FOLDS = 5  # into which the people of a folder are divided
COLUMNS = ("fold", "file_a", "file_b", "same")
SAVE_EVERY = 500  # pictures between two saves of the vectors


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, and whom it shows."""

    path: Path
    person: str
    fold: int  # people of two folds never meet


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


def people_in(folder: Path) -> list[Picture]:
    """Pictures in a folder with one folder a person.

    Returns:
        Pictures by name. The fold is made of the person's name alone (CRC-32 modulo 5), so it
        stays the same when people join.

    Raises:
        MienError: a picture lies beside the people's folders, or there is none.
    """
    pictures = []
    for path in find_images([folder]):
        inside = path.relative_to(folder).parts
        if len(inside) < 2:
            raise MienError(
                f"{path} belongs to nobody; put each picture into a folder named after its person, "
                "or name the pairs with --pairs."
            )
        pictures.append(Picture(path, inside[0], zlib.crc32(inside[0].encode()) % FOLDS))
    if not pictures:
        raise MienError(f"{folder} holds no pictures; give a folder with one folder a person.")
    return pictures


def people_of_pairs(pairs: Path, folder: Path) -> list[Picture]:
    """Pictures that a list of pairs names.

    Args:
        pairs: CSV with the columns fold, file_a, file_b, same. The person is the file's name
            without the last underscore and what follows: Aaron_Sorkin_0002.jpg.
        folder: that holds the files.

    Returns:
        Each picture once, in the order of its first pair.

    Raises:
        MienError: the list is not such a list, says something impossible, or a file is missing.
    """
    fold_of: dict[str, int] = {}
    for line, row in enumerate(_rows(pairs), 2):
        a, b = row["file_a"], row["file_b"]
        if (person(a) == person(b)) != (row["same"] == "1") or not row["fold"].isdigit():
            raise MienError(
                f"{pairs}, line {line}: '{a}' and '{b}', fold '{row['fold']}', same "
                f"'{row['same']}' do not fit together; correct that line."
            )
        for name in (a, b):
            if fold_of.setdefault(name, int(row["fold"])) != int(row["fold"]):
                raise MienError(
                    f"{pairs}, line {line}: {name} is in folds {fold_of[name]} and {row['fold']}; "
                    "each picture must be in one."
                )
    missing = next((name for name in fold_of if not (folder / name).is_file()), None)
    if missing or not fold_of:
        what = f"names {missing}, which is not in {folder}" if missing else "names no pictures"
        raise MienError(f"{pairs} {what}; give the list that belongs to the folder.")
    return [Picture(folder / name, person(name), fold) for name, fold in fold_of.items()]


def person(name: str) -> str:
    """Whom a file of LFW shows: Aaron_Sorkin_0002.jpg -> Aaron_Sorkin."""
    return re.sub(r"_[^_]*$", "", Path(name).stem)


def _rows(pairs: Path) -> list[dict[str, str]]:
    try:
        with pairs.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MienError(f"{pairs} cannot be read as a list of pairs ({error}).") from None
    if any(row.get(column) is None for row in rows for column in COLUMNS):
        raise MienError(f"{pairs} needs the columns {', '.join(COLUMNS)} in each line.")
    return rows


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

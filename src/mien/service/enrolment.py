"""Enrolment from images: one at a time, each stored before the next, each with a reason."""

import codecs
import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Literal

from mien.decision.decide import SMALL
from mien.detect import REASONS
from mien.errors import ImageError, MienError
from mien.gallery import Gallery, Template, clean_name
from mien.media import LIMITS, find_images, read_image
from mien.media.finding import ignore
from mien.photo.pipeline import Pipeline, dominant_face
from mien.service.runs import Run
from mien.types import Face


@dataclass(frozen=True, slots=True)
class Item:
    """One image of one person, to be enrolled."""

    person: str
    path: Path


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The result of the enrolment of one image."""

    item: Item
    outcome: Literal["enrolled", "refused", "already"]
    reason: str | None = None  # code, if refused
    detail: str | None = None  # sentence, if refused
    template: int | None = None  # number of the template in the gallery


def items_in(source: Path, *, skipped: Callable[[str], None] = ignore) -> list[Item]:
    """List images and their people.

    Args:
        source: a folder with one folder per person, a folder of `Name.jpg` files, one such file, or
            a CSV file with the columns `person` and `path` (relative to the CSV file).
        skipped: is given a sentence about each line or entry that is left out.

    Raises:
        MienError: nothing to enrol was found, or the CSV file lacks a column.
    """
    if source.suffix.lower() == ".csv":
        items = _from_csv(source, skipped)
    elif source.is_dir():
        items = []
        for path in find_images([source], skipped=skipped):
            inside = path.relative_to(source).parts
            items.append(Item(inside[0] if len(inside) > 1 else path.stem, path))
    else:
        items = [Item(path.stem, path) for path in find_images([source], skipped=skipped)]
    if not items:
        raise MienError(
            f"No images to enrol were found in {source}: expected a folder with one folder per "
            "person, images named after people, or a CSV file with the columns person and path."
        )
    return [Item(clean_name(item.person), item.path) for item in items]


def enroll(
    items: Iterable[Item],
    pipeline: Pipeline,
    gallery: Gallery,
    *,
    allow_conflicts: bool = False,
    retry: bool = False,
    run: Run | None = None,
) -> Iterator[Enrolled]:
    """Enrol images one by one; each image that is reported as enrolled is on disk.

    An image with the same bytes as an earlier one is not processed again, so a run
    that was stopped continues where it was.

    Args:
        items: the images to enrol.
        pipeline: with an embedder.
        gallery: the gallery of that embedder.
        allow_conflicts: accept an image that is similar to another person of the gallery.
        retry: process images again that were refused before.
        run: progress and cancellation.
    """
    run, items = run or Run(), list(items)
    for done, item in enumerate(items):
        run.step("enroll", done, len(items))
        try:
            with item.path.open("rb") as file:
                data = file.read(
                    LIMITS.max_bytes + 1
                )  # the extra byte makes read_image raise an error
        except OSError as error:
            yield Enrolled(item, "refused", "unreadable", f"{item.path}: {error.strerror}.")
            continue
        digest = hashlib.sha256(data).hexdigest()
        seen = gallery.seen(item.person, digest)
        if seen and (seen.outcome == "enrolled" or not retry):
            if seen.outcome == "enrolled":
                yield Enrolled(item, "already", template=seen.template)
            else:
                detail = "The image was refused before; --retry processes it again."
                yield Enrolled(item, "refused", seen.reason, detail)
            continue
        refusal, face = _one_face(data, item, pipeline)
        if face and not allow_conflicts:
            refusal = _conflict(face, item, pipeline, gallery)
        if refusal or not face:
            assert refusal is not None
            gallery.note(item.person, digest, refusal.reason or "refused", _shown(item.path))
            yield refusal
            continue
        [number] = gallery.add([_template(face, item, digest)])
        yield Enrolled(item, "enrolled", template=number)


def _one_face(data: bytes, item: Item, pipeline: Pipeline) -> tuple[Enrolled | None, Face | None]:
    """Return the face of the person, or the reason for a refusal."""

    def no(reason: str, detail: str) -> tuple[Enrolled, None]:
        return Enrolled(item, "refused", reason, detail), None

    try:
        image = read_image(data, where=str(item.path))
    except ImageError as error:
        return no("unreadable", str(error))
    answer = pipeline(image)
    if not answer.faces:
        return no(f"no-face-{answer.reason}", REASONS[answer.reason or "none"])
    face, others = dominant_face(answer.faces)
    if face is None:
        return no(
            "several-faces",
            f"{others} faces of similar size were found; crop the image to one face.",
        )
    eyes = face.quality.measures.get("inter_eye_distance") if face.quality else None
    if eyes is not None and eyes < SMALL:
        return no(
            "too-small", f"The distance between the eyes is only {eyes:.0f} px; use a larger image."
        )
    return None, face


def _conflict(face: Face, item: Item, pipeline: Pipeline, gallery: Gallery) -> Enrolled | None:
    """Return a refusal if the face is similar to another person of the gallery."""
    assert face.embedding is not None
    found = gallery.search(face.embedding[None], 1)[0]
    if not found or found[0].person == item.person:
        return None
    other = found[0]
    limit = pipeline.calibrated().strictest  # the strictest threshold that the data support
    if other.similarity <= limit.threshold:
        return None
    return Enrolled(
        item,
        "refused",
        "conflict",
        f"The face is similar to '{other.person}' (similarity {other.similarity:.3f}, above "
        f"{limit.threshold:.3f} for FMR {limit.fmr:.1g}). If both are correct: --allow-conflicts.",
    )


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


def _from_csv(source: Path, skipped: Callable[[str], None]) -> list[Item]:
    """The rows of a CSV file: comma, semicolon or tab; UTF-8, UTF-16 or Latin-1."""
    try:
        lines = _decoded(source.read_bytes()).splitlines()
    except OSError as error:
        raise MienError(f"{source} cannot be read ({error.strerror}).") from error
    reader = csv.reader(
        lines, delimiter=_delimiter(lines[0] if lines else ""), skipinitialspace=True
    )
    names = [name.strip().lower() for name in next(reader, [])]
    if not {"person", "path"} <= set(names):
        raise MienError(
            f"{source} needs the columns person and path; its first line names "
            f"{', '.join(filter(None, names)) or 'nothing'}."
        )
    person, path = names.index("person"), names.index("path")
    items = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        who, where = ("" if k >= len(cells) else cells[k].strip() for k in (person, path))
        if who and where:
            items.append(Item(who, _beside(source, where)))
        else:
            lacking = "path" if who else "person"
            skipped(f"{source}, line {reader.line_num}: {lacking} is empty; the line is left out.")
    return items


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what spreadsheets write where UTF-8 is not asked


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _beside(source: Path, where: str) -> Path:
    """A path of a row, relative to its file; those of Windows are understood elsewhere, too."""
    path = source.parent / where
    if "\\" in where and not path.exists():
        return source.parent / PureWindowsPath(where).as_posix()
    return path

"""Enrolment from images: one at a time, each stored before the next, each with a reason."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien.decision.decide import SMALL
from mien.detect import REASONS
from mien.errors import ImageError, MienError
from mien.gallery import Gallery, Template, clean_name
from mien.media import LIMITS, find_images, read_image
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


def items_in(source: Path) -> list[Item]:
    """List images and their people.

    Args:
        source: a folder with one folder per person, a folder of `Name.jpg` files, one such file, or
            a CSV file with the columns `person` and `path` (relative to the CSV file).

    Raises:
        MienError: nothing to enrol was found, or a line of the CSV file is wrong.
    """
    if source.suffix.lower() == ".csv":
        items = _from_csv(source)
    elif source.is_dir():
        items = []
        for path in find_images([source]):
            inside = path.relative_to(source).parts
            items.append(Item(inside[0] if len(inside) > 1 else path.stem, path))
    else:
        items = [Item(path.stem, path) for path in find_images([source])]
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
            gallery.note(item.person, digest, refusal.reason or "refused", str(item.path))
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
        source=str(item.path),
        source_digest=digest,
        quality=face.quality.components if face.quality else None,
        box=face.box,
    )


def _from_csv(source: Path) -> list[Item]:
    try:
        text = source.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MienError(
            f"'{source}' is not valid: expected CSV in UTF-8, found an error ({error})."
        ) from error
    reader = csv.DictReader(text.splitlines())
    missing = {"person", "path"} - set(reader.fieldnames or ())
    if missing:
        raise MienError(
            f"'{source}' is not valid: the column {' and '.join(sorted(missing))} is missing."
        )
    rows = list(reader)
    for number, row in enumerate(rows, 2):
        if not row["person"] or not row["path"]:
            raise MienError(f"{source}, line {number}: person or path is empty; fill in both.")
    return [Item(row["person"], source.parent / row["path"]) for row in rows]

"""The REST of CompreFace 1.2, so that programs written for it move by changing an address.

`mien serve --compat compreface` adds it. Its collection is the gallery `people`; its API key is a
key of this server. Two answers differ, since those of CompreFace would be untrue here:

- `similarity` is the probability that it is the same person, and above 0.5 only for a match at the
  error rate of the search. Whatever threshold from 0.5 up a program has, a stranger gets a name no
  more often than that.
- `decision` stands beside it: match, review or unknown, with the reason.

Without the scope `scores`, a similarity is 1 for a match, and else 0.

Source: docs/Rest-API-description.md of exadel-inc/CompreFace.
"""

import base64
import binascii
import json
import math
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from mien.contracts import Change
from mien.decision.decide import question_origin
from mien.gallery import GuardedGallery, clean_name
from mien.server.access import Caller, Enroller, Identifier
from mien.server.enrolling import enrol_data
from mien.server.erasing import forget_elsewhere
from mien.server.probes import Probe
from mien.server.problems import ApiError
from mien.server.rows import visible
from mien.server.uploads import clean_file_name
from mien.service import erase
from mien.service.schema import decision_row
from mien.types import Decision, Face, Pixels

router = APIRouter(prefix="/api/v1", include_in_schema=False)
GALLERY = "people"
FACT = "subject"  # of a person without a template
NO_FACE = ("no-face", "No face is found in the given image")
Limit = Annotated[int, Query(ge=0, le=1000)]
Least = Annotated[float, Query(ge=0, le=1, alias="det_prob_threshold")]
Plugins = Annotated[str, Query(alias="face_plugins", max_length=200)]


class Subject(BaseModel):
    """The name of a subject."""

    subject: str


def image_id(template: int) -> str:
    """Return the id of a template as a UUID."""
    return str(uuid.UUID(int=template))


def template_number(text: str) -> int:
    """Return the number of a template; 0, which none has, for other texts."""
    try:
        return uuid.UUID(text).int % 2**62
    except ValueError:
        return 0


async def images(request: Request) -> dict[str, tuple[str, bytes]]:
    """Return the files of a request by field, from a form or from JSON with base64."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    found: dict[str, tuple[str, bytes]] = {}
    if kind == "multipart/form-data":
        async with request.form(max_files=4, max_fields=20) as form:
            for name, value in form.items():
                if isinstance(value, UploadFile):
                    found[name] = (clean_file_name(value.filename or "image"), await value.read())
        return found
    try:
        body = await request.json()
        for name, value in body.items():
            found[name] = ("image", base64.b64decode(value, validate=True))
    except (ValueError, AttributeError, TypeError, binascii.Error):
        raise ApiError(400, "media-type", "Send a form with a file, or JSON with base64.") from None
    return found


Images = Annotated[dict[str, tuple[str, bytes]], Depends(images)]


def file_of(found: dict[str, tuple[str, bytes]], name: str, caller: Caller) -> tuple[str, bytes]:
    """Return the name and bytes of a file; refuse one that is missing or too large."""
    if name not in found or not found[name][1]:
        raise ApiError(400, "missing", f"The field {name!r} with an image is missing.")
    most = caller.state.settings.limits.photo_bytes
    if len(found[name][1]) > most:
        raise ApiError(413, "too-large", f"A photo may have at most {most:,} bytes.")
    return found[name]


def opened_photo(
    found: dict[str, tuple[str, bytes]], name: str, caller: Caller
) -> tuple[Pixels, Change | None]:
    """Decode a file of a request; its pixels, and what it is declared to be."""
    shown, data = file_of(found, name, caller)
    return caller.state.decode.opened(data, where=shown)


def face_row(face: Face, plugins: str, caller: Caller) -> dict[str, Any]:
    """Return what CompreFace answers about a face, without subjects."""
    left, top, right, bottom = (round(float(v)) for v in face.box)
    box = {"x_min": left, "y_min": top, "x_max": right, "y_max": bottom}
    row: dict[str, Any] = {"box": {"probability": round(face.score, 5), **box}}
    wanted = {one.strip() for one in plugins.split(",")}
    if "landmarks" in wanted and face.points is not None:
        row["landmarks"] = [
            [None if math.isnan(v) else round(float(v)) for v in point] for point in face.points
        ]
    if "calculator" in wanted and face.embedding is not None and caller.may("export"):
        row["embedding"] = [round(float(v), 7) for v in face.embedding]
    return row


def chosen(faces: Sequence[Face], limit: int, least: float) -> list[Face]:
    """Return the faces that are sure enough, largest first; 0: no limit."""
    sure = [face for face in faces if face.score >= least]
    sure.sort(key=lambda face: -float((face.box[2] - face.box[0]) * (face.box[3] - face.box[1])))
    if not sure:
        raise ApiError(400, *NO_FACE)
    return sure[:limit] if limit else sure


def similarity(decision: Decision, scores: bool) -> float:
    """Return the probability of the same person; above 0.5 only for a match."""
    if not scores:
        return float(decision.outcome == "match")
    probability = decision.probability or 0.0
    if decision.outcome == "match":
        return round(max(probability, 0.50001), 5)
    return round(min(probability, 0.5), 5)


def versions(models: dict[str, str]) -> dict[str, str]:
    """Return the models under the names of CompreFace."""
    names = {"detect": "detector", "embed": "calculator"}
    return {names.get(step, step): text.partition(" ")[0] for step, text in models.items()}


def opened(caller: Caller) -> GuardedGallery:
    """Return the collection of the caller."""
    return caller.gallery(GALLERY)


# ---------------------------------------------------------------------- recognition


@router.post("/recognition/recognize")
def recognize(
    files: Images,
    caller: Identifier,
    limit: Limit = 0,
    prediction_count: Annotated[int, Query(ge=1, le=100)] = 1,
    least: Least = 0.0,
    plugins: Plugins = "",
    status: bool = False,
) -> dict[str, Any]:
    """Recognise the faces of an image."""
    known, state = opened(caller), caller.state
    pipeline = state.pipelines.searching(known)
    with state.gate():
        answer = pipeline(*opened_photo(files, "file", caller))
    faces = chosen(answer.faces, limit, least)
    scores = Probe(caller, known, GALLERY, pipeline)(faces)
    rows = []
    for face in faces:
        assert face.decision is not None
        decision = visible(decision_row(face.decision), scores, pipeline.calibrated())
        rows.append(
            face_row(face, plugins, caller)
            | {"subjects": subjects_of(face.decision, prediction_count, scores)}
            | {"decision": decision}
            | ({"execution_time": milliseconds(answer.seconds)} if status else {})
        )
    return {"result": rows} | ({"plugins_versions": versions(answer.models)} if status else {})


def subjects_of(decision: Decision, count: int, scores: bool) -> list[dict[str, Any]]:
    """Return the best subjects; only the first can be a match."""
    best = similarity(decision, scores)
    rows = [{"subject": one.person, "similarity": 0.0} for one in decision.candidates[:count]]
    if rows:
        rows[0]["similarity"] = best
    if not scores:  # who else is similar is a score, too
        return rows[:1] if decision.outcome == "match" else []
    return rows


def milliseconds(seconds: dict[str, float]) -> dict[str, float]:
    """Return durations in ms under the names of CompreFace."""
    names = {"detect": "detector", "embed": "calculator"}
    return {names.get(step, step): round(1000 * time, 1) for step, time in seconds.items()}


# ---------------------------------------------------------------------- examples


@router.post("/recognition/faces", status_code=201)
def add_example(
    files: Images, caller: Enroller, subject: Annotated[str, Query(min_length=1, max_length=200)]
) -> dict[str, str]:
    """Enrol an image of a subject, who is created if unknown."""
    known, name = opened(caller), clean_name(subject)
    shown, data = file_of(files, "file", caller)
    done = enrol_data(caller, known, GALLERY, name, shown, data)
    if done.template is None:
        code, message = NO_FACE if (done.reason or "").startswith("no-face") else ("refused", "")
        raise ApiError(400, code, message or f"{done.detail}")
    return {"image_id": image_id(done.template), "subject": name}


@router.get("/recognition/faces")
def list_examples(
    caller: Enroller,
    page: Annotated[int, Query(ge=0, le=10**9)] = 0,
    size: Annotated[int, Query(ge=1, le=1000)] = 20,
    subject: str | None = None,
) -> dict[str, Any]:
    """List the enrolled images."""
    known = opened(caller)
    names = [name for name in names_of(known) if subject in (None, name)]
    rows = [
        {"image_id": image_id(template.id), "subject": name}
        for name in names
        for template in known.engine.templates(name)
    ]
    return {
        "faces": rows[page * size : (page + 1) * size],
        "page_number": page,
        "page_size": size,
        "total_pages": -(-len(rows) // size),
        "total_elements": len(rows),
    }


def names_of(known: GuardedGallery) -> list[str]:
    """Return all names, also of those without an image; a governed gallery records that."""
    known.people()
    return list(known.engine.names().values())


def example_of(known: GuardedGallery, text: str) -> tuple[int, str]:
    """Return the number and the person of an example; raise 404 without one."""
    number = template_number(text)
    for person in known.people():
        if any(one.id == number for one in known.engine.templates(person.name)):
            return number, person.name
    raise ApiError(404, "not-found", f"Image {text[:40]!r} does not exist.")


@router.delete("/recognition/faces/{image}")
def delete_example(image: str, caller: Enroller) -> dict[str, str]:
    """Erase one enrolled image."""
    known = opened(caller)
    number, name = example_of(known, image)
    known.remove(number)
    forget_elsewhere(caller, GALLERY, [], [number])
    return {"image_id": image, "subject": name}


@router.delete("/recognition/faces")
def delete_examples(caller: Enroller, subject: str | None = None) -> dict[str, int]:
    """Erase all enrolled images of a subject, or of all."""
    known = opened(caller)
    names = [name for name in names_of(known) if subject in (None, name)]
    return {"deleted": forget_all(caller, known, names)[1]}


@router.post("/recognition/faces/{image}/verify")
def verify_example(
    image: str, files: Images, caller: Identifier, least: Least = 0.0, plugins: Plugins = ""
) -> dict[str, Any]:
    """Compare the faces of an image with one enrolled image."""
    known, state = opened(caller), caller.state
    number, name = example_of(known, image)
    vector = next(one.vector for one in known.engine.templates(name) if one.id == number)
    pipeline = state.pipelines.searching(known)
    pipeline.gallery = None
    with state.gate():
        photo, change = opened_photo(files, "file", caller)
        faces = chosen(pipeline(photo).faces, 0, least)
    state.budgets.faces(caller.key, len(faces))
    scores = caller.may("scores") and (
        caller.may("admin") or state.budgets.person(caller.key, f"{GALLERY}/{name}")
    )
    enrolled = Face(faces[0].box, 1.0, embedding=vector, embedder=known.embedder)
    rows = []
    for face in faces:
        decision = question_origin(pipeline.verify(face, enrolled), change)
        row = face_row(face, plugins, caller)
        rows.append({**row, "subject": name, "similarity": similarity(decision, scores)})
    return {"result": rows}


# ---------------------------------------------------------------------- subjects


@router.get("/recognition/subjects")
@router.get("/recognition/subjects/")
def list_subjects(caller: Enroller) -> dict[str, list[str]]:
    """List the names of the collection."""
    return {"subjects": names_of(opened(caller))}


@router.post("/recognition/subjects", status_code=201)
def add_subject(body: Subject, caller: Enroller) -> dict[str, str]:
    """Make a subject that has no image yet."""
    known, name = opened(caller), clean_name(body.subject)
    refusal = known.refusal_of(name)
    if refusal:
        raise ApiError(409, "no-basis", refusal)
    if known.engine.number(name) is None:
        known.engine.put(FACT, json.dumps({"by": caller.key.id}), name)
    return {"subject": name}


@router.put("/recognition/subjects/{subject}")
def rename_subject(subject: str, body: Subject, caller: Enroller) -> dict[str, bool]:
    """Rename a subject; if the new name exists, both are merged."""
    known, name = opened(caller), clean_name(body.subject)
    if known.engine.number(name) is None:
        known.rename(subject, name)
    elif name != clean_name(subject):
        known.merge(subject, name)
    return {"updated": True}


@router.delete("/recognition/subjects/{subject}")
def delete_subject(subject: str, caller: Enroller) -> dict[str, str]:
    """Erase a subject."""
    forget_all(caller, opened(caller), [clean_name(subject)])
    return {"subject": subject}


@router.delete("/recognition/subjects")
def delete_subjects(caller: Enroller) -> dict[str, int]:
    """Erase all subjects."""
    known = opened(caller)
    return {"deleted": forget_all(caller, known, names_of(known))[0]}


def forget_all(caller: Caller, known: GuardedGallery, names: list[str]) -> tuple[int, int]:
    """Erase people; return how many, and how many templates they had."""
    if not names:
        return 0, 0
    numbers = [one.id for name in names for one in known.engine.templates(name)]
    erase(names, known)
    forget_elsewhere(caller, GALLERY, names, numbers)
    return len(names), len(numbers)


# ---------------------------------------------------------------------- other services


@router.post("/detection/detect")
def detect(
    files: Images, caller: Identifier, limit: Limit = 0, least: Least = 0.0, plugins: Plugins = ""
) -> dict[str, Any]:
    """Find the faces of an image."""
    state = caller.state
    pipeline = state.pipelines.plain()
    pipeline.quality = False
    if "calculator" not in plugins:
        pipeline.embedder = None
    with state.gate():
        answer = pipeline(*opened_photo(files, "file", caller))
    faces = chosen(answer.faces, limit, least)
    return {"result": [face_row(face, plugins, caller) for face in faces]}


@router.post("/verification/verify")
def verify(
    files: Images, caller: Identifier, limit: Limit = 0, least: Least = 0.0, plugins: Plugins = ""
) -> dict[str, Any]:
    """Compare the face of an image with all faces of another."""
    state = caller.state
    pipeline = state.pipelines.plain()
    with state.gate():
        image, change = opened_photo(files, "source_image", caller)
        other, declared = opened_photo(files, "target_image", caller)
        source, target = pipeline(image).faces, pipeline(other).faces
    first, others = chosen(source, 1, least)[0], chosen(target, limit, least)
    state.budgets.faces(caller.key, len(others))
    matches = []
    for face in others:
        decision = question_origin(pipeline.verify(first, face), change or declared)
        row = face_row(face, plugins, caller)
        matches.append({**row, "similarity": similarity(decision, caller.may("scores"))})
    return {
        "result": [{"source_image_face": face_row(first, plugins, caller), "face_matches": matches}]
    }

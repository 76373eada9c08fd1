"""Endpoints about films: upload, progress, who is on screen, name an unknown, delete."""

import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from mien.decision.decide import FPIR
from mien.gallery import Template, clean_name
from mien.media import is_film
from mien.server.access import Caller, Enroller, Reviewer
from mien.server.consents import NewBasis, basis_of
from mien.server.faces import GalleryName, Purpose, Rate
from mien.server.galleries import Body, Number
from mien.server.jobs import Job, JobFacts, Jobs, facts
from mien.server.openapi import pictures, ref, says
from mien.server.paging import Cursor, Limit, Page, page
from mien.server.portraits import picture
from mien.server.problems import ApiError, absent
from mien.server.rows import moment, visible
from mien.server.state import State
from mien.server.uploads import name_of
from mien.service.runs import forget

router = APIRouter(prefix="/v1/films", tags=["films"])
BLOCK = 1 << 20  # bytes that are copied at once
# What a film folder has beside the film: rows of the scan, so that it is made once; vectors and
# pictures of its people.
SEGMENTS, PEOPLE, FACES = "segments.log", "people.npz", "faces"


class FilmFacts(BaseModel):
    """A film and the state of its job."""

    id: str
    name: str
    gallery: str
    bytes: int
    made: str
    job: JobFacts | None
    people: int | None = Field(description="None before the first run")
    seconds: float | None = Field(description="that were analysed")
    present: bool = Field(description="False: the file is gone; send it again, PUT .../file")


class PersonNaming(Body):
    """A name for an unknown person of a film."""

    name: str = Field(min_length=1, max_length=200)
    everywhere: bool = Field(True, description="Identify again in all films of the gallery.")
    basis: NewBasis | None = None


class Named(BaseModel):
    """The result of naming a person of a film."""

    template: int
    jobs: list[str] = Field(description="that identify again, from what was scanned")


def folder(state: State, tenant: str, film: str) -> Path:
    """Return the folder of a film."""
    return state.tenants.folder(tenant, "films", film)


def file_of(place: Path) -> Path:
    """Return the file of a film within its folder; raise 404 if it is gone."""
    found = next(place.glob("film.*"), None)
    if found is None:
        raise absent("The film file")
    return found


def row_of(caller: Caller, film: str) -> Any:
    """Return the row of a film: id, gallery, name, bytes, made, result; 404 without one."""
    row = caller.state.store.one(
        "SELECT id, gallery, name, bytes, made, result FROM films WHERE id = ? AND tenant = ?",
        *(film, caller.tenant),
    )
    if row is None:
        raise absent(f"Film {film[:40]!r}")
    return row


def film_facts(caller: Caller, row: Any) -> FilmFacts:
    """Return what a list shows of a film."""
    number, gallery, name, size, made, result = row
    found = json.loads(result) if result else None
    jobs = Jobs(caller.state.store).about(caller.tenant, number, "film")
    return FilmFacts(
        id=number,
        name=name,
        gallery=gallery,
        bytes=size,
        made=moment(made) or "",
        job=facts(jobs[0]) if jobs else None,
        people=None if found is None else len(found["people"]),
        seconds=None if found is None else found["seconds"],
        present=next(folder(caller.state, caller.tenant, number).glob("film.*"), None) is not None,
    )


def submit(caller: Caller, film: str, rate: float, every: float, purpose: str | None) -> Job:
    """Queue the identification of a film."""
    spec = {"rate": rate, "every": every, "purpose": purpose, "who": caller.who}
    return Jobs(caller.state.store).submit(caller.tenant, "film", film, spec)


@router.post("", status_code=202)
def upload(
    film: Annotated[UploadFile, File(description="A film: MP4, MKV, MOV, WebM, AVI ...")],
    caller: Reviewer,
    gallery: GalleryName = "people",
    rate: Rate = FPIR,
    every: Annotated[
        float, Form(ge=0, le=60, description="Seconds between sampled frames; 0: all.")
    ] = 0.1,
    purpose: Purpose = None,
) -> FilmFacts:
    """Upload a film, which is kept until it is deleted, and identify its people as a job."""
    state, name = caller.state, name_of(film)
    caller.gallery(gallery, purpose)
    if not is_film(name):
        raise ApiError(415, "media-type", f"{name!r} has no suffix of a film, such as .mp4.")
    number = secrets.token_urlsafe(12)
    place = folder(state, caller.tenant, number)
    try:
        size, digest = store_film(film, place / f"film{Path(name).suffix.lower()}", state)
    except BaseException:
        state.tenants.delete(caller.tenant, "films", number)
        raise
    state.store.run(
        "INSERT INTO films (id, tenant, gallery, name, bytes, made, digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(number, caller.tenant, gallery, name, size, time.time(), digest),
    )
    submit(caller, number, rate, every, purpose)
    return film_facts(caller, row_of(caller, number))


def store_film(film: UploadFile, path: Path, state: State) -> tuple[int, str]:
    """Copy an uploaded film to its place; return its number of bytes and its SHA-256, hex."""
    most, size, digest = state.settings.limits.film_bytes, 0, hashlib.sha256()
    with path.open("xb") as file:
        while block := film.file.read(BLOCK):
            size += len(block)
            if size > most:
                raise ApiError(413, "too-large", f"A film may have at most {most:,} bytes.")
            file.write(block)
            digest.update(block)
    if not size:
        raise ApiError(422, "empty", "The uploaded film is empty.")
    return size, digest.hexdigest()


@router.get("")
def list_films(caller: Reviewer, cursor: Cursor = None, limit: Limit = 50) -> Page[FilmFacts]:
    """List films, newest first."""
    rows = caller.state.store.all(
        "SELECT id, gallery, name, bytes, made, result FROM films WHERE tenant = ? "
        "ORDER BY made DESC",
        caller.tenant,
    )
    found = page(rows, cursor, limit, lambda row: -row[4])
    items = [film_facts(caller, row) for row in found.items]
    return Page(items=items, next=found.next, total=found.total)


@router.get("/{film}")
def show_film(film: str, caller: Reviewer) -> FilmFacts:
    """Show a film and the progress of its job."""
    return film_facts(caller, row_of(caller, film))


@router.get(
    "/{film}/answer", responses=says({"answer": ref("film")}, "People, appearances and tracks.")
)
def film_answer(film: str, caller: Reviewer) -> Any:
    """Show who is on screen when: the answer of `mien identify`."""
    row = row_of(caller, film)
    if row[5] is None:
        raise ApiError(409, "not-ready", "The film is not identified yet; see its job.")
    found = json.loads(row[5])
    people = (found["search"] or {}).get("people")
    try:
        known = caller.gallery(row[1])
        calibration = caller.state.pipelines.searching(known).calibrated()
    except ApiError:  # the gallery is gone
        calibration = None
    return {"answer": visible(found, caller.may("scores"), calibration, people)}


@router.get("/{film}/file", response_class=FileResponse)
def film_file(film: str, caller: Reviewer) -> FileResponse:
    """Return the film, in parts if the browser asks for a range."""
    row = row_of(caller, film)
    path = file_of(folder(caller.state, caller.tenant, row[0]))
    kinds = {".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska"}
    kind = kinds.get(path.suffix, "application/octet-stream")
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "no-store"})


@router.put("/{film}/file")
def restore_film(
    film: str, file: Annotated[UploadFile, File(description="The same film.")], caller: Reviewer
) -> FilmFacts:
    """Send the file of a film again that was moved or deleted on the server; answers are kept."""
    row, name = row_of(caller, film), name_of(file)
    place = folder(caller.state, caller.tenant, row[0])
    if next(place.glob("film.*"), None) is not None:
        raise ApiError(409, "exists", "The file of this film is there.")
    part = place / "part"
    try:
        part.unlink(missing_ok=True)
        [digest] = caller.state.store.one("SELECT digest FROM films WHERE id = ?", row[0])
        size, found = store_film(file, part, caller.state)
        if size != row[3] or (digest or found) != found:
            raise ApiError(
                422, "other-film", f"{name!r} is another film: expected the same {row[3]:,} bytes."
            )
        part.replace(place / f"film{Path(row[2]).suffix.lower()}")
    finally:
        part.unlink(missing_ok=True)
    return film_facts(caller, row)


@router.get("/{film}/people/{number}/picture", responses=pictures("The best face."))
def film_person(film: str, number: Number, caller: Reviewer) -> Response:
    """Return the best face of a person of a film.

    `number` is the place in `people` of the answer, from 0.
    """
    row = row_of(caller, film)
    path = folder(caller.state, caller.tenant, row[0]) / FACES / f"{number}.jpg"
    return picture(path.read_bytes() if number >= 0 and path.exists() else None)


@router.post("/{film}/people/{number}/name")
def name_person(film: str, number: Number, body: PersonNaming, caller: Enroller) -> Named:
    """Enrol a person of a film under a name, and identify films again.

    `number` is the place in `people` of the answer, from 0.
    """
    number_, gallery, name, *_ = row_of(caller, film)
    known, person = caller.gallery(gallery), clean_name(body.name)
    found = vectors(folder(caller.state, caller.tenant, number_), known.embedder)
    if not 0 <= number < len(found) or not np.isfinite(found[number]).all():
        raise absent(f"Person {number} of the film, with a usable face,")
    if body.basis is not None:
        known.give(person, basis_of(body.basis))
    template = Template(person, found[number], known.embedder, source=f"{name}, person {number}")
    [made] = known.add([template])
    return Named(template=made, jobs=again(caller, gallery, film, everywhere=body.everywhere))


def vectors(place: Path, embedder: str) -> Any:
    """Return the (N, D) vectors of the people of a film; NaN for those without a usable face.

    Raises:
        ApiError: 409, there are none, or they are of another embedder than this contract id.
    """
    try:
        with np.load(place / PEOPLE, allow_pickle=False) as table:
            found = table["vectors"]
            made_by = str(table["embedder"]) if "embedder" in table else embedder  # before 0.2.0
    except (OSError, ValueError, KeyError):
        raise ApiError(409, "not-ready", "The film is not identified yet; see its job.") from None
    if made_by != embedder:
        raise ApiError(
            409, "not-ready", "The model of the gallery has changed: identify the film again."
        )
    return found


def again(caller: Caller, gallery: str, film: str, *, everywhere: bool) -> list[str]:
    """Queue films for another identification; what was scanned is not scanned again."""
    rows = caller.state.store.all(
        "SELECT id FROM films WHERE tenant = ? AND gallery = ? AND result IS NOT NULL",
        *(caller.tenant, gallery),
    )
    jobs = Jobs(caller.state.store)
    chosen = [one for (one,) in rows if everywhere or one == film]
    made = []
    for one in chosen:
        spec = jobs.about(caller.tenant, one, "film")[0].spec
        made.append(jobs.submit(caller.tenant, "film", one, {**spec, "who": caller.who}).id)
    return made


@router.post("/{film}/identify", status_code=202)
def identify_again(
    film: str,
    caller: Reviewer,
    rate: Rate = FPIR,
    purpose: Purpose = None,
) -> FilmFacts:
    """Identify a film again, such as after people were enrolled or at another rate."""
    row = row_of(caller, film)
    last = Jobs(caller.state.store).about(caller.tenant, film, "film")
    every = last[0].spec["every"] if last else 0.1
    submit(caller, film, rate, every, purpose)
    return film_facts(caller, row)


@router.delete("/{film}", status_code=204)
def delete_film(film: str, caller: Reviewer) -> Response:
    """Delete a film, its answer, and all that was computed from it."""
    row, state = row_of(caller, film), caller.state
    jobs = Jobs(state.store)
    for job in jobs.about(caller.tenant, row[0]):
        jobs.cancel(caller.tenant, job.id)
    with state.store.change():
        state.store.run("DELETE FROM films WHERE id = ?", row[0])
        jobs.delete(caller.tenant, row[0])
    state.tenants.delete(caller.tenant, "films", row[0])
    return Response(status_code=204)


def forget_in_films(state: State, tenant: str, gallery: str, person: str) -> int:
    """Erase the answers that name a person, and what was computed from those films.

    Other files beside a film, such as tables, may name the person, too: they are deleted of all
    films of the gallery. The films themselves are kept.

    Returns:
        The number of films whose answer named the person.
    """
    query = "SELECT id, result FROM films WHERE tenant = ? AND gallery = ?"
    changed = 0
    for number, text in state.store.all(query, tenant, gallery):
        named = text is not None and person in _names(json.loads(text))
        if named:
            state.store.run("UPDATE films SET result = NULL WHERE id = ?", number)
            changed += 1
        for path in folder(state, tenant, number).iterdir():
            kept = path.name.startswith("film.")
            if not kept and (named or path.name not in (SEGMENTS, PEOPLE, FACES)):
                forget(path)
    return changed


def _names(value: Any) -> list[str]:
    """Return all texts under the keys `person` and `label` of an answer."""
    if isinstance(value, list):
        return [name for each in value for name in _names(each)]
    if not isinstance(value, dict):
        return []
    own = [each for key, each in value.items() if key in ("person", "label")]
    inner = [name for each in value.values() for name in _names(each)]
    return [name for name in own if isinstance(name, str)] + inner

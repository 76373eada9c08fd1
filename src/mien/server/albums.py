"""Endpoints about albums: photos that the server keeps, and groups of their unknown faces."""

import hashlib
import secrets
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile
from pydantic import BaseModel, Field

from mien.albums import Groups
from mien.albums.clustering import MIXED
from mien.media import write_bytes
from mien.server.access import Caller, Reviewer
from mien.server.galleries import Body
from mien.server.jobs import JobFacts, Jobs, facts
from mien.server.openapi import pictures
from mien.server.paging import Cursor, Limit, Page, page
from mien.server.problems import absent
from mien.server.rows import moment
from mien.server.uploads import bytes_of, check_count, name_of

router = APIRouter(prefix="/v1/albums", tags=["albums"])
FILE, PHOTOS, FACES = "groups.mien", "photos", "faces"
SIGN = 16  # hex digits of the SHA-256 that name a photo
# Media types by the first bytes of a file, for browsers; all others are for download.
KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
OTHER = "application/octet-stream"


class NewAlbum(Body):
    """An album to make."""

    name: str = Field(min_length=1, max_length=200)
    gallery: str = Field("people", description="that knows the people")


class AlbumFacts(BaseModel):
    """An album."""

    id: str
    name: str
    gallery: str
    made: str
    photos: int
    groups: int = Field(description="0 before the first job")
    open: int = Field(description="questions for a person, see `/v1/review`")
    job: JobFacts | None


class StoredPhoto(BaseModel):
    """A photo of an album."""

    id: str
    name: str
    known: bool = Field(description="it was in the album before")


def folder(caller: Caller, album: str) -> Path:
    """Return the folder of an album."""
    return caller.state.tenants.folder(caller.tenant, "albums", album)


def row_of(caller: Caller, album: str) -> Any:
    """Return the row of an album: id, gallery, name, made; 404 without one."""
    row = caller.state.store.one(
        "SELECT id, gallery, name, made FROM albums WHERE id = ? AND tenant = ?",
        *(album, caller.tenant),
    )
    if row is None:
        raise absent(f"Album {album[:40]!r}")
    return row


def album_facts(caller: Caller, row: Any) -> AlbumFacts:
    """Return what a list shows of an album."""
    number, gallery, name, made = row
    place, count = folder(caller, number), 0
    if (place / FILE).exists():
        with Groups(place / FILE, made_by=None, read_only=True) as groups:
            count = groups.one("SELECT count(DISTINCT grouped) FROM faces")[0]
    [waiting] = caller.state.store.one(
        "SELECT count(*) FROM questions WHERE album = ? AND answer IS NULL", number
    )
    jobs = Jobs(caller.state.store).about(caller.tenant, number)
    return AlbumFacts(
        id=number,
        name=name,
        gallery=gallery,
        made=moment(made) or "",
        photos=sum(1 for _ in (place / PHOTOS).glob("*")),
        groups=count,
        open=waiting,
        job=facts(jobs[0]) if jobs else None,
    )


@router.get("")
def list_albums(caller: Reviewer) -> list[AlbumFacts]:
    """List albums, newest first."""
    rows = caller.state.store.all(
        "SELECT id, gallery, name, made FROM albums WHERE tenant = ? ORDER BY made DESC",
        caller.tenant,
    )
    return [album_facts(caller, row) for row in rows]


@router.post("", status_code=201)
def create_album(body: NewAlbum, caller: Reviewer) -> AlbumFacts:
    """Make an album."""
    caller.gallery(body.gallery)
    number = secrets.token_urlsafe(12)
    caller.state.store.run(
        "INSERT INTO albums VALUES (?, ?, ?, ?, ?)",
        *(number, caller.tenant, body.gallery, body.name, time.time()),
    )
    return album_facts(caller, row_of(caller, number))


@router.get("/{album}")
def show_album(album: str, caller: Reviewer) -> AlbumFacts:
    """Show an album and the progress of its job."""
    return album_facts(caller, row_of(caller, album))


@router.delete("/{album}", status_code=204)
def delete_album(album: str, caller: Reviewer) -> Response:
    """Delete an album with its photos, groups and questions."""
    row, state = row_of(caller, album), caller.state
    jobs = Jobs(state.store)
    for job in jobs.about(caller.tenant, row[0]):
        jobs.cancel(caller.tenant, job.id)
    with state.store.change():
        state.store.run("DELETE FROM albums WHERE id = ?", row[0])
        jobs.delete(caller.tenant, row[0])
    state.tenants.delete(caller.tenant, "albums", row[0])
    return Response(status_code=204)


@router.post("/{album}/photos", status_code=201)
def add_photos(
    album: str,
    photos: Annotated[list[UploadFile], File(description="Photos to keep.")],
    caller: Reviewer,
) -> list[StoredPhoto]:
    """Add photos to an album, which keeps them; then start `POST .../group`."""
    row, state = row_of(caller, album), caller.state
    check_count(photos, state)
    place = folder(caller, row[0]) / PHOTOS
    place.mkdir(exist_ok=True, mode=0o700)
    done = []
    for number, photo in enumerate(photos, 1):
        data, name = bytes_of(photo, state), name_of(photo, number)
        sign = hashlib.sha256(data).hexdigest()[:SIGN]
        known = next(place.glob(f"{sign}-*"), None) is not None
        if not known:
            write_bytes(place / f"{sign}-{name}", data)
        done.append(StoredPhoto(id=sign, name=name, known=known))
    return done


@router.get("/{album}/photos")
def list_photos(
    album: str, caller: Reviewer, cursor: Cursor = None, limit: Limit = 100
) -> Page[StoredPhoto]:
    """List the photos of an album."""
    row = row_of(caller, album)
    names = sorted(path.name for path in (folder(caller, row[0]) / PHOTOS).glob("*"))
    rows = list(enumerate(names))
    found = page(rows, cursor, limit, lambda one: one[0])
    items = [StoredPhoto(id=n[:SIGN], name=n[SIGN + 1 :], known=True) for _, n in found.items]
    return Page(items=items, next=found.next, total=found.total)


@router.get(
    "/{album}/photos/{photo}",
    response_class=Response,
    responses=pictures("The photo, as it was uploaded.", (*KINDS.values(), OTHER)),
)
def show_photo(album: str, photo: str, caller: Reviewer) -> Response:
    """Return a photo of an album."""
    row = row_of(caller, album)
    fits = len(photo) == SIGN and set(photo) <= set("0123456789abcdef")
    found = next((folder(caller, row[0]) / PHOTOS).glob(f"{photo}-*"), None) if fits else None
    if found is None:
        raise absent("The photo")
    data = found.read_bytes()
    kind = next((kind for start, kind in KINDS.items() if data.startswith(start)), OTHER)
    return Response(data, media_type=kind, headers={"Cache-Control": "no-store"})


@router.post("/{album}/group", status_code=202)
def group_album(
    album: str,
    caller: Reviewer,
    purpose: Annotated[
        str | None, Query(description="A governed gallery is searched only for a purpose.")
    ] = None,
) -> JobFacts:
    """Group the faces of an album by person, as a job; each photo is processed once.

    Groups are compared with the gallery of the album. What is uncertain becomes a question.
    """
    row = row_of(caller, album)
    caller.gallery(row[1], purpose)
    spec = {"who": caller.who, "mixed": MIXED, "purpose": purpose}
    return facts(Jobs(caller.state.store).submit(caller.tenant, "cluster", row[0], spec))

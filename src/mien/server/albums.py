"""Endpoints about albums: photos that the server keeps, and groups of their unknown faces."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile
from pydantic import BaseModel, Field

from mien.albums import Groups, edits
from mien.albums.clustering import MIXED
from mien.media import write_bytes
from mien.server.access import Caller, Enroller, Reviewer
from mien.server.consents import NewBasis, basis_of
from mien.server.galleries import Body, Id, Number
from mien.server.jobs import JobFacts, Jobs, facts
from mien.server.openapi import pictures
from mien.server.paging import Cursor, Limit, Page, page
from mien.server.portraits import picture
from mien.server.problems import ApiError, absent
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


class FaceFacts(BaseModel):
    """A face of a group; its picture is at `.../faces/{id}/picture`."""

    id: int
    photos: list[str] = Field(description="ids")
    box: list[float]
    confirmed: bool = Field(description="a person put it into this group")


class GroupFacts(BaseModel):
    """Faces that are probably one person."""

    id: int
    name: str | None
    faces: list[FaceFacts]


class Naming(Body):
    """A name for a group."""

    name: str = Field(min_length=1, max_length=200)


class Into(Body):
    """The group that remains."""

    into: Id


class Faces(Body):
    """Some faces of a group."""

    faces: list[Id] = Field(min_length=1, max_length=10_000)


class Enrol(Body):
    """Enrol a named group in the gallery of the album."""

    basis: NewBasis | None = None


class EnrolledGroup(BaseModel):
    """The templates that were enrolled."""

    person: str
    templates: list[int]


class EditFacts(BaseModel):
    """One run or edit of an album."""

    id: int
    at: str
    edit: str
    undone: bool


class Undone(BaseModel):
    """The edit that was undone."""

    edit: str


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


@contextmanager
def groups_of(caller: Caller, album: str, *, read_only: bool = False) -> Iterator[Groups]:
    """Open the groups of an album.

    Raises:
        ApiError: 404 without the album, 409 before its first job.
    """
    row = row_of(caller, album)
    path = folder(caller, row[0]) / FILE
    if not path.exists():
        raise ApiError(409, "not-ready", "The album has no groups yet; see its job.")
    with Groups(path, made_by=None, read_only=read_only) as groups:
        yield groups


def check_group(groups: Groups, group: int) -> int:
    """Return the number of a group; raise 404 if there is none."""
    if groups.one("SELECT 1 FROM groups WHERE id = ?", group) is None:
        raise absent(f"Group {group}")
    return group


def check_faces(groups: Groups, faces: list[int]) -> list[int]:
    """Return numbers of faces; raise 404 if one does not exist."""
    for face in faces:
        if not groups.has(face):
            raise absent(f"Face {face}")
    return faces


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


@router.get("/{album}/groups")
def list_groups(
    album: str, caller: Reviewer, cursor: Cursor = None, limit: Limit = 50
) -> Page[GroupFacts]:
    """List groups, largest first. A page is a part of the list as it is now."""
    with groups_of(caller, album, read_only=True) as groups:
        found = groups.groups()
    chosen = page(list(enumerate(found)), cursor, limit, lambda one: one[0])
    items = [
        GroupFacts(
            id=group.id,
            name=group.name,
            faces=[
                FaceFacts(
                    id=face.id,
                    photos=[Path(path).name[:SIGN] for path in face.paths],
                    box=[round(float(v), 1) for v in face.box],
                    confirmed=face.confirmed,
                )
                for face in group.faces
            ],
        )
        for _, group in chosen.items
    ]
    return Page(items=items, next=chosen.next, total=chosen.total)


@router.get("/{album}/faces/{face}/picture", responses=pictures("The face."))
def face_image(album: str, face: Number, caller: Reviewer) -> Response:
    """Return a small picture of a face."""
    row = row_of(caller, album)
    path = folder(caller, row[0]) / FACES / f"{face}.jpg"
    return picture(path.read_bytes() if face > 0 and path.exists() else None)


@router.post("/{album}/groups/{group}/name", status_code=204)
def name_group(album: str, group: Number, body: Naming, caller: Reviewer) -> Response:
    """Name a group; its faces are confirmed as this person."""
    with groups_of(caller, album) as groups:
        edits.rename(groups, check_group(groups, group), body.name)
    return Response(status_code=204)


@router.post("/{album}/groups/{group}/confirm", status_code=204)
def confirm_group(album: str, group: Number, caller: Reviewer) -> Response:
    """Confirm a group: its faces stay together in all later runs."""
    with groups_of(caller, album) as groups:
        edits.confirm(groups, check_group(groups, group))
    return Response(status_code=204)


@router.post("/{album}/groups/{group}/merge", status_code=204)
def merge_group(album: str, group: Number, body: Into, caller: Reviewer) -> Response:
    """Merge a group into another one, whose number and name remain."""
    with groups_of(caller, album) as groups:
        edits.merge(groups, check_group(groups, group), check_group(groups, body.into))
    return Response(status_code=204)


@router.post("/{album}/groups/{group}/split")
def split_group(album: str, group: Number, body: Faces, caller: Reviewer) -> Into:
    """Move faces of a group to a new group, as another person; `into` is its number."""
    with groups_of(caller, album) as groups:
        faces = check_faces(groups, body.faces)
        return Into(into=edits.split(groups, check_group(groups, group), faces))


@router.post("/{album}/groups/{group}/exclude", status_code=204)
def exclude_faces(album: str, group: Number, body: Faces, caller: Reviewer) -> Response:
    """Exclude faces from a group: not this person."""
    with groups_of(caller, album) as groups:
        edits.exclude(groups, check_group(groups, group), check_faces(groups, body.faces))
    return Response(status_code=204)


@router.post("/{album}/groups/{group}/faces", status_code=204)
def put_faces(album: str, group: Number, body: Faces, caller: Reviewer) -> Response:
    """Put faces of other groups into a group."""
    with groups_of(caller, album) as groups:
        edits.put(groups, check_faces(groups, body.faces), check_group(groups, group))
    return Response(status_code=204)


@router.post("/{album}/groups/{group}/enrol", status_code=201)
def enrol_group(album: str, group: Number, body: Enrol, caller: Enroller) -> EnrolledGroup:
    """Enrol the faces of a named group in the gallery of the album."""
    row = row_of(caller, album)
    known = caller.gallery(row[1])
    with groups_of(caller, album) as groups:
        check_group(groups, group)
        [name] = groups.one("SELECT name FROM groups WHERE id = ?", group)
        if name is not None and body.basis is not None:
            known.give(name, basis_of(body.basis))
        return EnrolledGroup(person=name or "", templates=enrol_in(groups, group, known))


def enrol_in(groups: Groups, group: int, known: Any) -> list[int]:
    """Enrol a named group; templates keep the name of the photo, and no path of the server."""
    return edits.enroll(groups, group, known, source=lambda path: Path(path).name[SIGN + 1 :])


@router.get("/{album}/edits")
def list_edits(album: str, caller: Reviewer) -> list[EditFacts]:
    """List runs and edits, newest first."""
    with groups_of(caller, album, read_only=True) as groups:
        lines = edits.journal(groups)
    return [
        EditFacts(id=one.id, at=one.at, edit=one.edit, undone=one.undone) for one in reversed(lines)
    ]


@router.post("/{album}/undo")
def undo_edit(album: str, caller: Reviewer) -> Undone:
    """Undo the latest edit of an album that is not undone yet."""
    with groups_of(caller, album) as groups:
        return Undone(edit=edits.undo(groups))

"""Endpoints about the groups of an album: faces, edits and undo, enrolment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mien.albums import Groups, edits
from mien.server.access import Caller, Enroller, Reviewer
from mien.server.albums import FACES, FILE, SIGN, folder, row_of
from mien.server.consents import NewBasis, basis_of
from mien.server.galleries import Body, Id, Number
from mien.server.openapi import pictures
from mien.server.paging import Cursor, Limit, Page, page
from mien.server.portraits import picture
from mien.server.problems import ApiError, absent

router = APIRouter(prefix="/v1/albums", tags=["groups"])


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

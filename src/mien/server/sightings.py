"""Where people of a gallery were last seen: films, albums and cameras, never searched photos."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mien.albums import Groups
from mien.gallery import GuardedGallery
from mien.server.access import Caller, Reviewer
from mien.server.albums import FILE, SIGN, folder
from mien.server.galleries import Gallery, Number, name_of_person
from mien.server.rows import moment
from mien.server.state import State
from mien.types import FilmAnswer

router = APIRouter(prefix="/v1/galleries/{gallery}/people", tags=["people"])
MOST = 200  # films, photos and events of one answer


class FilmSeen(BaseModel):
    """A film in which a person is on screen."""

    film: str
    name: str
    first: float = Field(description="seconds from the start of the film")
    seconds: float = Field(description="on screen")
    at: str = Field(description="when the film was identified")


class PhotoSeen(BaseModel):
    """A photo of an album whose face is in a group with the name of a person."""

    album: str
    photo: str = Field(description="id; see the album")
    name: str
    face: int = Field(description="id; see the album")


class CameraSeen(BaseModel):
    """The last event of a camera that names a person."""

    camera: str
    at: str


class Sightings(BaseModel):
    """Where a person was seen, in what this server keeps; at most 200 of each kind."""

    last: str | None
    films: list[FilmSeen]
    photos: list[PhotoSeen]
    cameras: list[CameraSeen]


def store_sightings(
    state: State, tenant: str, gallery: str, known: GuardedGallery, film: str, answer: FilmAnswer
) -> None:
    """Replace what is known about the people of one film."""
    now = time.time()
    with state.store.change():
        state.store.run("DELETE FROM sightings WHERE film = ?", film)
        starts = [(one.person, one.start) for one in answer.appearances]
        for person in answer.people:
            named = person.decision is not None and person.decision.outcome == "match"
            number = known.engine.number(person.person) if named else None
            if number is not None:
                first = min((at for who, at in starts if who == person.person), default=0.0)
                state.store.run(
                    "INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    *(tenant, gallery, number, number, film, first, person.seconds, now),
                )


def pass_sightings(state: State, tenant: str, gallery: str, old: int, new: int) -> None:
    """Give the sightings of a person who was merged to the one who remains."""
    state.store.run(
        "UPDATE sightings SET person = ? WHERE tenant = ? AND gallery = ? AND person = ?",
        *(new, tenant, gallery, old),
    )


def return_sightings(state: State, tenant: str, gallery: str, was: int, new: int) -> None:
    """Give sightings back to a person who is a person again, under a new id."""
    state.store.run(
        "UPDATE sightings SET person = ?, was = ? WHERE tenant = ? AND gallery = ? AND was = ?",
        *(new, new, tenant, gallery, was),
    )


def last_seen(caller: Caller, gallery: str, names: dict[int, str]) -> dict[int, float]:
    """Return when people were last seen, by id, in s since 1970; for those who were."""
    store, tenant = caller.state.store, caller.tenant
    found: dict[int, float] = dict(
        store.all(
            "SELECT person, max(at) FROM sightings WHERE tenant = ? AND gallery = ? "
            "GROUP BY person",
            *(tenant, gallery),
        )
    )
    by_name: dict[str, float] = dict(_cameras(caller, gallery))
    for album, made in albums_of(caller, gallery):
        with groups_in(caller, album) as groups:
            for (name,) in groups.all("SELECT name FROM groups WHERE name IS NOT NULL"):
                by_name[name] = max(made, by_name.get(name, 0.0))
    for number, name in names.items():
        if name in by_name:
            found[number] = max(by_name[name], found.get(number, 0.0))
    return found


def albums_of(caller: Caller, gallery: str) -> Iterator[tuple[str, float]]:
    """Yield the grouped albums of a gallery: id and when it was made, newest first."""
    rows = caller.state.store.all(
        "SELECT id, made FROM albums WHERE tenant = ? AND gallery = ? ORDER BY made DESC",
        *(caller.tenant, gallery),
    )
    yield from (row for row in rows if (folder(caller, row[0]) / FILE).exists())


def groups_in(caller: Caller, album: str) -> Groups:
    """Open the groups of an album for reading."""
    return Groups(folder(caller, album) / FILE, made_by=None, read_only=True)


def _cameras(caller: Caller, gallery: str) -> list[tuple[str, float]]:
    """Return the names in events of the cameras of a gallery, and when each was last named."""
    cameras = [
        one.name
        for one in caller.state.settings.cameras
        if (one.tenant, one.gallery) == (caller.tenant, gallery)
    ]
    if not cameras:
        return []
    marks = ", ".join("?" * len(cameras))
    rows = caller.state.store.all(
        f"SELECT person, max(at) FROM events WHERE tenant = ? AND camera IN ({marks}) "
        "AND person IS NOT NULL GROUP BY person",
        *(caller.tenant, *cameras),
    )
    return [(name, at) for name, at in rows]


@router.get("/{person}/seen")
def seen(gallery: Gallery, person: Number, caller: Reviewer) -> Sightings:
    """List the films, photos of albums and cameras in which a person was seen.

    A film counts from its last identification, and an album from the naming of a group.
    """
    name = name_of_person(caller.gallery(gallery), person)
    at = last_seen(caller, gallery, {person: name}).get(person)
    return Sightings(
        last=moment(at),
        films=_films(caller, gallery, person),
        photos=_photos(caller, gallery, name),
        cameras=_events(caller, gallery, name),
    )


def _films(caller: Caller, gallery: str, person: int) -> list[FilmSeen]:
    rows: list[Any] = caller.state.store.all(
        "SELECT s.film, f.name, s.first, s.seconds, s.at FROM sightings s "
        "JOIN films f ON f.id = s.film WHERE s.tenant = ? AND s.gallery = ? AND s.person = ? "
        "ORDER BY s.at DESC LIMIT ?",
        *(caller.tenant, gallery, person, MOST),
    )
    return [
        FilmSeen(film=film, name=name, first=first, seconds=seconds, at=moment(at) or "")
        for film, name, first, seconds, at in rows
    ]


def _photos(caller: Caller, gallery: str, name: str) -> list[PhotoSeen]:
    found: list[PhotoSeen] = []
    for album, _ in albums_of(caller, gallery):
        with groups_in(caller, album) as groups:
            named = [group for group in groups.groups() if group.name == name]
        for face in (face for group in named for face in group.faces):
            if len(found) == MOST:
                return found
            file = Path(face.paths[0]).name
            found.append(
                PhotoSeen(album=album, photo=file[:SIGN], name=file[SIGN + 1 :], face=face.id)
            )
    return found


def _events(caller: Caller, gallery: str, name: str) -> list[CameraSeen]:
    found = []
    for camera in caller.state.settings.cameras:
        if (camera.tenant, camera.gallery) != (caller.tenant, gallery):
            continue
        [at] = caller.state.store.one(
            "SELECT max(at) FROM events WHERE tenant = ? AND camera = ? AND person = ?",
            *(caller.tenant, camera.name, name),
        )
        if at is not None:
            found.append(CameraSeen(camera=camera.name, at=moment(at) or ""))
    return found

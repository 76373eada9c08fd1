"""Questions of the review queue, as a person sees them."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from mien.albums import Groups
from mien.server.access import Caller
from mien.server.albums import SIGN
from mien.server.groups import groups_of

SHOWN = 12  # faces of a group in a question
COLUMNS = (
    "q.id, q.album, a.gallery, q.kind, q.first, q.second, q.person, q.score, q.threshold, "
    "q.others, q.shown"
)
# The most useful question first: closest to its threshold, since there a person knows most more.
ORDER = "ORDER BY abs(coalesce(q.score - q.threshold, 0)), q.id"


class Original(BaseModel):
    """A face within its photo."""

    face: int
    photo: str = Field(description="id; see the album")
    box: list[float] = Field(description="left, top, right, bottom, px of the upright photo")


class GroupShown(BaseModel):
    """A group of a question."""

    id: int
    name: str | None
    size: int
    faces: list[int] = Field(description="ids of some of its faces; see the album")
    originals: list[Original] = Field(description="the photos of these faces")


class PersonShown(BaseModel):
    """A person of the gallery in a question."""

    id: int
    name: str


class Question(BaseModel):
    """One question for a person."""

    id: int
    kind: Literal["same", "who"] = Field(
        description="same: are the two groups one person; who: is the group this person"
    )
    album: str
    gallery: str
    groups: list[GroupShown]
    person: PersonShown | None
    others: list[PersonShown] = Field(description="who else it may be, most similar first")
    score: float | None = Field(description="None without the scope `scores`")
    threshold: float | None


def question_of(caller: Caller, row: Any) -> Question | None:
    """Return a question; None if a later edit has settled it, which closes it."""
    number, album, gallery, kind, first, second, person, score, threshold, others, faces = row
    only = json.loads(faces) if faces else [None, None]  # of a planted question
    with groups_of(caller, album, read_only=True) as groups:
        pairs = zip((first, second), only, strict=True)
        shown = [_group(groups, one, ids) for one, ids in pairs if one]
    names = caller.gallery(gallery).engine.names()
    if None in shown or (person and person not in names):
        caller.state.store.run("DELETE FROM questions WHERE id = ?", number)
        return None
    scores = caller.may("scores")
    return Question(
        id=number,
        kind=kind,
        album=album,
        gallery=gallery,
        groups=[one for one in shown if one],
        person=PersonShown(id=person, name=names[person]) if person else None,
        others=[
            PersonShown(id=one, name=names[one])
            for one in json.loads(others)
            if one in names and one != person
        ],
        score=score if scores else None,
        threshold=threshold if scores else None,
    )


def _group(groups: Groups, number: int, only: list[int] | None) -> GroupShown | None:
    """Return a group, or a part of it that a planted question shows without its name."""
    row = groups.one("SELECT name FROM groups WHERE id = ?", number)
    found = [face for face in groups.members(number) if only is None or face.id in only]
    if row is None or not found:
        return None
    return GroupShown(
        id=number,
        name=row[0] if only is None else None,
        size=len(found),
        faces=[face.id for face in found[:SHOWN]],
        originals=[
            Original(
                face=face.id,
                photo=Path(face.paths[0]).name[:SIGN],
                box=[round(float(value), 1) for value in face.box],
            )
            for face in found[:SHOWN]
            if face.paths
        ],
    )

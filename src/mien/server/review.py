"""Endpoints of the review queue: one question at a time, to be answered by a person."""

import json
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mien.albums import Groups, edits
from mien.gallery import GuardedGallery
from mien.server.access import Caller, Reviewer
from mien.server.galleries import Body, Id, Number, name_of_person
from mien.server.groups import enrol_in, groups_of
from mien.server.problems import ApiError, absent

router = APIRouter(prefix="/v1/review", tags=["review"])
SHOWN = 12  # faces of a group in a question
COLUMNS = "q.id, q.album, a.gallery, q.kind, q.first, q.second, q.person, q.score, q.threshold"
# The most useful question first: closest to its threshold, since there a person knows most more.
ORDER = "ORDER BY abs(coalesce(q.score - q.threshold, 0)), q.id"


class GroupShown(BaseModel):
    """A group of a question."""

    id: int
    name: str | None
    size: int
    faces: list[int] = Field(description="ids of some of its faces; see the album")


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
    score: float | None = Field(description="None without the scope `scores`")
    threshold: float | None


class Queue(BaseModel):
    """Questions, the most useful one first."""

    items: list[Question]
    total: int = Field(description="open questions")
    answered: int


class Reply(Body):
    """The answer of a person."""

    answer: Literal["yes", "no", "skip", "other"]
    person: Id | None = Field(None, description="for `other`: the id of the right person")
    enrol: bool = Field(True, description="for `who`: also enrol the faces, with that scope")


class Replied(BaseModel):
    """What an answer changed."""

    edits: int = Field(description="edits of the album")
    templates: list[int] = Field(description="that were enrolled")
    total: int = Field(description="questions that are still open")


class Figures(BaseModel):
    """How questions of each kind were answered."""

    kind: str
    yes: int
    no: int
    skipped: int
    open: int


def _queue(caller: Caller, album: str | None, state: str) -> tuple[str, list[Any]]:
    where = f"FROM questions q JOIN albums a ON a.id = q.album WHERE q.tenant = ? AND {state}"
    values: list[Any] = [caller.tenant]
    if album is not None:
        where, values = f"{where} AND q.album = ?", [*values, album]
    return where, values


def open_count(caller: Caller) -> int:
    """Return the number of open questions of a tenant."""
    where, values = _queue(caller, None, "q.answer IS NULL")
    return int(caller.state.store.one(f"SELECT count(*) {where}", *values)[0])


@router.get("")
def list_questions(
    caller: Reviewer,
    album: Annotated[str | None, Query(description="Only of this album.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    skipped: Annotated[bool, Query(description="Those that were skipped, instead.")] = False,
) -> Queue:
    """List questions; answer them with `POST /v1/review/{id}`."""
    store = caller.state.store
    where, values = _queue(caller, album, "q.answer = 'skip'" if skipped else "q.answer IS NULL")
    done, others = _queue(caller, album, "q.answer IS NOT NULL")
    rows = store.all(f"SELECT {COLUMNS} {where} {ORDER}", *values)
    items: list[Question] = []
    for row in rows:
        if len(items) == limit:
            break
        shown = _question(caller, row)
        if shown is not None:
            items.append(shown)
    [answered] = store.one(f"SELECT count(*) {done}", *others)
    return Queue(items=items, total=len(rows), answered=answered)


def _question(caller: Caller, row: Any) -> Question | None:
    """Return a question; None if a later edit has settled it, which closes it."""
    number, album, gallery, kind, first, second, person, score, threshold = row
    with groups_of(caller, album, read_only=True) as groups:
        shown = [_group(groups, one) for one in (first, second) if one]
    name = caller.gallery(gallery).engine.names().get(person) if person else None
    if None in shown or (person and name is None):
        caller.state.store.run("DELETE FROM questions WHERE id = ?", number)
        return None
    scores = caller.may("scores")
    return Question(
        id=number,
        kind=kind,
        album=album,
        gallery=gallery,
        groups=[one for one in shown if one],
        person=PersonShown(id=person, name=name) if name else None,
        score=score if scores else None,
        threshold=threshold if scores else None,
    )


def _group(groups: Groups, number: int) -> GroupShown | None:
    row = groups.one("SELECT name FROM groups WHERE id = ?", number)
    ids = [i for (i,) in groups.all("SELECT id FROM faces WHERE grouped = ? ORDER BY id", number)]
    if row is None or not ids:
        return None
    return GroupShown(id=number, name=row[0], size=len(ids), faces=ids[:SHOWN])


@router.get("/figures")
def figures(caller: Reviewer) -> list[Figures]:
    """Count the answers: how often the answer to an uncertain match was yes."""
    rows = caller.state.store.all(
        "SELECT kind, sum(answer IN ('yes', 'other')), sum(answer = 'no'), sum(answer = 'skip'), "
        "sum(answer IS NULL) FROM questions WHERE tenant = ? GROUP BY kind ORDER BY kind",
        caller.tenant,
    )
    return [
        Figures(kind=kind, yes=yes or 0, no=no or 0, skipped=skipped or 0, open=left)
        for kind, yes, no, skipped, left in rows
    ]


@router.post("/undo")
def undo(caller: Reviewer) -> Replied:
    """Take back the latest answer of this key: its edits and its templates."""
    store = caller.state.store
    row = store.one(
        "SELECT q.id, q.album, a.gallery, q.undo FROM questions q JOIN albums a ON a.id = q.album "
        "WHERE q.tenant = ? AND q.by = ? AND q.answer IS NOT NULL ORDER BY q.at DESC LIMIT 1",
        *(caller.tenant, caller.key.id),
    )
    if row is None:
        raise ApiError(409, "nothing-to-undo", "This key has no answer to take back.")
    number, album, gallery, text = row
    taken = json.loads(text)
    if taken["edits"]:
        with groups_of(caller, album) as groups:
            _take_back(groups, taken["edits"])
    if taken["templates"]:
        caller.gallery(gallery).remove(*taken["templates"])
    store.run("UPDATE questions SET answer = NULL, undo = NULL WHERE id = ?", number)
    return Replied(
        edits=len(taken["edits"]), templates=taken["templates"], total=open_count(caller)
    )


def _take_back(groups: Groups, numbers: list[int]) -> None:
    """Undo edits of an album by their numbers, newest first; only if no other edit followed."""
    for number in reversed(numbers):
        latest = next(
            (one.id for one in reversed(edits.journal(groups)) if _is_edit(groups, one)), None
        )
        if latest != number:
            raise ApiError(
                409,
                "edited-since",
                "The album was edited since; undo that edit of the album first.",
            )
        edits.undo(groups)


def _is_edit(groups: Groups, line: edits.Line) -> bool:
    [before] = groups.one("SELECT before FROM journal WHERE id = ?", line.id)
    return before is not None and not line.undone


@router.post("/{question}")
def answer(question: Number, body: Reply, caller: Reviewer) -> Replied:
    """Answer a question: yes, no, skip, or other (another person)."""
    store = caller.state.store
    row = store.one(
        f"SELECT {COLUMNS} FROM questions q JOIN albums a ON a.id = q.album "
        "WHERE q.id = ? AND q.tenant = ? AND coalesce(q.answer, 'skip') = 'skip'",
        *(question, caller.tenant),
    )
    if row is None:
        raise absent(f"An open question {question}")
    _, album, gallery, kind, first, second, person, *_ = row
    if (body.answer == "other") != (body.person is not None) or (
        kind == "same" and body.answer == "other"
    ):
        raise ApiError(422, "answer", "`other` is for `who`, with the id of a person.")
    made, templates = list[int](), list[int]()
    if body.answer != "skip":
        with groups_of(caller, album) as groups:
            before = _last(groups)
            if kind == "same":
                _same(groups, first, second, yes=body.answer == "yes")
            elif body.answer != "no":
                known = caller.gallery(gallery)
                templates = _who(groups, first, known, body.person or person, body, caller)
            made = [
                number
                for (number,) in groups.all(
                    "SELECT id FROM journal WHERE id > ? AND before IS NOT NULL ORDER BY id", before
                )
            ]
    store.run(
        "UPDATE questions SET answer = ?, undo = ?, by = ?, at = ? WHERE id = ?",
        *(body.answer, json.dumps({"edits": made, "templates": templates})),
        *(caller.key.id, time.time(), question),
    )
    return Replied(edits=len(made), templates=templates, total=open_count(caller))


def _last(groups: Groups) -> int:
    return int(groups.one("SELECT coalesce(max(id), 0) FROM journal")[0])


def _same(groups: Groups, first: int, second: int, *, yes: bool) -> None:
    """Merge two groups, or confirm that they are two people."""
    if not yes:
        edits.confirm(groups, first)
        edits.confirm(groups, second)
        return
    names = dict(groups.all("SELECT id, name FROM groups WHERE id IN (?, ?)", first, second))
    keep, go = (first, second) if names.get(first) or not names.get(second) else (second, first)
    edits.merge(groups, go, keep)


def _who(
    groups: Groups,
    group: int,
    known: GuardedGallery,
    person: int,
    body: Reply,
    caller: Caller,
) -> list[int]:
    """Give a group the name of a person, and enrol its faces; return the new templates."""
    name = name_of_person(known, person)
    other = groups.one("SELECT id FROM groups WHERE name = ? AND id != ?", name, group)
    if other is not None:
        edits.merge(groups, group, other[0])
        group = other[0]
    else:
        edits.rename(groups, group, name)
    if not (body.enrol and caller.may("enrol")):
        return []
    before = known.engine.last()
    return [one for one in enrol_in(groups, group, known) if one > before]

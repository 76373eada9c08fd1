"""Endpoints of the review queue: one question at a time, to be answered by a person."""

import json
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mien.albums import Groups, edits
from mien.errors import GalleryError
from mien.gallery import GuardedGallery
from mien.server.access import Caller, Reviewer
from mien.server.galleries import Body, Id, Number, name_of_person
from mien.server.groups import enrol_in, groups_of
from mien.server.planting import plant
from mien.server.problems import ApiError, absent
from mien.server.questions import COLUMNS, ORDER, Question, question_of

router = APIRouter(prefix="/v1/review", tags=["review"])


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
    all: bool = Field(
        False, description="with `yes`: the same for all open `same` questions of the first group"
    )


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
        shown = question_of(caller, row)
        if shown is not None:
            items.append(shown)
    [answered] = store.one(f"SELECT count(*) {done}", *others)
    return Queue(items=items, total=len(rows), answered=answered)


@router.get("/figures")
def figures(caller: Reviewer) -> list[Figures]:
    """Count the answers: how often the answer to an uncertain match was yes."""
    rows = caller.state.store.all(
        "SELECT kind, sum(CASE WHEN answer IN ('yes', 'other') THEN 1 ELSE 0 END), "
        "sum(CASE WHEN answer = 'no' THEN 1 ELSE 0 END), "
        "sum(CASE WHEN answer = 'skip' THEN 1 ELSE 0 END), "
        "sum(CASE WHEN answer IS NULL THEN 1 ELSE 0 END) "
        "FROM questions WHERE tenant = ? AND planted IS NULL GROUP BY kind ORDER BY kind",
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
    with store.change():
        for one in (number, *taken["also"]):
            store.run(
                "UPDATE questions SET answer = NULL, undo = NULL, by = NULL WHERE id = ?", one
            )
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
        "SELECT q.album, a.gallery, q.kind, q.first, q.second, q.person, q.planted "
        "FROM questions q JOIN albums a ON a.id = q.album "
        "WHERE q.id = ? AND q.tenant = ? AND coalesce(q.answer, 'skip') = 'skip'",
        *(question, caller.tenant),
    )
    if row is None:
        raise absent(f"An open question {question}")
    album, gallery, kind, first, second, person, planted = row
    if (body.answer == "other") != (body.person is not None) or (
        kind == "same" and body.answer == "other"
    ):
        raise ApiError(422, "answer", "`other` is for `who`, with the id of a person.")
    if body.all and body.answer != "yes":
        raise ApiError(422, "answer", "`all` is for `yes`.")
    made, templates, also = list[int](), list[int](), list[int]()
    if body.answer != "skip" and planted is None:
        with groups_of(caller, album) as groups:
            before = _last(groups)
            if body.all:
                first, also = _all_of(caller, groups, album, question, first)
            if kind == "same" and not (
                body.all and (first == second or _gone(groups, first, second))
            ):
                _same(groups, first, second, yes=body.answer == "yes")
            elif kind == "who" and body.answer != "no":
                known = caller.gallery(gallery)
                templates = _who(groups, first, known, body.person or person, body, caller)
            made = [
                number
                for (number,) in groups.all(
                    "SELECT id FROM journal WHERE id > ? AND before IS NOT NULL ORDER BY id", before
                )
            ]
    with store.change():
        for one in also:
            store.run("UPDATE questions SET answer = 'yes' WHERE id = ?", one)
        store.run(
            "UPDATE questions SET answer = ?, undo = ?, by = ?, at = ? WHERE id = ?",
            body.answer,
            json.dumps({"edits": made, "templates": templates, "also": also}),
            *(caller.key.id, time.time(), question),
        )
    plant(caller, album, gallery)
    return Replied(edits=len(made), templates=templates, total=open_count(caller))


def _all_of(
    caller: Caller, groups: Groups, album: str, question: int, group: int
) -> tuple[int, list[int]]:
    """Merge all groups that may be one with a group; return its number now, and the questions.

    A group that an earlier edit keeps apart stays apart, and its question stays open.
    """
    rows = caller.state.store.all(
        "SELECT id, first, second FROM questions WHERE album = ? AND kind = 'same' "
        "AND answer IS NULL AND planted IS NULL AND id != ? AND ? IN (first, second)",
        *(album, question, group),
    )
    now, also = group, []
    for number, first, second in rows:
        other = second if first == group else first
        if _gone(groups, now, other):
            continue
        try:
            now = _same(groups, now, other, yes=True)
        except GalleryError:
            continue
        also.append(number)
    return now, also


def _gone(groups: Groups, *numbers: int) -> bool:
    """Return whether one of some groups does not exist, as it was merged into another one."""
    return any(groups.one("SELECT 1 FROM groups WHERE id = ?", one) is None for one in numbers)


def _last(groups: Groups) -> int:
    return int(groups.one("SELECT coalesce(max(id), 0) FROM journal")[0])


def _same(groups: Groups, first: int, second: int, *, yes: bool) -> int:
    """Merge two groups, or confirm that they are two people; return the number that remains."""
    if not yes:
        edits.confirm(groups, first)
        edits.confirm(groups, second)
        return first
    names = dict(groups.all("SELECT id, name FROM groups WHERE id IN (?, ?)", first, second))
    keep, go = (first, second) if names.get(first) or not names.get(second) else (second, first)
    edits.merge(groups, go, keep)
    return keep


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

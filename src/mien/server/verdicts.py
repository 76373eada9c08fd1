"""Endpoints about verdicts: a person states whether an answer was right."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mien.server.access import Identifier, Reviewer
from mien.server.galleries import Body, Gallery, Id, name_of_person

router = APIRouter(prefix="/v1/galleries/{gallery}/verdicts", tags=["review"])
ACT = "verdict"  # of the journal


class Verdict(Body):
    """Whether the face was of this person."""

    person: Id = Field(description="id of the person that was answered or proposed")
    right: bool


class Verdicts(BaseModel):
    """How often answers were right, by those who saw the people."""

    right: int
    wrong: int


@router.post("", status_code=201)
def give_verdict(gallery: Gallery, body: Verdict, caller: Identifier) -> Verdicts:
    """Record in the journal that an answer was right, or "not this person"."""
    known = caller.gallery(gallery)
    name_of_person(known, body.person)
    known.journal.append(ACT, "right" if body.right else "wrong", people=[body.person])
    return count(gallery, caller)


@router.get("")
def show_verdicts(gallery: Gallery, caller: Reviewer) -> Verdicts:
    """Count the verdicts of the journal."""
    return count(gallery, caller)


def count(gallery: str, caller: Identifier) -> Verdicts:
    """Return how often answers were right; only entries since the last count are read."""
    known, counts = caller.gallery(gallery), caller.state.verdicts
    place = (caller.tenant, gallery)
    with counts.lock:
        last, number, right, wrong = counts.known.get(place, (0, 0, 0, 0))
        if known.journal.head().number < number:  # a backup was put in its place
            last = number = right = wrong = 0
        for stored, entry in known.journal.after(last):
            last, number = stored, entry.number
            right += entry.act == ACT and entry.outcome == "right"
            wrong += entry.act == ACT and entry.outcome == "wrong"
        counts.known[place] = last, number, right, wrong
    return Verdicts(right=right, wrong=wrong)

"""Endpoints about verdicts: a person states whether an answer was right."""

from collections import Counter

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
    """Return how often answers were right."""
    entries = caller.gallery(gallery).journal.entries()
    found = Counter(one.outcome for one in entries if one.act == ACT)
    return Verdicts(right=found["right"], wrong=found["wrong"])

"""Endpoints about legal bases: on what ground a person is in a gallery, and until when."""

import hashlib
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from mien.gallery import LegalBasis
from mien.server.access import Enroller, Reader
from mien.server.galleries import Body, Gallery, Number, name_of_person
from mien.server.problems import ApiError
from mien.server.rows import moment

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["consent"])
CODE = r"^[a-z0-9_-]{1,64}$"
SHA256 = r"^[0-9a-f]{64}$"


class NewBasis(Body):
    """A consent or another legal ground. Texts and proofs are not kept, only their SHA-256."""

    purpose: str = Field(pattern=CODE, examples=["access-control"])
    version: str = Field(
        min_length=1, max_length=200, description="of the text that was shown", examples=["v2"]
    )
    text: str | None = Field(None, max_length=100_000, description="the text; or its digest")
    text_digest: str | None = Field(None, pattern=SHA256)
    ground: str = Field("consent", pattern=CODE)
    evidence_digest: str | None = Field(
        None, pattern=SHA256, description="SHA-256 of the proof; a consent needs one"
    )
    given: AwareDatetime | None = None
    until: AwareDatetime | None = None
    term: int | None = Field(None, gt=0, le=36_500, description="days")


class BasisFacts(BaseModel):
    """A stored legal basis."""

    id: int
    purpose: str
    ground: str
    version: str
    text_digest: str
    evidence_digest: str | None
    given: str | None
    ends: str | None
    withdrawn: str | None
    valid: bool


class Withdrawn(BaseModel):
    """The result of a withdrawal."""

    ended: int
    other_basis: bool = Field(description="False: the person is now due for erasure")


class PersonBases(BaseModel):
    """A person and all bases, of which there may be none."""

    id: int
    person: str
    bases: list[BasisFacts]


def read_basis(text: str) -> NewBasis:
    """Return the basis of a form field, which is JSON.

    Raises:
        ApiError: 422, it is not one.
    """
    try:
        return NewBasis.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["basis", *map(str, first["loc"])])
        raise ApiError(422, "invalid", f"{where}: {first['msg']}.") from None


def basis_of(new: NewBasis) -> LegalBasis:
    """Return the record of a basis; the text becomes its digest."""
    digest = new.text_digest
    if new.text is not None:
        digest = hashlib.sha256(new.text.encode()).hexdigest()
    return LegalBasis(
        purpose=new.purpose,
        text=new.version,
        text_digest=digest or "",
        ground=new.ground,
        evidence_digest=new.evidence_digest,
        given=new.given,
        until=new.until,
        term=new.term,
    )


def basis_facts(one: LegalBasis, now: datetime, term: int | None) -> BasisFacts:
    """Return what is shown of a basis."""
    return BasisFacts(
        id=one.id,
        purpose=one.purpose,
        ground=one.ground,
        version=one.text,
        text_digest=one.text_digest,
        evidence_digest=one.evidence_digest,
        given=moment(one.given),
        ends=moment(one.end(term)),
        withdrawn=moment(one.withdrawn),
        valid=one.valid(now, term),
    )


@router.get("/bases")
def all_bases(gallery: Gallery, caller: Reader) -> list[PersonBases]:
    """List the legal bases of all people, also those that have ended."""
    known = caller.gallery(gallery)
    now, term = known.journal.now(), known.settings.term
    numbers = {name: number for number, name in known.engine.names().items()}
    return [
        PersonBases(
            id=numbers[name], person=name, bases=[basis_facts(one, now, term) for one in bases]
        )
        for name, bases in known.all_bases().items()
        if name in numbers
    ]


@router.get("/people/{person}/bases")
def list_bases(gallery: Gallery, person: Number, caller: Reader) -> list[BasisFacts]:
    """List the legal bases of a person."""
    known = caller.gallery(gallery)
    now, term = known.journal.now(), known.settings.term
    return [basis_facts(one, now, term) for one in known.bases(name_of_person(known, person))]


@router.post("/people/{person}/bases", status_code=201)
def give(gallery: Gallery, person: Number, body: NewBasis, caller: Enroller) -> BasisFacts:
    """Store a legal basis of a person; the first one comes with the enrolment."""
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    number = known.give(name, basis_of(body))
    now, term = known.journal.now(), known.settings.term
    return next(basis_facts(b, now, term) for b in known.bases(name) if b.id == number)


@router.post("/people/{person}/bases/withdraw")
def withdraw(
    gallery: Gallery,
    person: Number,
    caller: Enroller,
    purpose: Annotated[str | None, Query(description="Only for this purpose.")] = None,
) -> Withdrawn:
    """End the valid bases of a person at once: a search no longer finds the person."""
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    ended = known.withdraw(name, purpose)
    now, term = known.journal.now(), known.settings.term
    left = any(one.valid(now, term) for one in known.bases(name))
    return Withdrawn(ended=ended, other_basis=left)

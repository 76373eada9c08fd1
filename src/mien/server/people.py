"""Endpoints about people: list, enrol, rename, merge, erase with a receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from pydantic import BaseModel, Field

from mien.gallery import GuardedGallery, LegalBasis, Person, clean_name
from mien.server.access import Caller, Enroller, Reader
from mien.server.consents import basis_of, read_basis
from mien.server.enrolling import enrol_photos
from mien.server.erasing import ErasureFacts, erase_person, forget_elsewhere
from mien.server.galleries import Body, Gallery, Id, Number, name_of_person
from mien.server.openapi import pictures
from mien.server.paging import Cursor, Limit, Page, page
from mien.server.portraits import picture, portraits_of
from mien.server.problems import ApiError, absent
from mien.server.rows import moment
from mien.server.sightings import last_seen, pass_sightings

router = APIRouter(prefix="/v1/galleries/{gallery}/people", tags=["people"])


class GroundFacts(BaseModel):
    """Whether the legal bases of a person permit a search, and how long."""

    valid: bool
    purposes: list[str] = Field(description="of the valid bases")
    ends: str | None = Field(description="when the last valid basis ends; None: open, or none")


class PersonFacts(BaseModel):
    """A person of a gallery."""

    id: int = Field(description="constant when the person is renamed")
    name: str
    templates: int = Field(description="0 if all photos were refused so far")
    added: str
    portrait: bool = Field(description="whether there is a picture: GET .../portrait")
    hidden: bool = Field(description="left out of lists; searches find this person")
    last_seen: str | None = Field(
        description="in films, albums or by cameras; searched photos are not kept"
    )
    ground: GroundFacts | None = Field(description="None in a personal gallery")


class TemplateFacts(BaseModel):
    """One enrolled face, without its vector."""

    id: int
    source: str | None
    added: str
    quality: dict[str, float] | None
    box: list[float] | None
    picture: bool = Field(description="whether there is a picture: GET .../picture")


class RefusedFacts(BaseModel):
    """A photo that was not enrolled."""

    source: str | None
    reason: str


class PersonDetails(PersonFacts):
    """A person with all templates and refused photos."""

    enrolled: list[TemplateFacts]
    refused: list[RefusedFacts]


class EnrolledFacts(BaseModel):
    """The result for one photo."""

    photo: str
    outcome: str = Field(description="enrolled, refused, already")
    reason: str | None = Field(description="code, if refused")
    detail: str | None
    template: int | None


class Enrolment(BaseModel):
    """The result of an enrolment."""

    person: PersonFacts | None = Field(description="None if nothing of the person is stored")
    photos: list[EnrolledFacts]


class NewName(Body):
    """A new name."""

    name: str = Field(min_length=1, max_length=200)


class Merge(Body):
    """The person who remains."""

    into: Id


@dataclass(frozen=True, slots=True)
class PeopleView:
    """What lists show of people, beside what the gallery stores of them."""

    hidden: set[int]
    seen: dict[int, float]  # s since 1970
    bases: dict[int, list[LegalBasis]] | None  # None: a personal gallery
    now: datetime
    term: int | None
    portraits: bool

    def of(self, person: Person) -> PersonFacts:
        """Return what is shown of a person."""
        return PersonFacts(
            id=person.id,
            name=person.name,
            templates=person.templates,
            added=moment(person.added) or "",
            portrait=bool(person.templates) and self.portraits,
            hidden=person.id in self.hidden,
            last_seen=moment(self.seen.get(person.id)),
            ground=self._ground(person.id),
        )

    def _ground(self, person: int) -> GroundFacts | None:
        if self.bases is None:
            return None
        valid = [one for one in self.bases.get(person, []) if one.valid(self.now, self.term)]
        ends = [one.end(self.term) for one in valid]
        last = max((end for end in ends if end), default=None)
        return GroundFacts(
            valid=bool(valid),
            purposes=sorted({one.purpose for one in valid}),
            ends=None if None in ends else moment(last),
        )


def view_of(caller: Caller, gallery: str, known: GuardedGallery) -> PeopleView:
    """Return what lists show of the people of a gallery."""
    rules = known.settings
    names = known.engine.names()
    numbers = {name: number for number, name in names.items()}
    bases = known.all_bases() if rules.governed else None
    return PeopleView(
        hidden=known.hidden(),
        seen=last_seen(caller, gallery, names),
        bases=None if bases is None else {numbers[name]: each for name, each in bases.items()},
        now=known.journal.now(),
        term=rules.term,
        portraits=caller.state.settings.portraits,
    )


def person_facts(caller: Caller, gallery: str, known: GuardedGallery, number: int) -> PersonFacts:
    """Return what is shown of one person."""
    return view_of(caller, gallery, known).of(one_person(known, number))


def one_person(known: GuardedGallery, number: int) -> Person:
    """Return a person by id; raise 404 if there is none."""
    found = next((one for one in known.engine.people() if one.id == number), None)
    if found is None:
        raise absent(f"Person {number}")
    return found


@router.get("")
def list_people(
    gallery: Gallery,
    caller: Reader,
    cursor: Cursor = None,
    limit: Limit = 100,
    search: Annotated[str | None, Query(max_length=200, description="Part of the name.")] = None,
    sort: Annotated[
        Literal["id", "name", "seen"], Query(description="seen: who was seen last comes first.")
    ] = "id",
    hidden: Annotated[bool, Query(description="Also list hidden people.")] = False,
) -> Page[PersonFacts]:
    """List people in the order of their ids, of their names, or of when they were last seen."""
    known, part = caller.gallery(gallery), (search or "").casefold()
    view = view_of(caller, gallery, known)
    found = [
        one
        for one in known.people()
        if part in one.name.casefold() and (hidden or one.id not in view.hidden)
    ]
    if sort == "id":
        rows = page([(one.id, one) for one in found], cursor, limit, lambda row: row[0])
    else:
        by_name = sorted(found, key=lambda one: (one.name.casefold(), one.id))
        if sort == "seen":
            by_name.sort(key=lambda one: -view.seen.get(one.id, 0.0))
        rows = page(list(enumerate(by_name, 1)), cursor, limit, lambda row: row[0])
    items = [view.of(one) for _, one in rows.items]
    return Page(items=items, next=rows.next, total=rows.total)


@router.post("", status_code=201)
def enrol(
    gallery: Gallery,
    caller: Enroller,
    name: Annotated[str, Form(min_length=1, max_length=200)],
    photos: Annotated[list[UploadFile], File(description="Photos of this person.")] = [],  # noqa: B006
    basis: Annotated[
        str | None, Form(description="JSON of a legal basis (`NewBasis`); see consents.")
    ] = None,
    boxes: Annotated[
        str | None,
        Form(description="JSON: per photo the box of the face, [left, top, right, bottom] px."),
    ] = None,
    allow_conflicts: Annotated[
        bool, Form(description="Accept a face that is like that of another person.")
    ] = False,
    retry: Annotated[bool, Form(description="Process photos that were refused before.")] = False,
) -> Enrolment:
    """Enrol photos of one person, who is created if unknown. The photos are not kept.

    In a governed gallery the person needs a legal basis: in this request, or given before.
    """
    known, clean = caller.gallery(gallery), clean_name(name)
    if basis is not None:
        known.give(clean, basis_of(read_basis(basis)))
    done = enrol_photos(
        caller, known, gallery, clean, photos, boxes, allow_conflicts=allow_conflicts, retry=retry
    )
    number = known.engine.number(clean)
    return Enrolment(
        person=None if number is None else person_facts(caller, gallery, known, number),
        photos=[
            EnrolledFacts(
                photo=one.item.path.name,
                outcome=one.outcome,
                reason=one.reason,
                detail=one.detail,
                template=one.template,
            )
            for one in done
        ],
    )


@router.get("/{person}")
def show_person(gallery: Gallery, person: Number, caller: Reader) -> PersonDetails:
    """Show the templates and refused photos of a person."""
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    facts = person_facts(caller, gallery, known, person)
    kept, seen = portraits_of(caller), known.templates(name)
    return PersonDetails(
        **facts.model_dump(),
        enrolled=[
            TemplateFacts(
                id=one.id,
                source=one.source,
                added=moment(one.added) or "",
                quality=None if one.quality is None else dict(one.quality),
                box=None if one.box is None else [round(float(v), 1) for v in one.box],
                picture=kept(gallery, [one.id]) is not None,
            )
            for one in seen
        ],
        refused=[
            RefusedFacts(source=one.source, reason=one.reason)
            for one in known.refusals()
            if one.person == name
        ],
    )


@router.get("/{person}/portrait", responses=pictures("A picture of the person."))
def portrait(gallery: Gallery, person: Number, caller: Reader) -> Response:
    """Return the picture of the chosen template, else of the first one that has one."""
    known = caller.gallery(gallery)
    numbers = [one.id for one in known.templates(name_of_person(known, person))]
    chosen = known.portraits().get(person)
    numbers.sort(key=lambda number: number != chosen)
    return picture(portraits_of(caller)(gallery, numbers))


@router.patch("/{person}")
def rename(gallery: Gallery, person: Number, body: NewName, caller: Enroller) -> PersonFacts:
    """Rename a person; it can be undone for 30 days, and then the old name is erased."""
    known = caller.gallery(gallery)
    known.rename(name_of_person(known, person), body.name, undoable=True)
    return person_facts(caller, gallery, known, person)


@router.post("/{person}/merge")
def merge(gallery: Gallery, person: Number, body: Merge, caller: Enroller) -> PersonFacts:
    """Move all templates of a person to another one; it can be undone for 30 days."""
    known = caller.gallery(gallery)
    if person == body.into:
        raise ApiError(422, "same-person", "A person cannot be merged with itself.")
    source, into = name_of_person(known, person), name_of_person(known, body.into)
    before = {one.id for one in known.templates(source)}
    known.merge(source, into, undoable=True)
    left = before - {one.id for one in known.templates(into)}
    portraits_of(caller).erase(gallery, left)  # of photos that both had
    pass_sightings(caller.state, caller.tenant, gallery, person, body.into)
    return person_facts(caller, gallery, known, body.into)


@router.delete("/{person}")
def erase(
    gallery: Gallery,
    person: Number,
    caller: Enroller,
    person_file: Annotated[
        bool, Query(description="Also return the file for the person; needs `export`.")
    ] = False,
) -> ErasureFacts:
    """Erase a person for good: name, templates, pictures, answers about films and albums.

    The answer has the signed receipt, which names nobody.
    """
    if person_file and not caller.may("export"):
        raise ApiError(403, "scope", "The file for the person has vectors: it needs `export`.")
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    numbers = [one.id for one in known.templates(name)]
    done = erase_person(caller, known, name, person_file=person_file)
    done.elsewhere = forget_elsewhere(caller, gallery, [name], numbers)
    return done

"""Endpoints about changes of people that can be undone, and what such changes are."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mien.gallery import Limit, nearest_people
from mien.server.access import Enroller, Reader
from mien.server.consents import NewBasis, basis_of
from mien.server.galleries import Body, Gallery, Id, Number, name_of_person
from mien.server.people import PersonFacts, one_person, view_of
from mien.server.problems import absent
from mien.server.rows import moment, one_in
from mien.server.sightings import return_sightings

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["people"])
SIMILAR = 2.0  # score: 1 of 100 pairs of strangers is as similar


class StepFacts(BaseModel):
    """A change that can be undone for 30 days. Erasures cannot."""

    id: int
    act: Literal["merge", "rename", "split", "hide", "show", "portrait"]
    person: str = Field(description="who has what was changed")
    before: str | None = Field(description="who was merged; the old name; who was split")
    templates: int = Field(description="that moved")
    at: str
    until: str = Field(description="then the change is final")


class Visibility(Body):
    """Whether lists leave a person out; searches find hidden people."""

    hidden: bool


class Choice(Body):
    """The template whose picture stands for a person."""

    template: Id


class Split(Body):
    """Templates that are of another person."""

    templates: list[Id] = Field(min_length=1, max_length=10_000)
    name: str = Field(min_length=1, max_length=200, description="of the other person")
    basis: NewBasis | None = Field(None, description="of a new person, in a governed gallery")


class Similar(BaseModel):
    """A person who may be mixed up with another one."""

    person: PersonFacts
    one_in: int | None = Field(
        description="1 in so many pairs of strangers is as similar; None without `scores`"
    )
    settled: bool = Field(description="it is stated that both are one person, or are not")


@router.get("/steps")
def list_steps(gallery: Gallery, caller: Reader) -> list[StepFacts]:
    """List the changes of people of the last 30 days that can be undone, newest first."""
    return [
        StepFacts(
            id=one.id,
            act=one.act,  # type: ignore[arg-type]  # only these are made
            person=one.person,
            before=one.before,
            templates=len(one.templates),
            at=moment(one.at) or "",
            until=moment(one.until) or "",
        )
        for one in caller.gallery(gallery).steps()
    ]


@router.post("/steps/{step}/undo")
def undo_step(gallery: Gallery, step: Number, caller: Enroller) -> PersonFacts:
    """Take back one change; the answer is the person who is as before."""
    known = caller.gallery(gallery)
    found = next((one for one in known.steps() if one.id == step), None)
    if found is None:
        raise absent(f"Step {step}, which can be undone,")
    number = known.engine.number(known.undo(step))
    assert number is not None
    if found.former is not None and found.former != number:
        return_sightings(caller.state, caller.tenant, gallery, found.former, number)
    return view_of(caller, gallery, known).of(one_person(known, number))


@router.put("/people/{person}/hidden")
def hide(gallery: Gallery, person: Number, body: Visibility, caller: Enroller) -> PersonFacts:
    """Leave a person out of lists, or show that person again."""
    known = caller.gallery(gallery)
    known.hide(name_of_person(known, person), hidden=body.hidden)
    return view_of(caller, gallery, known).of(one_person(known, person))


@router.put("/people/{person}/portrait", status_code=204)
def choose_portrait(gallery: Gallery, person: Number, body: Choice, caller: Enroller) -> Response:
    """Choose the template whose picture stands for a person."""
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    if body.template not in {one.id for one in known.templates(name)}:
        raise absent(f"Template {body.template}")
    known.choose_portrait(name, body.template)
    return Response(status_code=204)


@router.post("/people/{person}/split")
def split(gallery: Gallery, person: Number, body: Split, caller: Enroller) -> PersonFacts:
    """Give some templates of a person to another one, who is made if unknown.

    A wrong merge is split like this, also after 30 days. In a governed gallery the other person
    needs a legal basis.
    """
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    own = {one.id for one in known.templates(name)}
    foreign = [one for one in body.templates if one not in own]
    if foreign:
        raise absent(f"Template {foreign[0]}")
    if body.basis is not None:
        known.give(body.name, basis_of(body.basis))
    known.split(name, body.templates, body.name)
    number = known.engine.number(body.name)
    assert number is not None
    return view_of(caller, gallery, known).of(one_person(known, number))


@router.get("/people/{person}/similar")
def similar(gallery: Gallery, person: Number, caller: Reader) -> list[Similar]:
    """List the people with whom a person is most probably mixed up, most similar first."""
    known = caller.gallery(gallery)
    name = name_of_person(known, person)
    calibration = caller.state.pipelines.searching(known).calibrated()
    pairs = nearest_people(known, name, Limit(SIMILAR, calibration.pair_scores))
    view, scores = view_of(caller, gallery, known), caller.may("scores")
    people = {one.name: one for one in known.engine.people()}
    return [
        Similar(
            person=view.of(people[pair.second]),
            one_in=one_in(pair.score, calibration, None) if scores else None,
            settled=known.settled(name, pair.second),
        )
        for pair in pairs
    ]

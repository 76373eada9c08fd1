"""Endpoints about templates: pictures, vectors, move, remove."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mien.gallery import GuardedGallery, Stored
from mien.server.access import Enroller, Exporter, Reader
from mien.server.galleries import Body, Gallery, Id, Number, name_of_person
from mien.server.openapi import pictures
from mien.server.portraits import picture, portraits_of
from mien.server.problems import absent

router = APIRouter(prefix="/v1/galleries/{gallery}/people/{person}/templates", tags=["templates"])


class Vector(BaseModel):
    """The embedding of a template: personal data, from which a face can be rebuilt."""

    template: int
    embedder: str
    vector: list[float]


class Move(Body):
    """The person to move a template to."""

    into: Id = Field(description="id of a person")


def template_of(known: GuardedGallery, person: int, template: int) -> Stored:
    """Return a template of a person; raise 404 if there is none."""
    for one in known.templates(name_of_person(known, person)):
        if one.id == template:
            return one
    raise absent(f"Template {template}")


@router.get("/{template}/picture", responses=pictures("The enrolled face."))
def template_picture(
    gallery: Gallery, person: Number, template: Number, caller: Reader
) -> Response:
    """Return the picture of a template, if this server keeps pictures."""
    one = template_of(caller.gallery(gallery), person, template)
    return picture(portraits_of(caller)(gallery, [one.id]))


@router.get("/{template}/vector")
def template_vector(gallery: Gallery, person: Number, template: Number, caller: Exporter) -> Vector:
    """Return the vector of a template."""
    one = template_of(caller.gallery(gallery), person, template)
    return Vector(template=one.id, embedder=one.embedder, vector=one.vector.tolist())


@router.post("/{template}/move", status_code=204)
def move(
    gallery: Gallery, person: Number, template: Number, body: Move, caller: Enroller
) -> Response:
    """Move a template to another person: a correction of "not this person"."""
    known = caller.gallery(gallery)
    one, name = template_of(known, person, template), name_of_person(known, person)
    into = name_of_person(known, body.into)
    if len(known.templates(name)) > 1 and body.into != person:
        known.split(name, [one.id], into)
    else:
        known.move(one.id, into=into)
    return Response(status_code=204)


@router.delete("/{template}", status_code=204)
def remove(gallery: Gallery, person: Number, template: Number, caller: Enroller) -> Response:
    """Erase a template and its picture; a person of whom nothing is left is erased, too."""
    known = caller.gallery(gallery)
    one = template_of(known, person, template)
    known.remove(one.id)
    portraits_of(caller).erase(gallery, [one.id])
    return Response(status_code=204)

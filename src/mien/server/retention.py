"""Endpoints about retention: who must be erased by now, and their erasure."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from mien.server.access import Admin, Reviewer
from mien.server.erasing import forget_elsewhere
from mien.server.galleries import Gallery
from mien.server.rows import moment
from mien.service import erase

router = APIRouter(prefix="/v1/galleries/{gallery}/retention", tags=["consent"])


class DueFacts(BaseModel):
    """A person who must be erased."""

    person: str
    since: str
    reason: str


@router.get("")
def due(gallery: Gallery, caller: Reviewer) -> list[DueFacts]:
    """List the people of a governed gallery who must be erased by now."""
    found = caller.gallery(gallery).due()
    return [
        DueFacts(person=one.person, since=moment(one.since) or "", reason=one.reason)
        for one in found
    ]


@router.post("", status_code=204)
def retain(gallery: Gallery, caller: Admin) -> Response:
    """Erase the people who are due; the run is in the journal, also if nobody is due."""
    known = caller.gallery(gallery)
    names = [one.person for one in known.sweep()]
    if names:
        numbers = [t.id for name in names for t in known.templates(name)]
        erase(names, known)
        forget_elsewhere(caller, gallery, names, numbers)
    return Response(status_code=204)

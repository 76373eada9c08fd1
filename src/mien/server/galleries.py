"""Endpoints about galleries: list, create, settings, figures, journal, retention."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from mien.decision import CalibrationError, size_warning
from mien.gallery import GuardedGallery
from mien.server.access import Admin, Anybody, Caller
from mien.server.paging import Cursor, Limit
from mien.server.problems import ApiError, absent

router = APIRouter(prefix="/v1/galleries", tags=["galleries"])
Gallery = Annotated[str, Path(description="Name of the gallery.")]
LARGEST = 2**62  # SQLite has integers of 64 bits
Number = Annotated[int, Path(ge=0, le=LARGEST)]  # an id in a path
Id = Annotated[int, Field(ge=0, le=LARGEST)]  # an id in a body


class Body(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class GalleryFacts(BaseModel):
    """A gallery, its rules and its size."""

    name: str
    kind: Literal["personal", "governed"]
    term: int | None = Field(description="days after the last basis, then people are erased")
    operator: str | None
    contact: str | None
    since: str | None
    embedder: str
    encrypted: bool
    people: int = Field(description="with templates")
    templates: int
    entries: int = Field(description="of the journal")
    warning: str | None = Field(description="what the size means for the rates of searches")


class NewGallery(Body):
    """A gallery to make."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", examples=["family"])


class Rules(Body):
    """Rules that make a gallery governed, for good, or change those of a governed one."""

    term: int = Field(gt=0, le=36_500, description="days")
    operator: str | None = Field(None, max_length=200)
    contact: str | None = Field(None, max_length=200)


class EntryFacts(BaseModel):
    """One entry of a journal; people and templates are numbers."""

    number: int
    time: str
    who: str
    act: str
    outcome: str
    purpose: str | None
    threshold: float | None
    people: list[int]
    templates: list[int]
    counts: dict[str, int] | None
    digest: str


class JournalPage(BaseModel):
    """Some entries of a journal, newest first."""

    items: list[EntryFacts]
    next: str | None  # cursor of older entries; None: there are none
    total: int = Field(description="entries of the journal, of any act")


class Verified(BaseModel):
    """Whether a journal is intact."""

    intact: bool
    entries: int
    digest: str = Field(description="of the last entry; keep it elsewhere, as an anchor")
    faults: list[str]


def name_of_person(known: GuardedGallery, person: int) -> str:
    """Return the name of a person by id; raise 404 if the gallery has no such person."""
    name = known.engine.names().get(person)
    if name is None:
        raise absent(f"Person {person}")
    return name


def facts(name: str, known: GuardedGallery, caller: Caller) -> GalleryFacts:
    """Return the rules and the size of a gallery."""
    settings, people = known.settings, known.enrolled()
    try:
        calibration = caller.state.pipelines.searching(known).calibrated()
        warning = size_warning(people, calibration)
    except CalibrationError as error:
        warning = str(error)
    return GalleryFacts(
        name=name,
        **asdict(settings),
        embedder=known.embedder,
        encrypted=known.encrypted,
        people=people,
        templates=len(known),
        entries=known.journal.head().number,
        warning=warning,
    )


@router.get("")
def list_galleries(caller: Anybody) -> list[GalleryFacts]:
    """List the galleries of this tenant."""
    names = caller.state.tenants.galleries(caller.tenant)
    return [facts(name, caller.gallery(name), caller) for name in names]


@router.post("", status_code=201)
def create_gallery(body: NewGallery, caller: Admin) -> GalleryFacts:
    """Make a personal gallery; `PUT .../rules` makes it governed."""
    tenants = caller.state.tenants
    if body.name in tenants.galleries(caller.tenant):
        raise ApiError(409, "exists", f"Gallery '{body.name}' exists already.")
    embedder = caller.state.pipelines.plain().embedder
    assert embedder is not None
    tenants.create(caller.tenant, body.name, embedder.contract, who=caller.who)
    return facts(body.name, caller.gallery(body.name), caller)


@router.get("/{gallery}")
def show_gallery(gallery: Gallery, caller: Anybody) -> GalleryFacts:
    """Show the rules and figures of a gallery."""
    return facts(gallery, caller.gallery(gallery), caller)


@router.put("/{gallery}/rules")
def govern(gallery: Gallery, body: Rules, caller: Admin) -> GalleryFacts:
    """Make a gallery governed: nobody without a legal basis. It cannot be taken back."""
    known = caller.gallery(gallery)
    known.govern(body.term, operator=body.operator, contact=body.contact)
    return facts(gallery, known, caller)


@router.get("/{gallery}/journal")
def journal(
    gallery: Gallery,
    caller: Admin,
    cursor: Cursor = None,
    limit: Limit = 50,
    act: Annotated[
        str | None, Query(description="Only entries of this act.", max_length=64)
    ] = None,
) -> JournalPage:
    """List the journal, newest entry first. The work of a request does not grow with its length.

    With `act`, the newest 2,000 entries before the cursor are read, so a page can be short or empty
    and still have a `next`.
    """
    known = caller.gallery(gallery)
    if cursor is not None and not (cursor.isdecimal() and int(cursor) <= LARGEST):
        raise ApiError(422, "cursor", "The cursor is not one of this list.")
    found, older = known.journal.latest(limit, before=int(cursor) if cursor else None, act=act)
    return JournalPage(
        items=[EntryFacts(**{**asdict(one), "digest": one.digest}) for one in found],
        next=None if older is None else str(older),
        total=known.journal.head().number,
    )


@router.post("/{gallery}/journal/verify")
def verify_journal(gallery: Gallery, caller: Admin) -> Verified:
    """Find entries of the journal that were edited, cut, added or moved."""
    known = caller.gallery(gallery)
    faults, head = known.journal.verify(), known.journal.head()
    return Verified(
        intact=not faults,
        entries=head.number,
        digest=head.digest,
        faults=[fault.problem for fault in faults],
    )

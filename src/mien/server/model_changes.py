"""Endpoints that change the embedder of a gallery: try, compare, switch, roll back."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, Field

from mien.decision.decide import FPIR
from mien.errors import MienError
from mien.gallery import GuardedGallery
from mien.gallery.renewal import ModelChange
from mien.metrics.intervals import wilson
from mien.server.access import Admin, Caller, Reviewer
from mien.server.galleries import Body, Gallery
from mien.server.model_errors import ModelErrors, compared_errors
from mien.server.problems import ApiError, absent
from mien.server.uploads import Photos, bytes_of, check_count
from mien.service.model_change import embed_photos
from mien.zoo import card_of_contract, cards, is_fetched

router = APIRouter(prefix="/v1/galleries/{gallery}/model", tags=["models"])
Outcome = Literal["match", "review", "unknown"]


class DecisionPair(BaseModel):
    """Faces of live searches about which both models decided the same way."""

    present: Outcome
    other: Outcome
    other_person: bool = Field(description="they name different people")
    faces: int


class ChangeFacts(BaseModel):
    """A change of the embedder that is under way."""

    other: str = Field(description="contract id of the second vectors: after the switch, the old")
    card: str | None = Field(description="of that embedder; None: not known here")
    switched: bool
    templates: int
    embedded: int = Field(description="of them, those with both vectors")
    photos: list[str] = Field(description="names of up to 100 photos that are needed again")
    trial: bool = Field(description="whether live searches also ask the new model")
    since: str | None = Field(description="when the trial began")
    faces: int = Field(description="of live searches, decided by both")
    equal: int = Field(description="of them, with the same outcome and person")
    equal_low: float | None = Field(description="95 % interval of the share; None: no face")
    equal_high: float | None
    pairs: list[DecisionPair] = Field(description="most frequent first")


class GalleryModel(BaseModel):
    """The embedder of a gallery, and the one that may follow it."""

    model: str = Field(description="contract id of the embedder that answers searches")
    card: str | None
    choices: list[str] = Field(description="cards of embedders of this server, for a change")
    change: ChangeFacts | None


class NewModel(Body):
    """The embedder that may follow."""

    embedder: str = Field(min_length=1, max_length=200, description="Card; see `choices`.")


class TrialSwitch(Body):
    """Whether the trial runs."""

    on: bool


class EmbeddedFacts(BaseModel):
    """The result for one template of a photo."""

    photo: str | None
    person: str
    template: int
    outcome: Literal["embedded", "left"]
    reason: str | None = Field(description="code, if it was left: unreadable, no-face")


class EmbeddedPhotos(BaseModel):
    """The result for photos."""

    templates: list[EmbeddedFacts] = Field(description="of these photos, that had no new vector")
    change: ChangeFacts


def choices(caller: Caller) -> list[str]:
    """Return the cards of the embedders that this server can use at once."""
    commercial = caller.state.settings.commercial_only
    return [
        name
        for name, card in cards().items()
        if card.kind == "embedder"
        and is_fetched(card)
        and (card.commercial is True or not commercial)
    ]


def gallery_model(caller: Caller, known: GuardedGallery) -> GalleryModel:
    """Return what is shown of the embedder of a gallery."""
    change = known.model_change()
    return GalleryModel(
        model=known.embedder,
        card=card_of_contract(known.embedder),
        choices=choices(caller),
        change=None if change is None else change_facts(known, change),
    )


def change_facts(known: GuardedGallery, change: ModelChange) -> ChangeFacts:
    """Return what is shown of a change."""
    faces, equal = change.faces, change.equal
    low, high = wilson(equal, faces) if faces else (None, None)
    lacking = known.engine.lacking() if change.embedded < change.templates else []
    return ChangeFacts(
        other=change.other,
        card=card_of_contract(change.other),
        switched=change.switched,
        templates=change.templates,
        embedded=change.embedded,
        photos=sorted({one.source for one in lacking if one.source})[:100],
        trial=change.trial,
        since=change.since,
        faces=faces,
        equal=equal,
        equal_low=low,
        equal_high=high,
        pairs=[
            _pair(code, count)
            for code, count in sorted(change.compared.items(), key=lambda row: (-row[1], row[0]))
        ],
    )


def _pair(code: str, count: int) -> DecisionPair:
    present, other, *differs = code.split("-")
    return DecisionPair(present=present, other=other, other_person=bool(differs), faces=count)  # type: ignore[arg-type]  # see photo.trial.compared_as


def require(known: GuardedGallery) -> ModelChange:
    """Return the change that is under way; raise 409 without one."""
    change = known.model_change()
    if change is None:
        raise ApiError(409, "no-change", "The model of this gallery is not being changed.")
    return change


@router.get("")
def show_gallery_model(gallery: Gallery, caller: Reviewer) -> GalleryModel:
    """Show the embedder of a gallery, and how far its change is."""
    return gallery_model(caller, caller.gallery(gallery))


@router.post("", status_code=status.HTTP_201_CREATED)
def begin_model(gallery: Gallery, body: NewModel, caller: Admin) -> GalleryModel:
    """Begin to change the embedder; searches stay as they are until the switch."""
    known = caller.gallery(gallery)
    if body.embedder not in choices(caller):
        raise absent(f"Embedder {body.embedder[:40]!r}, on this server,")
    embedder = caller.state.pipelines.plain(body.embedder).embedder
    assert embedder is not None
    known.begin_model(embedder.contract)
    return gallery_model(caller, known)


@router.delete("")
def end_model(gallery: Gallery, caller: Admin) -> GalleryModel:
    """End the change: keep the embedder that answers now, erase the vectors of the other."""
    known = caller.gallery(gallery)
    require(known)
    known.end_model()
    return gallery_model(caller, known)


@router.post("/photos")
def embed_model_photos(gallery: Gallery, photos: Photos, caller: Admin) -> EmbeddedPhotos:
    """Embed photos of the enrolment with the other embedder; each is known by its SHA-256.

    The server keeps no photos, so those of the templates are sent again. They are not kept.
    """
    known, state = caller.gallery(gallery), caller.state
    card = card_of_contract(require(known).other)
    if card is None:
        raise absent("The other embedder, on this server,")
    check_count(photos, state)
    data = [bytes_of(photo, state) for photo in photos]
    with state.gate():
        done = embed_photos(known, state.pipelines.plain(card), data, read=state.decode)
    return EmbeddedPhotos(
        templates=[
            EmbeddedFacts(
                photo=one.source,
                person=one.person,
                template=one.template,
                outcome=one.outcome,
                reason=one.reason,
            )
            for one in done
        ],
        change=change_facts(known, require(known)),
    )


@router.put("/trial")
def try_model(gallery: Gallery, body: TrialSwitch, caller: Admin) -> GalleryModel:
    """Let searches of photos also ask the new embedder, and count what differs; or stop that.

    Answers stay those of the present embedder; each photo takes the time of both.
    """
    known = caller.gallery(gallery)
    require(known)
    known.try_model(body.on)
    try:
        caller.state.pipelines.searching(known)
    except MienError:  # it cannot run, such as without a calibration: searches must go on
        known.try_model(False)
        raise
    return gallery_model(caller, known)


@router.post("/switch")
def switch_model(gallery: Gallery, caller: Admin) -> GalleryModel:
    """Let the new embedder answer all searches from now on; refused while a template lacks it."""
    known = caller.gallery(gallery)
    require(known)
    known.switch_model()
    return gallery_model(caller, known)


@router.post("/rollback")
def roll_back_model(gallery: Gallery, caller: Admin) -> GalleryModel:
    """Let the old embedder answer all searches again; possible until the change is ended."""
    known = caller.gallery(gallery)
    require(known)
    known.roll_back_model()
    return gallery_model(caller, known)


@router.get("/errors")
def compare_models(
    gallery: Gallery,
    caller: Reviewer,
    rate: Annotated[float, Query(gt=0, lt=1, description="As for searches.")] = FPIR,
) -> ModelErrors:
    """Measure the error rates of both embedders on the people of this gallery.

    The same templates are searched by both, each without itself, as in `GET .../errors`. A template
    without a vector of the other embedder is left out.
    """
    known = caller.gallery(gallery)
    return compared_errors(caller, known, require(known), rate)

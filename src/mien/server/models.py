"""Endpoints about models: cards, licences of weights, and what is in memory."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mien.server.access import Anybody
from mien.server.problems import absent
from mien.zoo import cards, is_fetched, ledger

router = APIRouter(prefix="/v1", tags=["models"])


class ModelFacts(BaseModel):
    """A model by its card."""

    name: str
    task: str
    kind: str
    licence: str
    commercial: bool | Literal["unknown"]
    digest: str
    bytes: int
    fetched: bool
    default: bool = Field(description="a head that is read unless others are named")


class ModelDetails(ModelFacts):
    """A model with what was measured of it."""

    paper: str | None
    trained_on: str | None
    results: list[dict[str, Any]]


class Weights(BaseModel):
    """One file of weights, its origin and its licence."""

    name: str
    task: str
    code_licence: str
    licence: str
    commercial: bool | Literal["unknown"]
    trained_on: str
    source: str
    sha256: str


def model_facts(card: Any) -> ModelFacts:
    """Return what a list shows of a card."""
    return ModelFacts(
        name=card.name,
        task=card.task,
        kind=card.kind,
        licence=card.licence,
        commercial=card.commercial,
        digest=card.digest,
        bytes=card.size,
        fetched=is_fetched(card),
        default=bool(getattr(card, "default", False)),
    )


@router.get("/models")
def list_models(
    caller: Anybody, task: str | None = None, kind: str | None = None
) -> list[ModelFacts]:
    """List the models that this server knows; heads can be named in `/v1/analyze`."""
    return [model_facts(card) for card in cards(task).values() if kind in (None, card.kind)]


@router.get("/models/{model}")
def show_model(model: str, caller: Anybody) -> ModelDetails:
    """Show a model with its measured results."""
    card = cards().get(model)
    if card is None:
        raise absent(f"Model {model[:40]!r}")
    return ModelDetails(
        **model_facts(card).model_dump(),
        paper=getattr(card, "paper", None) or None,
        trained_on=getattr(card, "trained_on", None) or None,
        results=[dict(one) for one in getattr(card, "results", ())],
    )


@router.get("/licences")
def licences(caller: Anybody) -> list[Weights]:
    """List the licence of every file of weights."""
    rows = ledger()
    names = Weights.model_fields
    return [Weights(**{name: getattr(row, name) for name in names}) for row in rows]

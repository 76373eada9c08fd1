"""Endpoints about API keys of a tenant: list, make, rotate, revoke."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mien.server.access import Admin
from mien.server.galleries import Body
from mien.server.keys import BUDGET, RATE, Key
from mien.server.problems import absent
from mien.server.rows import moment

router = APIRouter(prefix="/v1/keys", tags=["keys"])
Scope = Literal["identify", "enrol", "review", "scores", "export", "admin"]


class KeyFacts(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    rate: int
    budget: int
    made: str
    expires: str | None
    revoked: str | None


class NewKey(Body):
    """A key to make."""

    name: str = Field(min_length=1, max_length=100, description="who holds it")
    scopes: list[Scope] = Field(min_length=1)
    days: float | None = Field(None, gt=0, le=36_500, description="until it expires")
    rate: int = Field(RATE, ge=1, le=1_000_000, description="requests per minute")
    budget: int = Field(BUDGET, ge=1, le=100_000_000, description="faces searched per day")


class MadeKey(KeyFacts):
    """A new key; it is not shown again."""

    key: str


def facts(key: Key) -> KeyFacts:
    """Return what is shown of a key."""
    return KeyFacts(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        rate=key.rate,
        budget=key.budget,
        made=moment(key.made) or "",
        expires=moment(key.expires),
        revoked=moment(key.revoked),
    )


@router.get("")
def list_keys(caller: Admin) -> list[KeyFacts]:
    """List the keys of this tenant."""
    return [facts(key) for key in caller.state.keys.list(caller.tenant)]


@router.post("", status_code=201)
def make_key(body: NewKey, caller: Admin) -> MadeKey:
    """Make a key of this tenant. It is shown once; only its hash is stored."""
    how = {"rate": body.rate, "budget": body.budget}
    key, text = caller.state.keys.make(
        caller.tenant, body.name, tuple(body.scopes), days=body.days, **how
    )
    return MadeKey(**facts(key).model_dump(), key=text)


@router.post("/{key}/rotate", status_code=201)
def rotate_key(key: str, caller: Admin) -> MadeKey:
    """Revoke a key, and make one with the same name, scopes and limits."""
    made = caller.state.keys.rotate(key, caller.tenant)
    if made is None:
        raise absent(f"A valid key {key[:40]!r}")
    return MadeKey(**facts(made[0]).model_dump(), key=made[1])


@router.delete("/{key}", status_code=204)
def revoke_key(key: str, caller: Admin) -> Response:
    """Revoke a key and its sessions at once."""
    if not caller.state.keys.revoke(key, caller.tenant):
        raise absent(f"Key {key[:40]!r}")
    return Response(status_code=204)

"""Endpoints of the session of a page: log in with a key, who am I, log out."""

import time

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mien.server.access import COOKIE, SESSION, Anybody, csrf_of, start_session
from mien.server.galleries import Body
from mien.server.keys import LONGEST, Key, sha256
from mien.server.problems import ApiError
from mien.server.rows import moment
from mien.server.state import StateDep

router = APIRouter(prefix="/v1/session", tags=["session"])


class Login(Body):
    """A key to start a session with."""

    key: str = Field(max_length=LONGEST)


class SessionFacts(Body):
    """Who is logged in, and what that key may do."""

    name: str
    tenant: str
    scopes: list[str]
    csrf: str | None = Field(description="send it as X-CSRF-Token with every write by cookie")
    expires: str | None


def facts(key: Key, cookie: str | None) -> SessionFacts:
    """Return what a page is shown about its session."""
    return SessionFacts(
        name=key.name,
        tenant=key.tenant,
        scopes=list(key.scopes),
        csrf=csrf_of(cookie) if cookie else None,
        expires=moment(key.expires),
    )


@router.post("", status_code=201)
def log_in(body: Login, request: Request, response: Response, state: StateDep) -> SessionFacts:
    """Start a session: sets a cookie that scripts cannot read."""
    key = state.keys.find(body.key)
    if key is None:
        state.budgets.guess(request.client.host if request.client else "")
        raise ApiError(401, "not-authenticated", "The key is not valid, or has ended.")
    cookie = start_session(state, key)
    seconds = min(SESSION, (key.expires or time.time() + SESSION) - time.time())
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(seconds),
        path="/",
        secure=state.settings.secure,
        httponly=True,
        samesite="strict",
    )
    return facts(key, cookie)


@router.get("")
def who_am_i(caller: Anybody, request: Request) -> SessionFacts:
    """Show who is logged in, with the token for writes."""
    return facts(caller.key, request.cookies.get(COOKIE) if caller.session else None)


@router.delete("", status_code=204)
def log_out(caller: Anybody, request: Request) -> Response:
    """End the session."""
    digest = sha256(request.cookies.get(COOKIE, ""))
    caller.state.store.run("DELETE FROM sessions WHERE digest = ?", digest)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response

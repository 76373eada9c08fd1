"""Who asks, and what they may do: API keys, and sessions of the page."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from mien.gallery import GuardedGallery
from mien.server.keys import SCOPES, Key, sha256
from mien.server.problems import ApiError
from mien.server.state import State, StateDep

COOKIE, CSRF = "mien_session", "X-CSRF-Token"
SESSION = 12 * 3600.0  # s
SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Caller:
    """One authenticated request."""

    key: Key
    state: State
    session: bool  # by cookie

    @property
    def tenant(self) -> str:
        """Whose data the caller sees."""
        return self.key.tenant

    @property
    def who(self) -> str:
        """The name for the journal: never only the name, which others may have, too."""
        return f"{self.key.name} ({self.key.id})"

    def may(self, *scopes: str) -> bool:
        """Return whether the caller has one of the scopes."""
        return self.key.may(*scopes)

    def gallery(self, name: str, purpose: str | None = None) -> GuardedGallery:
        """Return a gallery of the tenant of the caller."""
        return self.state.tenants.open(self.tenant, name, who=self.who, purpose=purpose)


def csrf_of(cookie: str) -> str:
    """Return the token that a page sends with each write beside its cookie."""
    return sha256(f"csrf {cookie}")


def authenticate(request: Request, state: StateDep) -> Caller:
    """Return who makes a request.

    Raises:
        ApiError: 401 without a valid key, 403 for a write by cookie without its token, 429.
    """
    header = request.headers.get("authorization", "")
    scheme, _, text = header.partition(" ")
    text = text.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    cookie = request.cookies.get(COOKIE, "")
    if not text and not cookie:
        raise _unknown("Send an API key: Authorization: Bearer KEY.")
    key = state.keys.find(text) if text else _of_session(state, cookie)
    if key is None:
        state.budgets.guess(request.client.host if request.client else "")
        raise _unknown("The key or session is not valid, or has ended.")
    by_cookie = not text
    if by_cookie and request.method not in SAFE:
        token = request.headers.get(CSRF, "")
        if not hmac.compare_digest(token.encode(), csrf_of(cookie).encode()):
            raise ApiError(403, "csrf", f"A write by cookie needs the header {CSRF}.")
    state.budgets.request(key)
    request.state.caller = Caller(key, state, by_cookie)
    return Caller(key, state, by_cookie)


CallerDep = Annotated[Caller, Depends(authenticate)]


def needs(*scopes: str) -> Any:
    """Return a dependency: the caller, who must have one of the scopes; none: any valid key."""
    assert set(scopes) <= set(SCOPES)

    def check(caller: CallerDep) -> Caller:
        if scopes and not caller.may(*scopes):
            wanted = " or ".join(scopes)
            raise ApiError(
                403,
                "scope",
                f"The key has no scope {wanted}.",
                details={"needs": list(scopes), "has": list(caller.key.scopes)},
            )
        return caller

    check.scopes = scopes  # type: ignore[attr-defined]  # for the OpenAPI
    return Depends(check)


def scopes_of(call: Callable[..., Any] | None) -> tuple[str, ...] | None:
    """Return the scopes that a dependency asks for; None if it is another one."""
    return getattr(call, "scopes", None)


def start_session(state: State, key: Key) -> str:
    """Return the cookie of a new session; sessions that ended are deleted."""
    cookie, now = secrets.token_urlsafe(32), time.time()
    end = min(now + SESSION, key.expires or now + SESSION)
    with state.store.change():
        state.store.run("DELETE FROM sessions WHERE expires < ?", now)
        state.store.run("INSERT INTO sessions VALUES (?, ?, ?)", sha256(cookie), key.id, end)
    return cookie


def _of_session(state: State, cookie: str) -> Key | None:
    query = "SELECT key FROM sessions WHERE digest = ? AND expires > ?"
    row = state.store.one(query, sha256(cookie), time.time())
    return state.keys.by_id(row[0]) if row else None


def _unknown(message: str) -> ApiError:
    return ApiError(401, "not-authenticated", message, headers={"WWW-Authenticate": "Bearer"})


# Callers by scope, for the signatures of endpoints.
Anybody = Annotated[Caller, needs()]
Identifier = Annotated[Caller, needs("identify")]
Enroller = Annotated[Caller, needs("enrol")]
Reader = Annotated[Caller, needs("enrol", "review")]  # of people and their pictures
Reviewer = Annotated[Caller, needs("review")]
Exporter = Annotated[Caller, needs("export")]
Admin = Annotated[Caller, needs("admin")]

"""What surrounds every request: number, limits of the body, headers, repeats, counters."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.server.keys import sha256
from mien.server.problems import ApiError, answer
from mien.server.state import State

LOG = logging.getLogger("mien.server")
API = "/v1/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
LARGE = ("/v1/films",)  # paths whose bodies may be as large as a film
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
REPEATS = 86_400.0  # s for which the answer to an Idempotency-Key is kept
KEPT = 256_000  # bytes; a larger answer is not kept
SECRET = ("/v1/keys", "/v1/session")  # answers with secrets are not kept


class Guard:
    """Number, limits, headers and counters of each request."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number, started, status = secrets.token_hex(8), time.perf_counter(), 500
        scope.setdefault("state", {})["request_id"] = number

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = number
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(API):
                    headers.setdefault("Cache-Control", "no-store")
                if self.state.settings.secure:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        try:
            body = Body(scope, receive, self.state)
            body.check()
            await self.app(scope, body, answered)
        except ApiError as error:  # of the body, while an endpoint read it
            await answer(Request(scope), error)(scope, receive, answered)
        finally:
            route = getattr(scope.get("route"), "path", "page")
            seconds = time.perf_counter() - started
            self.state.metrics.count(scope["method"], route, status, seconds)
            LOG.info("%s %s %s %d %.3f s", number, scope["method"], route, status, seconds)


class Body:
    """The body of a request, within its limits of bytes and silence."""

    def __init__(self, scope: Scope, receive: Receive, state: State) -> None:
        limits = state.settings.limits
        film = scope["method"] == "POST" and scope["path"] in LARGE
        self._most = limits.film_bytes + 1_000_000 if film else limits.request_bytes
        self._silence, self._receive, self._size = limits.silence, receive, 0
        self._stated = Headers(scope=scope).get("content-length", "0")
        self._ended = False

    def check(self) -> None:
        """Refuse a body that is too large by its own statement, before it is read."""
        if not self._stated.isdecimal() or int(self._stated) > self._most:
            raise self._large()

    def _large(self) -> ApiError:
        return ApiError(
            413,
            "too-large",
            f"The body of this request may have at most {self._most:,} bytes.",
            headers={"Connection": "close"},
        )

    async def __call__(self) -> Message:
        """Return the next part."""
        if self._ended:
            return await self._receive()  # waits for the end of the connection
        try:
            message = await asyncio.wait_for(self._receive(), self._silence)
        except TimeoutError:
            raise ApiError(
                408,
                "slow",
                f"No part of the body arrived for {self._silence:g} s.",
                headers={"Connection": "close"},
            ) from None
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise self._large()
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class Repeats:
    """Answers a repeated write with the same `Idempotency-Key` as the first time."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] not in WRITES:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        token = headers.get("idempotency-key", "")
        if not token or scope["path"].startswith(SECRET):
            await self.app(scope, receive, send)
            return
        owner = sha256(
            "\n".join(headers.get(n, "") for n in ("authorization", "x-api-key", "cookie"))
        )
        request = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')} "
        request += headers.get("content-length", "")
        try:
            known = await asyncio.to_thread(self._claim, owner, token, request)
        except ApiError as error:
            await answer(Request(scope), error)(scope, receive, send)
            return
        if known is not None:
            await known(scope, receive, send)
            return
        await self._first(scope, receive, send, (owner, token))

    async def _first(
        self, scope: Scope, receive: Receive, send: Send, place: tuple[str, str]
    ) -> None:
        parts, start = list[bytes](), dict[str, Any]()

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, answered)
        finally:
            caller = scope.get("state", {}).get("caller")
            tenant = caller.tenant if caller else None
            await asyncio.to_thread(self._keep, place, start, b"".join(parts), tenant)

    def _claim(self, owner: str, token: str, request: str) -> Callable[..., Awaitable[None]] | None:
        """Return the answer of the first request; None if this one is the first.

        Raises:
            ApiError: 409, the first one is still being answered; 422, it was another request.
        """
        if len(token) > 200:
            raise ApiError(422, "idempotency-key", "An Idempotency-Key has up to 200 characters.")
        store, now = self.state.store, time.time()
        with store.change():
            store.run("DELETE FROM repeats WHERE made < ?", now - REPEATS)
            row = store.one(
                "SELECT request, status, kind, body FROM repeats WHERE key = ? AND token = ?",
                *(owner, token),
            )
            if row is None:
                store.run(
                    "INSERT INTO repeats (key, token, request, made) VALUES (?, ?, ?, ?)",
                    *(owner, token, request, now),
                )
                return None
        if row[0] != request:
            raise ApiError(
                422, "idempotency-key", "This Idempotency-Key was used for another request."
            )
        if row[1] is None:
            raise ApiError(
                409, "in-progress", "The first request of this Idempotency-Key is not answered yet."
            )
        headers = {"Idempotency-Replayed": "true"}
        return Response(row[3], row[1], headers, media_type=row[2] or None)

    def _keep(
        self, place: tuple[str, str], start: dict[str, Any], body: bytes, tenant: str | None
    ) -> None:
        """Keep an answer; a refusal that is not about the request itself may be tried again."""
        status = start.get("status", 500)
        if status >= 500 or status in (401, 403, 408, 429) or len(body) > KEPT:
            self.state.store.run("DELETE FROM repeats WHERE key = ? AND token = ?", *place)
            return
        kind = Headers(raw=start["headers"]).get("content-type")
        self.state.store.run(
            "UPDATE repeats SET status = ?, kind = ?, body = ?, tenant = ? "
            "WHERE key = ? AND token = ?",
            *(status, kind, body, tenant, *place),
        )

"""Cameras of the operator: who enters, who is named, who leaves; durable, with a cursor."""

import asyncio
import ipaddress
import json
import time
import tomllib
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from mien.errors import MienError, extra
from mien.gallery.legal import check_code
from mien.photo.pipeline import check_rate
from mien.server.access import Caller, Reviewer
from mien.server.problems import absent
from mien.server.rows import moment, visible
from mien.server.settings import Camera
from mien.server.state import State
from mien.server.tenants import NAME, check_tenant

router = APIRouter(prefix="/v1/cameras", tags=["cameras"])
POLL, BEAT = 0.5, 15.0  # s between two readings of the events; s between two signs of life
AT_ONCE = 500  # events of one answer
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: id, and the event as JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class CameraFacts(BaseModel):
    """A camera, without its address."""

    name: str
    gallery: str
    rate: float
    last: str | None = Field(description="when its last event was stored")
    state: str = Field(description="kind of its last event; `lost`: it cannot be reached")


class EventFacts(BaseModel):
    """Somebody entered, was named or left; or the camera began, ended or was lost."""

    id: int
    kind: str
    person: str | None = Field(description="name of a match or review, or unknown-3")
    at: str
    row: dict[str, Any] = Field(description="as `mien watch` prints it, with the decision")


class Events(BaseModel):
    """Events after a cursor, oldest first."""

    items: list[EventFacts]
    next: int = Field(description="send it as `after` to get what follows")


def read_cameras(path: Path) -> tuple[Camera, ...]:
    """Read the cameras of a TOML file: one table [[camera]] each.

    Raises:
        MienError: the file cannot be read, or a value is not possible.
    """
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("camera", [])
        cameras = tuple(Camera(**row) for row in rows)
    except (OSError, ValueError, TypeError) as error:
        names = ", ".join(one.name for one in fields(Camera))
        raise MienError(
            f"{path} is not a file of cameras ({error}): expected tables [[camera]] with some of "
            f"{names}."
        ) from error
    for one in cameras:
        if not NAME.fullmatch(str(one.name)):
            raise MienError(f"{path}: the name {one.name!r} is not one of a-z, 0-9, '_' and '-'.")
        check_tenant(one.tenant)
        check_rate("rate", one.rate)
        if one.purpose is not None:
            check_code(one.purpose)
        if one.mqtt is not None and not is_broker(one.mqtt):
            raise MienError(
                f"{path}: `mqtt` needs a mqtts:// address, or one of the own network by its number."
            )
        if one.webhook is not None and not (is_safe(one.webhook) and len(one.secret) >= 16):
            raise MienError(
                f"{path}: a webhook needs an https:// address, or one of the own network by its "
                "number, and a `secret` of 16 characters."
            )
    if len({(one.tenant, one.name) for one in cameras}) < len(cameras):
        raise MienError(f"{path}: two cameras of one tenant have the same name.")
    if any(one.mqtt for one in cameras):
        with extra("mqtt", "Events for MQTT"):
            import paho.mqtt.client  # noqa: F401
    return cameras


def is_broker(url: str) -> bool:
    """Return whether an address is that of an MQTT broker, as safe as a webhook must be."""
    scheme, _, rest = url.partition("://")
    return scheme in ("mqtt", "mqtts") and is_safe(scheme.replace("mqtt", "http") + "://" + rest)


def is_safe(url: str) -> bool:
    """Return whether an address is encrypted, or stays in the own network by its number."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return bool(parts.hostname)
        host = ipaddress.ip_address(parts.hostname or "")
    except ValueError:  # newer versions of Python check the address as well
        return False
    mapped = getattr(host, "ipv4_mapped", None) or host
    # Link-local addresses are those of the metadata of clouds.
    odd = mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast
    return parts.scheme == "http" and mapped.is_private and not odd


def camera_of(caller: Caller, name: str) -> Camera:
    """Return a camera of the tenant of the caller; raise 404 without one."""
    for one in caller.state.settings.cameras:
        if (one.tenant, one.name) == (caller.tenant, name):
            return one
    raise absent(f"Camera {name[:40]!r}")


def store_event(state: State, camera: Camera, row: dict[str, Any]) -> int:
    """Store an event, and delete those that are too old; return its id."""
    now, store = time.time(), state.store
    with store.change():
        [number] = store.one(
            "INSERT INTO events (tenant, camera, kind, person, at, row) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            *(camera.tenant, camera.name, row["kind"], row.get("person"), now, json.dumps(row)),
        )
        store.run(
            "DELETE FROM events WHERE tenant = ? AND camera = ? AND at < ?",
            *(camera.tenant, camera.name, now - camera.days * 86_400),
        )
    return int(number)


def events_after(state: State, camera: Camera, after: int, limit: int) -> list[Any]:
    """Return the rows of events with a higher id: id, kind, person, at, row."""
    return state.store.all(
        "SELECT id, kind, person, at, row FROM events "
        "WHERE tenant = ? AND camera = ? AND id > ? ORDER BY id LIMIT ?",
        *(camera.tenant, camera.name, after, limit),
    )


def event_facts(caller: Caller, row: Any) -> EventFacts:
    """Return what a caller may see of an event."""
    number, kind, person, at, text = row
    shown = visible(json.loads(text), caller.may("scores"))
    return EventFacts(id=number, kind=kind, person=person, at=moment(at) or "", row=shown)


@router.get("")
def list_cameras(caller: Reviewer) -> list[CameraFacts]:
    """List the cameras of this tenant; the operator names them when the server starts."""
    found = []
    for one in caller.state.settings.cameras:
        if one.tenant != caller.tenant:
            continue
        last = caller.state.store.one(
            "SELECT kind, at FROM events WHERE tenant = ? AND camera = ? ORDER BY id DESC LIMIT 1",
            *(one.tenant, one.name),
        )
        kind, at = last or ("none", None)
        found.append(
            CameraFacts(
                name=one.name, gallery=one.gallery, rate=one.rate, last=moment(at), state=kind
            )
        )
    return found


@router.get("/{camera}/events")
def list_events(
    camera: str,
    caller: Reviewer,
    after: Annotated[int, Query(ge=0, le=2**62, description="`next` of the answer before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = 100,
) -> Events:
    """List events after a cursor. They are stored before anybody sees them, and in order."""
    known = camera_of(caller, camera)
    rows = events_after(caller.state, known, after, limit)
    items = [event_facts(caller, row) for row in rows]
    return Events(items=items, next=items[-1].id if items else after)


@router.get("/{camera}/stream", response_class=StreamingResponse, responses=STREAM)
def stream_events(
    camera: str,
    caller: Reviewer,
    request: Request,
    after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Send events as they are stored; a browser that reconnects misses none."""
    known = camera_of(caller, camera)
    start = after or 0
    if last_event_id is not None and last_event_id.isdecimal():
        start = min(int(last_event_id), 2**62)

    async def events() -> AsyncIterator[str]:
        cursor, quiet = start, 0.0
        yield ": begins\n\n"
        while not await request.is_disconnected():
            rows = await asyncio.to_thread(events_after, caller.state, known, cursor, AT_ONCE)
            for row in rows:
                cursor, quiet = row[0], 0.0
                text = event_facts(caller, row).model_dump_json()
                yield f"id: {cursor}\nevent: {row[1]}\ndata: {text}\n\n"
            if not rows:
                await asyncio.sleep(POLL)
                quiet += POLL
            if quiet >= BEAT:
                quiet = 0.0
                yield ": lives\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)

"""The endpoint that tries where the events of a camera are sent: its webhook and its broker."""

import json
import time
from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mien.errors import MienError
from mien.server.access import Admin
from mien.server.cameras import camera_of
from mien.server.monitor import send
from mien.server.mqtt import Broker
from mien.server.settings import Camera

router = APIRouter(prefix="/v1/cameras", tags=["cameras"])


class Delivery(BaseModel):
    """Whether one way accepted a test event."""

    way: Literal["webhook", "mqtt"]
    delivered: bool
    error: str | None = Field(description="kind of the error; the address is not shown")


@router.post("/{camera}/test")
def test_delivery(camera: str, caller: Admin) -> list[Delivery]:
    """Send an event of the kind `test` to the webhook and the MQTT broker of a camera.

    The operator named both when the server started; a request cannot. The list is empty if there
    is neither.
    """
    known = camera_of(caller, camera)
    row = (0, "test", None, time.time(), json.dumps({"kind": "test", "source": known.name}))
    found = []
    if known.webhook:
        found.append(_tried("webhook", lambda: send(known, row)))
    if known.mqtt:
        found.append(_tried("mqtt", lambda: _publish(known, row)))
    return found


def _publish(camera: Camera, row: Any) -> None:
    with Broker(camera) as broker:
        broker.send(row)


def _tried(way: Literal["webhook", "mqtt"], attempt: Callable[[], None]) -> Delivery:
    try:
        attempt()
    except (OSError, MienError) as error:
        return Delivery(way=way, delivered=False, error=type(error).__name__)
    return Delivery(way=way, delivered=True, error=None)

"""The process of one camera: `mien.server.monitor SETTINGS PARENT TENANT NAME`.

It stores each event before anybody sees it, and sends it to the webhook of the camera. What could
not be sent is sent later, in order, also after a restart.
"""

import hashlib
import hmac
import json
import sys
import threading
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

from mien.errors import MienError
from mien.server.cameras import events_after, store_event
from mien.server.mqtt import Broker
from mien.server.settings import Camera, ServerSettings
from mien.server.state import State, open_state
from mien.server.worker import on_stop, watch_parent
from mien.service import Run, watch_presence
from mien.service.watch import Source

AGAIN = 5.0  # s after which a camera that was lost is opened again
TIMEOUT, LONGEST = 10.0, 300.0  # s for an answer of a webhook; s between two attempts at most
SIGNATURE = "X-Mien-Signature"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook leads where the operator wants, and nowhere else."""

    def redirect_request(self, *words: Any) -> None:
        """Follow nothing."""
        return


def watch_once(state: State, camera: Camera, stop: threading.Event) -> None:
    """Store the events of a camera until it ends, is lost, or shall stop."""
    known = state.tenants.open(
        camera.tenant, camera.gallery, who=f"camera {camera.name}", purpose=camera.purpose
    )
    pipeline = state.pipelines.searching(known, camera.rate)
    source = Source(name=camera.source, every=camera.every)
    for row in watch_presence(source, pipeline, run=Run(cancel=stop)):
        store_event(state, camera, {**row, "source": camera.name} if "source" in row else row)


def watch(state: State, camera: Camera, stop: threading.Event) -> None:
    """Watch a camera until the process shall end; one that was lost is opened again."""
    while not stop.is_set():
        try:
            watch_once(state, camera, stop)
        except MienError as error:
            message = str(error).replace(camera.source, camera.name)  # it may have a password
            store_event(state, camera, {"kind": "lost", "person": None, "reason": message})
        stop.wait(AGAIN)


def signature(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of a body, hex, with which the receiver checks its origin."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def send(camera: Camera, row: Any) -> None:
    """Send one event to the webhook of a camera.

    Raises:
        OSError: it was not accepted.
    """
    number, kind, person, at, text = row
    event = {"id": number, "camera": camera.name, "kind": kind, "person": person, "at": at}
    body = json.dumps({**event, "row": json.loads(text)}).encode()
    assert camera.webhook is not None
    headers = {"Content-Type": "application/json", SIGNATURE: signature(camera.secret, body)}
    request = urllib.request.Request(camera.webhook, body, headers, method="POST")
    with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT):
        pass


def deliver(state: State, camera: Camera, send: Callable[[Any], None], place: str) -> int:
    """Send the events that were not sent yet, in order; return how many.

    Args:
        state: of the server.
        camera: whose events are sent.
        send: sends one event, and raises OSError if it was not accepted.
        place: name under which it is kept how far this has come.

    Raises:
        OSError: one was not accepted; it is the next one to be sent.
    """
    key = (camera.tenant, place)
    row = state.store.one("SELECT last FROM hooks WHERE tenant = ? AND camera = ?", *key)
    rows = events_after(state, camera, row[0] if row else 0, 100)
    for one in rows:
        send(one)
        state.store.run(
            "INSERT INTO hooks VALUES (?, ?, ?) "
            "ON CONFLICT (tenant, camera) DO UPDATE SET last = excluded.last",
            *(*key, one[0]),
        )
    return len(rows)


def to_webhook(state: State, camera: Camera, stop: threading.Event) -> None:
    """Send events to a webhook until the process shall end."""
    keep_on(stop, lambda: deliver(state, camera, partial(send, camera), camera.name))


def to_broker(state: State, camera: Camera, stop: threading.Event) -> None:
    """Publish events to an MQTT broker until the process shall end."""

    def once() -> int:
        with Broker(camera) as broker:
            broker.announce()
            while not stop.is_set():
                deliver(state, camera, broker.send, f"{camera.name} mqtt")
                stop.wait(0.5)
        return 1

    keep_on(stop, once)


def keep_on(stop: threading.Event, once: Callable[[], int]) -> None:
    """Repeat something until the process shall end; after an error, ever more rarely."""
    pause = 1.0
    while not stop.is_set():
        try:
            pause = 1.0 if once() else 0.5
        except OSError:
            pause = min(2 * pause, LONGEST)
        stop.wait(pause)


def main() -> None:
    """Watch a camera until SIGTERM, or until the server dies."""
    settings, parent = ServerSettings.unpacked(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=watch_parent, args=(parent,), daemon=True).start()
    tenant, name = sys.argv[3:5]
    camera = next(one for one in settings.cameras if (one.tenant, one.name) == (tenant, name))
    stop = threading.Event()
    on_stop(stop)
    state = open_state(settings)
    ways = [(camera.webhook, to_webhook), (camera.mqtt, to_broker)]
    senders = [
        threading.Thread(target=way, args=(state, camera, stop)) for address, way in ways if address
    ]
    for sender in senders:
        sender.start()
    try:
        watch(state, camera, stop)
    finally:
        for sender in senders:
            sender.join()
        state.close()


if __name__ == "__main__":
    main()

"""Cameras: events are stored before anybody sees them, in order, and sent until they arrive."""

import asyncio
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.toy_server import portrait

from mien.errors import MienError
from mien.server.cameras import read_cameras, stream_events
from mien.server.monitor import SIGNATURE, deliver, send, signature, watch, watch_once
from mien.server.settings import Camera, ServerSettings


@pytest.fixture
def door(make, film):
    """A server with a camera, before which Ada passes and then Bob."""
    empty = portrait()
    path = film([portrait("Ada")] * 60 + [empty] * 60 + [portrait("Bob")] * 60, rate=20)
    camera = Camera(name="door", source=str(path))
    toys = make(cameras=(camera, Camera(name="door", source="x", tenant="two")))
    toys.gallery("people", "Ada")
    return toys, camera


def test_who_passes_is_stored_and_read_with_a_cursor(door):
    toys, camera = door
    watch_once(toys.state, camera, threading.Event())
    first = toys("GET", "/cameras/door/events", params={"limit": 2})
    rest = toys("GET", "/cameras/door/events", params={"after": first["next"]})
    events = first["items"] + rest["items"]
    seen = [(one["kind"], one["person"]) for one in events]
    ada = [("enter", "Ada"), ("exit", "Ada")]
    assert seen == [
        ("start", None),
        *ada,
        ("enter", "unknown-1"),
        ("exit", "unknown-1"),
        ("end", None),
    ]
    assert events[1]["row"]["decision"]["outcome"] == "match"
    assert camera.source not in json.dumps(events)
    nothing = toys("GET", "/cameras/door/events", params={"after": rest["next"]})
    assert nothing == {"items": [], "next": rest["next"]}
    [facts] = toys("GET", "/cameras")
    assert (facts["name"], facts["state"]) == ("door", "end")


def test_scores_of_events_need_their_scope(door):
    toys, camera = door
    watch_once(toys.state, camera, threading.Event())
    events = toys("GET", "/cameras/door/events", key=toys.key("review"))["items"]
    assert events[1]["row"]["decision"]["score"] is None


def test_a_tenant_sees_its_own_camera_of_that_name(door):
    toys, camera = door
    watch_once(toys.state, camera, threading.Event())
    other = toys.key("admin", tenant="two")
    assert toys("GET", "/cameras/door/events", key=other)["items"] == []
    third = toys.key("admin", tenant="three")
    assert toys("GET", "/cameras/door/events", key=third, ok=False).status_code == 404


def test_an_erased_person_is_gone_from_events(door):
    toys, camera = door
    watch_once(toys.state, camera, threading.Event())
    done = toys("DELETE", "/galleries/people/people/1")
    assert done["elsewhere"]["events"] >= 2
    assert "Ada" not in json.dumps(toys.state.store.all("SELECT person, row FROM events"))


def test_a_lost_camera_is_an_event_without_its_address(door):
    toys, _ = door
    camera = Camera(name="door", source="/nowhere/secret.mp4")
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=(toys.state, camera, stop))
    thread.start()
    while not toys("GET", "/cameras/door/events")["items"]:
        pass
    stop.set()
    thread.join()
    [lost] = toys("GET", "/cameras/door/events")["items"]
    assert lost["kind"] == "lost"
    assert "secret" not in json.dumps(lost)


def test_old_events_are_deleted(door):
    toys, camera = door
    watch_once(toys.state, camera, threading.Event())
    toys.state.store.run("UPDATE events SET at = 0")
    watch_once(toys.state, camera, threading.Event())
    assert toys("GET", "/cameras/door/events")["items"][0]["id"] == 7


def test_the_stream_begins_after_the_last_event_that_a_browser_saw(door):
    toys, camera = door
    watch_once(toys.state, camera, threading.Event())

    class Gone:
        """A request whose client leaves after the first reading."""

        left = 2

        async def is_disconnected(self):
            self.left -= 1
            return self.left == 0

    caller = type("C", (), {"state": toys.state, "tenant": "default", "may": lambda *_: True})()

    async def read():
        answer = stream_events("door", caller, Gone(), None, "4")
        return [part async for part in answer.body_iterator]

    begin, *parts = asyncio.run(read())
    assert begin.startswith(":")
    assert [part.splitlines()[:2] for part in parts] == [
        ["id: 5", "event: exit"],
        ["id: 6", "event: end"],
    ]


@pytest.fixture
def receiver():
    """A webhook that refuses the second request, and what it received."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(503 if len(got) == 1 else 200)
            self.end_headers()
            got.append((self.headers[SIGNATURE], body))

        def log_message(self, *words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_are_sent_signed_in_order_and_none_twice(door, receiver):
    toys, camera = door
    url, got = receiver
    hooked = Camera(name="door", source=camera.source, webhook=url, secret="s" * 16)
    watch_once(toys.state, hooked, threading.Event())
    with pytest.raises(OSError, match="503"):
        deliver(toys.state, hooked, partial(send, hooked), hooked.name)
    assert deliver(toys.state, hooked, partial(send, hooked), hooked.name) == 5
    assert deliver(toys.state, hooked, partial(send, hooked), hooked.name) == 0
    assert all(signature("s" * 16, body) == sign for sign, body in got)
    assert [json.loads(body)["id"] for _, body in got] == [1, 2, 2, 3, 4, 5, 6]


HOOK = "[[camera]]\nname = 'a'\nsource = '0'\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[camera]]\nname = 'A b'\nsource = '0'", "A b"),
        ("[[camera]]\nname = 'a'", "source"),
        ("[[camera]]\nname = 'a'\nsource = '0'\nrate = 2.0", "rate"),
        (f"{HOOK}webhook = 'http://home.example/'\nsecret = '0123456789abcdef'", "https"),
        ("[[camera]]\nname = 'a'\nsource = '0'\nwebhook = 'https://x.example/'", "secret"),
        ("[[camera]]\nname = 'a'\nsource = '0'\nspeed = 1", "speed"),
        ("[[camera]]\nname = 'a'\nsource = '0'\n" * 2, "same name"),
        ("[[camera", "TOML|camera"),
    ],
)
def test_a_file_of_cameras_that_cannot_be_is_refused(tmp_path, text, says):
    path = tmp_path / "cameras.toml"
    path.write_text(text)
    with pytest.raises(MienError, match=says):
        read_cameras(path)


@pytest.mark.parametrize("url", ["https://home.example/x", "http://192.168.1.4:8123/api/webhook/x"])
def test_a_webhook_of_the_own_network_needs_no_tls(tmp_path, url):
    path = tmp_path / "cameras.toml"
    secret = "0123456789abcdef"
    path.write_text(
        f"[[camera]]\nname = 'a'\nsource = '0'\nwebhook = '{url}'\nsecret = '{secret}'\n"
    )
    assert read_cameras(path)[0].webhook == url


def test_cameras_survive_the_way_to_another_process(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text("[[camera]]\nname = 'door'\nsource = 'rtsp://x/'\nrate = 0.001\n")
    settings = ServerSettings(folder=tmp_path, cameras=read_cameras(path))
    assert ServerSettings.unpacked(settings.packed()) == settings

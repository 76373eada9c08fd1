"""Events for MQTT: in order, once the broker has confirmed, and found by Home Assistant."""

import json
import threading
from dataclasses import replace

import pytest
from tests.server.mqtt_broker import Broker as Listener

pytest.importorskip("paho.mqtt", reason="MQTT needs paho-mqtt: pip install 'mien[mqtt]'")

from mien.errors import MienError
from mien.server import mqtt
from mien.server.cameras import read_cameras, store_event
from mien.server.monitor import deliver, to_broker
from mien.server.mqtt import Broker
from mien.server.settings import Camera

EVENTS = [
    {"kind": "start", "person": None},
    {"kind": "enter", "person": "unknown-1"},
    {"kind": "name", "person": "Ada", "was": "unknown-1"},
    {"kind": "enter", "person": "Bob <b>"},
    {"kind": "exit", "person": "Ada"},
]
WHO = ["nobody", "unknown-1", "Ada", "Ada, Bob <b>", "Bob <b>"]


@pytest.fixture
def broker():
    made = Listener(password="secret")
    yield made
    made.close()


@pytest.fixture
def camera(make, broker):
    """A server with a camera whose events are stored."""
    url = f"mqtt://kim:secret@127.0.0.1:{broker.port}"
    camera = Camera(name="door", source="0", mqtt=url)
    toys = make(cameras=(camera,))
    for row in EVENTS:
        store_event(toys.state, camera, row)
    return toys, camera


def test_events_are_published_in_order_with_who_is_there(camera, broker):
    toys, door = camera
    with Broker(door) as client:
        client.announce()
        assert deliver(toys.state, door, client.send, "door mqtt") == 5
        assert deliver(toys.state, door, client.send, "door mqtt") == 0
    config, *rest = broker.got
    assert config[0] == "homeassistant/sensor/mien_default_door/config"
    found = json.loads(config[1])
    assert config[2]
    events = [json.loads(text) for topic, text, _ in rest if topic == "mien/default/door/event"]
    assert [one["kind"] for one in events] == [one["kind"] for one in EVENTS]
    assert events[1]["row"]["person"] == "unknown-1"
    who = [(text, kept) for topic, text, kept in rest if topic == found["state_topic"]]
    assert who == [(text, True) for text in WHO]
    assert found["json_attributes_topic"] == "mien/default/door/event"


def test_what_was_not_confirmed_is_published_again(camera, broker, monkeypatch):
    monkeypatch.setattr(mqtt, "TIMEOUT", 1.0)
    toys, door = camera
    broker.silent.set()
    with Broker(door) as client, pytest.raises(OSError, match=r"broker|confirm|[Cc]onnect"):
        deliver(toys.state, door, client.send, "door mqtt")
    assert toys.state.store.one("SELECT count(*) FROM hooks")[0] == 0
    broker.silent.clear()
    with Broker(door) as client:
        assert deliver(toys.state, door, client.send, "door mqtt") == 5


def test_a_process_publishes_until_it_shall_end(camera, broker):
    toys, door = camera
    stop = threading.Event()
    thread = threading.Thread(target=to_broker, args=(toys.state, door, stop))
    thread.start()
    while len(broker.got) < 1 + 2 * len(EVENTS):
        assert thread.is_alive()
        stop.wait(0.05)
    stop.set()
    thread.join()
    assert toys.state.store.one("SELECT last FROM hooks WHERE camera = 'door mqtt'")[0] == 5


def test_a_broker_that_refuses_or_is_not_there_is_an_error(camera, broker, monkeypatch):
    monkeypatch.setattr(mqtt, "TIMEOUT", 0.5)
    _, door = camera
    with pytest.raises(OSError, match="does not accept"):
        Broker(replace(door, mqtt=f"mqtt://kim:wrong@127.0.0.1:{broker.port}"))
    with pytest.raises(OSError, match="refused"):
        Broker(replace(door, mqtt="mqtt://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("mqtts://home.example", True),
        ("mqtt://192.168.1.4", True),
        ("mqtt://home.example", False),
        ("https://home.example", False),
        ("mqtt://8.8.8.8", False),
    ],
)
def test_an_address_is_encrypted_or_in_the_own_network(tmp_path, url, fine):
    path = tmp_path / "cameras.toml"
    path.write_text(f"[[camera]]\nname = 'a'\nsource = '0'\nmqtt = '{url}'\n")
    if fine:
        assert read_cameras(path)[0].mqtt == url
    else:
        with pytest.raises(MienError, match="mqtt"):
            read_cameras(path)


def test_an_admin_tries_where_events_are_sent(make, broker):
    url = f"mqtt://kim:secret@127.0.0.1:{broker.port}"
    both = Camera(name="door", source="0", mqtt=url, webhook="http://127.0.0.1:1/", secret="s" * 16)
    none = Camera(name="hall", source="1")
    toys = make(cameras=(both, none))
    found = toys("POST", "/cameras/door/test")
    assert found == [
        {"way": "webhook", "delivered": False, "error": "URLError"},
        {"way": "mqtt", "delivered": True, "error": None},
    ]
    [(topic, text, kept)] = broker.got
    assert (topic, kept, json.loads(text)["kind"]) == ("mien/default/door/event", False, "test")
    assert toys("POST", "/cameras/hall/test") == []
    reviewer = toys.key("review")
    assert toys("POST", "/cameras/door/test", key=reviewer, ok=False).status_code == 403
    assert toys("POST", "/cameras/nowhere/test", ok=False).status_code == 404

"""Events of a camera for MQTT, with the discovery of Home Assistant.

Each event is published once it is stored, with quality of service 1: the cursor moves when the
broker has confirmed it. Home Assistant finds a sensor "who is there" per camera.
"""

import json
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from mien.errors import extra
from mien.server.settings import Camera

TIMEOUT = 10.0  # s for a connection, and for the confirmation of a message
DISCOVERY = "homeassistant"  # prefix that Home Assistant reads


class Broker:
    """A connection to the broker of a camera, with the people who are there; use it in `with`."""

    def __init__(self, camera: Camera) -> None:
        """Connect to the broker.

        Raises:
            OSError: it cannot be reached, or refuses.
            MissingExtraError: the package paho-mqtt is missing.
        """
        with extra("mqtt", "Events for MQTT"):
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion

        assert camera.mqtt is not None
        parts = urlsplit(camera.mqtt)
        secure = parts.scheme == "mqtts"
        self._camera, self._present = camera, dict[str, None]()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect_timeout = TIMEOUT
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if secure:
            self._client.tls_set()
        self._client.connect(parts.hostname or "", parts.port or (8883 if secure else 1883))
        self._client.loop_start()
        end = time.monotonic() + TIMEOUT
        while not self._client.is_connected():
            if time.monotonic() > end:
                self.close()
                raise OSError(f"The broker of camera {camera.name} does not accept this server.")
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def announce(self) -> None:
        """Announce the sensor of this camera to Home Assistant.

        Raises:
            OSError: the broker did not confirm it.
        """
        name = self._camera.name
        number = f"mien_{self._camera.tenant}_{name}"
        config = {
            "name": "Who is there",
            "unique_id": number,
            "state_topic": self._topic("who"),
            "json_attributes_topic": self._topic("event"),
            "icon": "mdi:face-recognition",
            "device": {"identifiers": [number], "name": f"mien {name}", "manufacturer": "mien"},
        }
        self._publish(f"{DISCOVERY}/sensor/{number}/config", json.dumps(config), retain=True)

    def send(self, row: Any) -> None:
        """Publish one event, and who is there after it.

        Raises:
            OSError: the broker did not confirm it.
        """
        number, kind, person, at, text = row
        event = {"id": number, "camera": self._camera.name, "kind": kind, "person": person}
        self._publish(
            self._topic("event"), json.dumps({**event, "at": at, "row": json.loads(text)})
        )
        if kind == "test":  # it says nothing about who is there
            return
        self._note(kind, person, json.loads(text))
        who = ", ".join(self._present) or "nobody"
        self._publish(self._topic("who"), who[:255], retain=True)  # longest state there

    def _note(self, kind: str, person: str | None, row: dict[str, Any]) -> None:
        if kind in ("start", "end", "lost"):
            self._present.clear()
        elif kind == "exit":
            self._present.pop(str(person), None)
        elif kind in ("enter", "name"):
            self._present.pop(str(row.get("was")), None)
            self._present[str(person)] = None

    def _topic(self, what: str) -> str:
        return f"mien/{self._camera.tenant}/{self._camera.name}/{what}"

    def _publish(self, topic: str, text: str, *, retain: bool = False) -> None:
        try:
            sent = self._client.publish(topic, text, qos=1, retain=retain)
            sent.wait_for_publish(TIMEOUT)
            done = sent.is_published()
        except (RuntimeError, ValueError) as error:  # paho: the connection broke
            raise OSError(str(error)) from error
        if not done:
            raise OSError("The broker did not confirm a message.")

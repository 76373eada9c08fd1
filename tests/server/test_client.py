"""The client against a server behind a socket."""

import socket
import threading

import pytest
from tests.server.running import listening
from tests.toy_server import png, portrait

from mien.client import Client, ServerError
from mien.errors import MienError


@pytest.fixture
def server(toys):
    with listening(toys.app) as url, Client(url, toys.admin) as client:
        yield toys, url, client


def test_people_are_enrolled_identified_renamed_merged_and_erased(server, tmp_path):
    _, _, client = server
    client.create_gallery("people")
    path = tmp_path / 'a "quoted" näme.png'
    path.write_bytes(png(portrait("Ada")))
    done = client.enrol("Ada", path, png(portrait("Ada", side=50)))
    assert [one["outcome"] for one in done["photos"]] == ["enrolled", "enrolled"]
    bob = client.enrol("Bob", png(portrait("Ada", "Bob")), boxes=[[140, 20, 200, 80]])
    assert bob["photos"][0]["outcome"] == "enrolled"
    [found] = client.identify(png(portrait("Ada", "Bob")), details=True)
    assert {face["decision"]["person"] for face in found["faces"]} == {"Ada", "Bob"}
    assert client.rename(bob["person"]["id"], "Bobby")["name"] == "Bobby"
    assert [one["name"] for one in client.people()] == ["Ada", "Bobby"]
    client.merge(bob["person"]["id"], done["person"]["id"])
    assert client.erase(done["person"]["id"])["templates"] == 3
    assert list(client.people()) == []
    assert [one["name"] for one in client.galleries()] == ["people"]


def test_photos_are_compared_and_assessed(server):
    _, _, client = server
    ada = png(portrait("Ada"))
    assert client.verify(ada, png(portrait("Ada", side=50)))["outcome"] == "match"
    for answers in (client.detect(ada, ada), client.quality(ada, ada), client.analyze(ada, ada)):
        assert [len(one["faces"]) for one in answers] == [1, 1]


def test_a_film_is_uploaded_and_waited_for(server, film):
    toys, _, client = server
    client.create_gallery("people")
    client.enrol("Ada", png(portrait("Ada")))
    made = client.upload_film(film([portrait("Ada")] * 20))
    thread = threading.Thread(target=toys.worker.once)
    thread.start()
    client.wait(made["job"]["id"])
    thread.join()
    assert client.film(made["id"])["people"][0]["person"] == "Ada"
    assert [one["id"] for one in client.pages("/films", limit=1)] == [made["id"]]


def test_a_failed_job_is_an_error(server):
    toys, _, client = server
    client.create_gallery("people")
    album = client.request("POST", "/albums", json={"name": "x"})["id"]
    job = client.request("POST", f"/albums/{album}/group")["id"]
    toys.worker.once()
    with pytest.raises(ServerError, match="no photos yet") as caught:
        client.wait(job)
    assert caught.value.code == "failed"


def test_a_refusal_has_the_code_and_the_number_of_the_request(server):
    _, url, client = server
    with pytest.raises(ServerError) as caught:
        client.identify(b"x", gallery="nowhere")
    assert (caught.value.status, caught.value.code) == (404, "not-found")
    assert len(caught.value.request_id) == 16
    with Client(url, "wrong") as other, pytest.raises(ServerError, match="not valid"):
        other.galleries()


def test_a_server_without_room_is_asked_again(server):
    toys, url, _ = server
    slow = toys.key("admin", rate=1)
    with Client(url, slow, patience=0) as client:
        client.galleries()
        with pytest.raises(ServerError) as caught:
            client.galleries()
    assert caught.value.status == 429


def test_nobody_at_the_other_end_is_an_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Client(url, "key", timeout=2) as client, pytest.raises(ServerError, match="be reached"):
        client.galleries()
    for url in ("faces.example", "http://[abc", "http://faces.example:door"):
        with pytest.raises(MienError, match="HOST"):
            Client(url, "key")


def test_a_missing_photo_is_an_error_before_anything_is_sent(server, tmp_path):
    _, _, client = server
    with pytest.raises(MienError, match="cannot be read"):
        client.detect(tmp_path / "nowhere.jpg")

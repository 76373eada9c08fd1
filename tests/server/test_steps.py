"""Changes of people over HTTP that are undone, and where people were seen."""

import json
import time

import pytest
from tests.server.test_people import BASIS, people
from tests.toy_server import png, portrait

from mien.server import steps
from mien.server.settings import Camera
from mien.server.worker import store_sightings
from mien.types import Appearance, Decision, Face, FilmAnswer, Identity

PEOPLE = "/galleries/people/people"


@pytest.fixture
def known(toys):
    """Ada, Bob and Cyd with their ids."""
    made = toys.gallery("people", "Ada", "Bob", "Cyd")
    return {name: one["person"]["id"] for name, one in made.items()}


def undo(toys, ok=True):
    step = toys("GET", "/galleries/people/steps")[0]
    return toys("POST", f"/galleries/people/steps/{step['id']}/undo", ok=ok)


def test_a_merge_is_listed_and_undone(toys, known):
    toys("POST", f"{PEOPLE}/{known['Bob']}/merge", json={"into": known["Ada"]})
    [step] = toys("GET", "/galleries/people/steps")
    assert (step["act"], step["person"], step["before"]) == ("merge", "Ada", "Bob")
    assert step["templates"] == 1
    assert step["at"] < step["until"]
    bob = undo(toys)
    assert (bob["name"], bob["templates"]) == ("Bob", 1)
    assert toys("GET", f"{PEOPLE}/{bob['id']}/portrait").content.startswith(b"\xff\xd8")
    assert toys("GET", "/galleries/people/steps") == []
    acts = [one["act"] for one in toys("GET", "/galleries/people/journal")["items"]]
    assert acts[:2] == ["undo", "merge"]


def test_an_unknown_step_is_not_there(toys, known):
    answer = toys("POST", "/galleries/people/steps/99/undo", ok=False)
    assert answer.status_code == 404


def test_a_rename_whose_name_is_taken_is_not_undone(toys, known):
    toys("PATCH", f"{PEOPLE}/{known['Ada']}", json={"name": "Ada King"})
    toys("PATCH", f"{PEOPLE}/{known['Bob']}", json={"name": "Ada"})
    first = toys("GET", "/galleries/people/steps")[-1]
    taken = toys("POST", f"/galleries/people/steps/{first['id']}/undo", ok=False)
    assert taken.status_code == 409
    assert undo(toys)["name"] == "Bob"
    assert undo(toys)["name"] == "Ada"


def test_a_person_is_hidden_from_lists_and_still_found(toys, known):
    path = f"{PEOPLE}/{known['Ada']}"
    assert toys("PUT", f"{path}/hidden", json={"hidden": True})["hidden"] is True
    assert sorted(people(toys)) == ["Bob", "Cyd"]
    shown = toys("GET", PEOPLE, params={"hidden": True})["items"]
    assert [one["name"] for one in shown if one["hidden"]] == ["Ada"]
    [found] = toys.identify(portrait("Ada"))["answers"]
    assert found["faces"][0]["decision"]["person"] == "Ada"
    undo(toys)
    assert sorted(people(toys)) == ["Ada", "Bob", "Cyd"]


def test_a_portrait_is_chosen(toys, known):
    path = f"{PEOPLE}/{known['Ada']}"
    first = toys("GET", f"{path}/portrait").content
    second = toys.enrol("Ada", picture=portrait("Ada", side=40))["photos"][0]["template"]
    assert toys("GET", f"{path}/portrait").content == first
    toys("PUT", f"{path}/portrait", json={"template": second})
    chosen = toys("GET", f"{path}/templates/{second}/picture").content
    assert toys("GET", f"{path}/portrait").content == chosen != first
    foreign = toys("PUT", f"{path}/portrait", json={"template": 9999}, ok=False)
    assert foreign.status_code == 404


def test_a_wrong_merge_is_split(toys, known):
    second = toys.enrol("Ada", picture=portrait("Ada", side=40))["photos"][0]["template"]
    path = f"{PEOPLE}/{known['Ada']}/split"
    eve = toys("POST", path, json={"templates": [second], "name": "Eve"})
    assert (eve["name"], eve["templates"]) == ("Eve", 1)
    everything = toys("POST", path, json={"templates": [1], "name": "Eve"}, ok=False)
    assert everything.status_code == 409
    assert "not all of them" in everything.json()["error"]["message"]
    assert (
        toys("POST", path, json={"templates": [second], "name": "x"}, ok=False).status_code == 404
    )
    assert undo(toys)["name"] == "Ada"
    assert "Eve" not in people(toys)


def test_a_split_in_a_governed_gallery_needs_a_basis(toys):
    toys.gallery("door")
    toys("PUT", "/galleries/door/rules", json={"term": 30})
    made = toys.enrol("Ada", gallery="door", basis=json.dumps(BASIS))["person"]
    assert made["ground"] == {"valid": True, "purposes": ["door"], "ends": made["ground"]["ends"]}
    assert made["ground"]["ends"] is not None
    second = toys.enrol("Ada", gallery="door", picture=portrait("Ada", side=40))["photos"][0]
    path, body = f"/galleries/door/people/{made['id']}/split", {"templates": [second["template"]]}
    refused = toys("POST", path, json={**body, "name": "Eve"}, ok=False)
    assert refused.json()["error"]["code"] == "no-basis"
    assert toys("POST", path, json={**body, "name": "Eve", "basis": BASIS})["ground"]["valid"]


def test_who_is_similar_with_a_number_only_for_those_who_may(toys, known, monkeypatch):
    monkeypatch.setattr(steps, "SIMILAR", -99.0)
    path = f"{PEOPLE}/{known['Ada']}/similar"
    found = toys("GET", path)
    assert {one["person"]["name"] for one in found} == {"Bob", "Cyd"}
    assert all(one["one_in"] >= 1 for one in found)
    plain = toys("GET", path, key=toys.key("enrol"))
    assert [one["one_in"] for one in plain] == [None, None]
    assert [one["person"] for one in plain] == [one["person"] for one in found]


def film_with(toys, name):
    """A film in which somebody is on screen from second 3, as its job stores it."""
    film = toys("POST", "/films", files={"film": ("party.mp4", b"x")})["id"]
    best = Face(portrait("Ada")[0, :4, 0].astype("f4"), 1.0)
    decision = Decision("match", name, 0.9, 0.9, 0.5, "Similar.")
    span = Appearance(name, 3.0, 5.0, (1,))
    answer = FilmAnswer(
        (Identity(name, (1,), 2.0, best, decision), Identity("unknown-1", (2,), 9.0, best)),
        (span,),
        (span,),
        (),
        (),
        9.0,
        {},
    )
    known = toys.state.tenants.open("default", "people", who="test")
    store_sightings(toys.state, "default", "people", known, film, answer)
    return film


def test_a_person_was_seen_in_films_albums_and_by_cameras(make):
    camera = Camera(name="door", source="0", gallery="people")
    toys = make(portraits=True, cameras=(camera,))
    made = toys.gallery("people", "Ada", "Bob", "Cyd")
    ids = {name: one["person"]["id"] for name, one in made.items()}
    film = film_with(toys, "Ada")
    seen = toys("GET", f"{PEOPLE}/{ids['Ada']}/seen")
    assert [(one["film"], one["first"], one["seconds"]) for one in seen["films"]] == [
        (film, 3.0, 2.0)
    ]
    album = toys("POST", "/albums", json={"name": "x", "gallery": "people"})["id"]
    files = [("photos", ("p.png", png(portrait("Bob"))))]
    toys("POST", f"/albums/{album}/photos", files=files)
    toys("POST", f"/albums/{album}/group")
    while toys.worker.once():
        pass
    [group] = toys("GET", f"/albums/{album}/groups")["items"]
    toys("POST", f"/albums/{album}/groups/{group['id']}/name", json={"name": "Bob"})
    [photo] = toys("GET", f"{PEOPLE}/{ids['Bob']}/seen")["photos"]
    assert (photo["album"], photo["name"]) == (album, "p.png")
    toys.state.store.run(
        "INSERT INTO events (tenant, camera, kind, person, at, row) VALUES (?, ?, ?, ?, ?, ?)",
        *("default", "door", "enter", "Cyd", time.time() + 60, "{}"),
    )
    assert [c["camera"] for c in toys("GET", f"{PEOPLE}/{ids['Cyd']}/seen")["cameras"]] == ["door"]
    listed = toys("GET", PEOPLE, params={"sort": "seen"})["items"]
    assert [one["name"] for one in listed] == ["Cyd", "Bob", "Ada"]
    toys.state.store.run("DELETE FROM sightings")
    assert toys("GET", f"{PEOPLE}/{ids['Ada']}")["last_seen"] is None
    by_name = toys("GET", PEOPLE, params={"sort": "name", "limit": 2})
    rest = toys("GET", PEOPLE, params={"sort": "name", "limit": 2, "cursor": by_name["next"]})
    assert [one["name"] for one in by_name["items"] + rest["items"]] == sorted(ids)


def test_sightings_follow_a_merge_and_its_undo_and_end_with_the_person(toys, known):
    film_with(toys, "Bob")
    toys("POST", f"{PEOPLE}/{known['Bob']}/merge", json={"into": known["Ada"]})
    assert len(toys("GET", f"{PEOPLE}/{known['Ada']}/seen")["films"]) == 1
    bob = undo(toys)["id"]
    assert toys("GET", f"{PEOPLE}/{known['Ada']}/seen")["films"] == []
    assert len(toys("GET", f"{PEOPLE}/{bob}/seen")["films"]) == 1
    toys("DELETE", f"{PEOPLE}/{bob}")
    assert toys.state.store.one("SELECT count(*) FROM sightings")[0] == 0


def test_the_worker_erases_steps_that_are_final(toys, known):
    toys("PATCH", f"{PEOPLE}/{known['Ada']}", json={"name": "Ada King"})
    assert toys.worker.sweep() == 0
    gallery = toys.state.tenants.open("default", "people", who="test")
    [fact] = gallery.engine.facts("step")
    old = json.dumps({**json.loads(fact.text), "at": "2020-01-01T00:00:00+00:00"})
    with gallery.engine.together():
        gallery.engine.put("step", old, "Ada King")
    assert toys.worker.sweep() == 1
    assert len(toys("GET", "/galleries/people/steps")) == 1

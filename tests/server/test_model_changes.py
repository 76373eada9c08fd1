"""The embedder of a gallery changes over HTTP: photos are sent again, tried, compared, switched."""

from dataclasses import replace

import numpy as np
import pytest
from tests.toy_server import TOYS, png, portrait
from tests.toys import NEW, TOY, Blind, Colours, Mirrored

from mien.decision.calibration import calibration_text

MODEL = "/galleries/people/model"


@pytest.fixture
def known(toys, monkeypatch):
    """Return known(embedder): a server with Ada and Bob, two photos each, and a second embedder."""

    def use(embedder):
        cards = {Colours.contract: "toy", NEW: "mirrored"}
        made = {"toy": TOYS, "mirrored": replace(TOYS, embedder=embedder, calibration=None)}
        for place in ("pipelines", "model_changes", "model_errors"):
            monkeypatch.setattr(f"mien.server.{place}.card_of_contract", cards.get)
        monkeypatch.setattr("mien.server.model_changes.choices", lambda caller: ["mirrored", "toy"])
        pipelines = toys.state.pipelines
        toys.gallery("people", "Ada", "Bob")
        monkeypatch.setattr(pipelines, "_given", None)
        monkeypatch.setattr(pipelines, "_known", made)
        for name in ("Ada", "Bob"):
            toys.enrol(name, picture=portrait(name, side=50))
        return toys

    return use


def gallery_of(toys):
    return toys.state.tenants.open("default", "people", who="test")


def begun(toys):
    toys("POST", MODEL, json={"embedder": "mirrored"})
    gallery_of(toys).bind(calibration_text(replace(TOY, contract=NEW)), None)


def send(toys, *pictures, **how):
    files = [("photos", (f"{n}.png", png(one))) for n, one in enumerate(pictures)]
    return toys("POST", f"{MODEL}/photos", files=files, **how)


def all_photos():
    return [portrait(name, side=side) for name in ("Ada", "Bob") for side in (60, 50)]


def test_photos_are_sent_again_and_the_model_is_switched_and_back(known):
    toys = known(Mirrored())
    assert toys("GET", MODEL)["change"] is None
    begun(toys)
    change = toys("GET", MODEL)["change"]
    assert (change["card"], change["templates"], change["embedded"]) == ("mirrored", 4, 0)
    assert change["photos"] == ["Ada.png", "Bob.png"]
    assert toys("POST", f"{MODEL}/switch", ok=False).status_code == 409  # a template lacks it
    ada, *others = all_photos()
    done = send(toys, ada, portrait("Cyd"))
    assert [(one["person"], one["outcome"]) for one in done["templates"]] == [("Ada", "embedded")]
    assert done["change"]["embedded"] == 1
    assert send(toys, *others)["change"]["embedded"] == 4
    assert send(toys, ada)["templates"] == []
    switched = toys("POST", f"{MODEL}/switch")
    assert (switched["model"], switched["change"]["switched"]) == (NEW, True)
    [answer] = toys.identify(portrait("Bob"), gallery="people")["answers"]
    assert answer["faces"][0]["decision"]["person"] == "Bob"
    assert toys("POST", f"{MODEL}/switch", ok=False).status_code == 409
    assert toys("POST", f"{MODEL}/rollback")["model"] == Colours.contract
    assert toys("DELETE", MODEL) | {"choices": []} == {
        "model": Colours.contract,
        "card": "toy",
        "choices": [],
        "change": None,
    }


def test_a_trial_counts_what_differs_and_answers_stay_the_same(known):
    toys = known(Blind())
    begun(toys)
    send(toys, *all_photos())
    assert toys("PUT", f"{MODEL}/trial", json={"on": True})["change"]["trial"] is True
    answers = toys.identify(portrait("Ada", "Bob"), gallery="people")["answers"]
    assert {face["decision"]["person"] for face in answers[0]["faces"]} == {"Ada", "Bob"}
    change = toys("GET", MODEL)["change"]  # counts of another request
    assert change["faces"] == 2
    assert change["equal"] < 2
    assert sum(one["faces"] for one in change["pairs"]) == 2
    assert {one["present"] for one in change["pairs"]} == {"match"}
    assert 0 <= change["equal_low"] < change["equal_high"] <= 1
    toys("PUT", f"{MODEL}/trial", json={"on": False})
    toys.identify(portrait("Ada"), gallery="people")
    assert toys("GET", MODEL)["change"]["faces"] == 2


def test_a_trial_that_cannot_run_is_refused_and_searches_go_on(known):
    toys = known(Mirrored())
    toys("POST", MODEL, json={"embedder": "mirrored"})  # no calibration fits
    refused = toys("PUT", f"{MODEL}/trial", json={"on": True}, ok=False)
    assert refused.status_code == 422
    assert toys("GET", MODEL)["change"]["trial"] is False
    [answer] = toys.identify(portrait("Ada"), gallery="people")["answers"]
    assert answer["faces"][0]["decision"]["person"] == "Ada"


def test_error_rates_of_both_models_are_of_the_same_templates(known):
    toys = known(Blind())
    begun(toys)
    send(toys, *all_photos()[:3])
    found = toys("GET", f"{MODEL}/errors", params={"rate": 0.1})
    assert (found["templates"], found["left_out"]) == (3, 1)
    assert (found["present"]["card"], found["other"]["card"]) == ("toy", "mirrored")
    assert found["present"]["missed"]["errors"] == 0
    assert found["present"]["missed"]["searches"] == found["other"]["missed"]["searches"] == 2
    assert found["present"]["named"]["searches"] == found["other"]["named"]["searches"] == 3
    # All faces are alike to the other model, so each stranger gets a name.
    strangers = next(one for one in found["changed"] if one["kind"] == "stranger")
    assert found["other"]["named"]["errors"] == strangers["only_other"] + strangers["both"] == 3
    cases = [one for one in found["cases"] if one["kind"] == "stranger"]
    assert len(cases) == strangers["only_other"] + strangers["only_present"]
    assert all(one["person"] != one["other_person"] for one in cases)


def test_without_a_change_there_is_nothing_to_compare(toys):
    toys.gallery("people", "Ada")
    assert toys("GET", MODEL)["change"] is None
    for method, path in (
        ("GET", "/errors"),
        ("POST", "/switch"),
        ("POST", "/rollback"),
        ("DELETE", ""),
    ):
        refused = toys(method, f"{MODEL}{path}", ok=False)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no-change")
    assert send(toys, portrait("Ada"), ok=False).status_code == 409


def test_an_embedder_that_is_not_here_and_a_photo_that_is_none_are_refused(known):
    toys = known(Mirrored())
    assert toys("POST", MODEL, json={"embedder": "no-model"}, ok=False).status_code == 404
    assert toys("POST", MODEL, json={"embedder": "toy"}, ok=False).status_code == 409  # is present
    begun(toys)
    assert toys("POST", MODEL, json={"embedder": "mirrored"}, ok=False).status_code == 409
    assert send(toys, b"this is no picture")["templates"] == []
    assert send(toys, b"", ok=False).status_code == 422


def test_only_an_administrator_changes_the_model(known):
    toys = known(Mirrored())
    begun(toys)
    review = toys.key("review")
    assert toys("GET", MODEL, key=review)["change"]["embedded"] == 0
    for method, path in (
        ("POST", ""),
        ("DELETE", ""),
        ("POST", "/switch"),
        ("POST", "/rollback"),
        ("PUT", "/trial"),
    ):
        body = {"json": {"embedder": "toy", "on": True}} if method != "DELETE" else {}
        assert toys(method, f"{MODEL}{path}", key=review, ok=False, **body).status_code == 403


def test_what_was_stored_of_a_film_is_not_mixed_with_another_embedder(tmp_path):
    from mien.server.films import PEOPLE, vectors
    from mien.server.problems import ApiError

    np.savez(tmp_path / PEOPLE, vectors=np.ones((1, 3), np.float32), embedder=NEW)
    assert vectors(tmp_path, NEW).shape == (1, 3)
    with pytest.raises(ApiError, match="identify the film again"):
        vectors(tmp_path, Colours.contract)


def test_searches_of_several_embedders_are_compared_with_their_own_kind(toys):
    key = toys.state.keys.find(toys.key("identify"))
    budgets = toys.state.budgets
    for size in (3, 4, 3):
        assert budgets.repeats(key, np.eye(size, dtype=np.float32)[:1]) is False

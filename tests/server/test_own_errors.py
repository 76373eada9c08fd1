"""Error rates on the people of a gallery, counted by hand."""

import pytest
from tests.toy_server import portrait

from mien.server import own_errors


@pytest.fixture
def gallery(toys):
    """Ada twice and Bob twice; a third photo of Ada is of Bob."""
    toys.gallery("people", "Ada", "Bob")
    for name in ("Ada", "Bob"):
        toys.enrol(name, picture=portrait(name, side=50))
    toys.enrol("Ada", picture=portrait("Bob", side=40), allow_conflicts=True)
    return toys


def test_a_wrong_photo_is_a_miss_and_makes_names_for_strangers(gallery):
    found = gallery("GET", "/galleries/people/errors", params={"rate": 0.1})
    assert (found["templates"], found["left_out"]) == (5, 0)
    missed, named = found["missed"], found["named"]
    # The wrong photo is more similar to Bob than to Ada.
    assert (missed["searches"], missed["errors"], missed["people"]) == (5, 1, 2)
    assert 0 <= missed["low"] < 1 / 5 < missed["high"] <= 1
    # It is named Bob, and both photos of Bob are named Ada.
    assert (named["searches"], named["errors"]) == (5, 3)
    worst = found["worst"][0]
    assert worst["error"] is True
    assert {one["kind"] for one in found["worst"] if one["error"]} == {"missed", "stranger"}
    assert worst["one_in"] >= 1
    pairs = [
        (one["kind"], frozenset((one["template"], one["other_template"]))) for one in found["worst"]
    ]
    assert len(pairs) == len(set(pairs))
    years = {one["kind"]: one for one in found["groups"] if one["by"] == "year"}
    assert (years["missed"]["searches"], years["missed"]["errors"]) == (5, 1)
    assert (years["named"]["searches"], years["named"]["errors"]) == (5, 3)


def test_groups_by_label_count_the_people_who_have_one(gallery):
    gallery.enrol("Cyd", picture=portrait("Cyd", side=50))
    asked = {"rate": 0.1, "labels": {"Ada": "old", "Bob": "young", "nobody": "old"}}
    found = gallery("POST", "/galleries/people/errors", json=asked)
    rows = {(one["kind"], one["group"]): one for one in found["groups"] if one["by"] == "label"}
    assert set(rows) == {(kind, of) for kind in ("missed", "named") for of in ("old", "young")}
    assert (rows["missed", "old"]["searches"], rows["missed", "old"]["errors"]) == (3, 1)
    assert (rows["missed", "young"]["searches"], rows["missed", "young"]["errors"]) == (2, 0)
    assert rows["named", "young"]["people"] == 1
    plain = gallery("GET", "/galleries/people/errors", params={"rate": 0.1})
    assert not [one for one in plain["groups"] if one["by"] == "label"]  # they are not kept


@pytest.mark.parametrize("labels", [{"Ada": ""}, {"Ada": "x" * 81}, ["Ada"], None])
def test_labels_that_are_none_are_refused(gallery, labels):
    refused = gallery("POST", "/galleries/people/errors", json={"labels": labels}, ok=False)
    assert refused.status_code == 422


def test_without_scores_no_number_is_shown(gallery):
    found = gallery("GET", "/galleries/people/errors", key=gallery.key("review"))
    assert {one["one_in"] for one in found["worst"]} == {None}


def test_a_large_gallery_is_compared_in_part(gallery, monkeypatch):
    monkeypatch.setattr(own_errors, "MOST", 3)
    found = gallery("GET", "/galleries/people/errors")
    assert (found["templates"], found["left_out"]) == (3, 2)
    assert {n for one in found["worst"] for n in (one["person"], one["other_person"])} == {1, 2}


@pytest.mark.parametrize("people", [(), ("Ada",)])
def test_nobody_can_be_mixed_up_with_nobody(toys, people):
    toys.gallery("people", *people)
    found = toys("GET", "/galleries/people/errors")
    assert found["worst"] == []
    assert found["missed"] == {"searches": 0, "errors": 0, "people": 0, "low": None, "high": None}

"""The review queue: other people, whole groups, originals, and planted questions."""

import random

import pytest
from tests.toy_server import png, portrait

from mien.albums import Groups, edits
from mien.server import planting


@pytest.fixture
def album(toys):
    """An album of Ada twice, of Bob and of Cyd, in a gallery that knows all three."""
    toys.gallery("people", "Ada", "Bob", "Cyd")
    number = toys("POST", "/albums", json={"name": "x"})["id"]
    pictures = [portrait("Ada"), portrait("Ada", side=50), portrait("Bob"), portrait("Cyd")]
    files = [("photos", (f"{i}.png", png(one))) for i, one in enumerate(pictures)]
    toys("POST", f"/albums/{number}/photos", files=files)
    toys("POST", f"/albums/{number}/group")
    while toys.worker.once():
        pass
    return toys, number


def groups(toys, number):
    return toys("GET", f"/albums/{number}/groups")["items"]


def file_of(toys, number):
    return toys.settings.folder / f"tenants/default/albums/{number}/groups.mien"


def ask(toys, album, first, second, score=3.0):
    toys.state.store.run(
        "INSERT INTO questions (tenant, album, kind, first, second, score, threshold) "
        "VALUES ('default', ?, 'same', ?, ?, ?, 3.5)",
        *(album, first, second, score),
    )


def test_a_question_proposes_who_else_it_may_be_and_shows_the_photo(album):
    toys, number = album
    asked = {one["person"]["name"]: one for one in toys("GET", "/review")["items"]}
    assert set(asked) == {"Ada", "Bob", "Cyd"}
    others = [one["name"] for one in asked["Ada"]["others"]]
    assert sorted(others) == ["Bob", "Cyd"]
    originals = sorted(asked["Ada"]["groups"][0]["originals"], key=lambda one: one["box"])
    assert [one["box"] for one in originals] == [[20, 20, 70, 70], [20, 20, 80, 80]]
    original = originals[0]
    photo = toys("GET", f"/albums/{number}/photos/{original['photo']}")
    assert photo.headers["content-type"] == "image/png"
    other = asked["Ada"]["others"][0]
    body = {"answer": "other", "person": other["id"], "enrol": False}
    toys("POST", f"/review/{asked['Ada']['id']}", json=body)
    assert other["name"] in [one["name"] for one in groups(toys, number)]


def test_all_of_a_group_is_one_answer_and_one_undo(album):
    toys, number = album
    before = groups(toys, number)
    ada, bob, cyd = (one["id"] for one in before)
    ask(toys, number, ada, bob)
    ask(toys, number, ada, cyd)
    [asked] = [
        one
        for one in toys("GET", "/review")["items"]
        if one["kind"] == "who" and one["groups"][0]["id"] == ada
    ]
    done = toys("POST", f"/review/{asked['id']}", json={"answer": "yes", "all": True})
    assert done["edits"] == 3
    [left] = groups(toys, number)
    assert (left["name"], len(left["faces"])) == ("Ada", 4)
    toys("POST", "/review/undo")
    assert groups(toys, number) == before
    assert toys("GET", "/review")["total"] == 5
    wrong = toys("POST", f"/review/{asked['id']}", json={"answer": "no", "all": True}, ok=False)
    assert wrong.status_code == 422


def test_all_of_a_group_leaves_what_is_kept_apart(album):
    toys, number = album
    ada, bob, cyd = (one["id"] for one in groups(toys, number))
    ask(toys, number, ada, bob)
    ask(toys, number, ada, cyd)
    with Groups(file_of(toys, number), made_by=None, read_only=False) as file:
        face = file.one("SELECT id FROM faces WHERE grouped = ?", cyd)[0]
        with file.change():
            file.db.execute("INSERT INTO nots (face, grouped) VALUES (?, ?)", (face, ada))
    [asked] = [
        one
        for one in toys("GET", "/review")["items"]
        if one["kind"] == "same" and one["groups"][1]["id"] == bob
    ]
    toys("POST", f"/review/{asked['id']}", json={"answer": "yes", "all": True})
    assert [one["id"] for one in groups(toys, number)] == [ada, cyd]
    left = [one for one in toys("GET", "/review")["items"] if one["kind"] == "same"]
    assert [one["groups"][1]["id"] for one in left] == [cyd]


def test_after_ten_answers_a_planted_question_measures_the_reviewer(album, monkeypatch):
    toys, number = album
    monkeypatch.setattr(planting, "EVERY", 3)
    for _ in range(3):
        asked = toys("GET", "/review")["items"][0]
        toys("POST", f"/review/{asked['id']}", json={"answer": "yes", "enrol": False})
    [asked] = toys("GET", "/review")["items"]
    known = toys.state.store.one("SELECT planted FROM questions WHERE id = ?", asked["id"])[0]
    assert known in ("yes", "no")
    assert [one["name"] for one in asked["groups"]] == [None, None]
    assert [one["size"] for one in asked["groups"]] == [1, 1]
    assert toys("GET", "/review/agreement") == {"asked": 0, "agreed": 0, "low": None, "high": None}
    before = groups(toys, number)
    done = toys("POST", f"/review/{asked['id']}", json={"answer": known})
    assert (done["edits"], done["templates"]) == (0, [])
    found = toys("GET", "/review/agreement")
    assert (found["asked"], found["agreed"], found["high"]) == (1, 1, 1.0)
    assert 0.2 < found["low"] < 0.21  # Wilson, 1 of 1
    toys("POST", "/review/undo")
    wrong = "no" if known == "yes" else "yes"
    toys("POST", f"/review/{asked['id']}", json={"answer": wrong})
    assert toys("GET", "/review/agreement")["agreed"] == 0
    assert groups(toys, number) == before
    assert sum(one["yes"] + one["no"] for one in toys("GET", "/review/figures")) == 3


def test_planted_questions_are_of_one_person_and_of_two(album):
    toys, number = album
    with Groups(file_of(toys, number), made_by=None, read_only=False) as file:
        assert planting.draw(file, random.Random(0)) is None
        for group in file.groups():
            edits.confirm(file, group.id)
        drawn = [planting.draw(file, random.Random(i)) for i in range(40)]
    same = [one.group == two.group for one, two in drawn]
    assert 5 < sum(same) < 35
    assert all(one.id != two.id for one, two in drawn)

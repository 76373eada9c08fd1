"""Albums: photos are grouped by a job, and people correct the groups."""

import pytest
from tests.toy_server import png, portrait


@pytest.fixture
def album(toys):
    """A server, and an album with groups: two photos of Ada, one with Bob and Cyd."""
    toys.gallery("people", "Ada")
    made = toys("POST", "/albums", json={"name": "Holiday"})
    path = f"/albums/{made['id']}"
    pictures = [portrait("Ada"), portrait("Ada", side=56), portrait("Bob", "Cyd")]
    files = [("photos", (f"{i}.png", png(one))) for i, one in enumerate(pictures)]
    assert len(toys("POST", f"{path}/photos", files=files)) == 3
    job = toys("POST", f"{path}/group")
    assert job["state"] == "queued"
    toys.worker.once()
    done = toys("GET", f"/jobs/{job['id']}")
    assert done["state"] == "done", done["error"]
    return toys, path


def groups(toys, path):
    return toys("GET", f"{path}/groups")["items"]


def test_photos_are_grouped_and_each_face_has_a_picture(album):
    toys, path = album
    found = groups(toys, path)
    assert [len(one["faces"]) for one in found] == [2, 1, 1]
    face = found[0]["faces"][0]
    picture = toys("GET", f"{path}/faces/{face['id']}/picture")
    assert picture.content.startswith(b"\xff\xd8")
    photo = toys("GET", f"{path}/photos/{face['photos'][0]}")
    assert photo.content == png(portrait("Ada"))
    facts = toys("GET", path)
    assert (facts["photos"], facts["groups"], facts["open"]) == (3, 3, 1)


def test_a_photo_that_is_uploaded_again_is_kept_once(album):
    toys, path = album
    files = [("photos", ("again.png", png(portrait("Ada"))))]
    [again] = toys("POST", f"{path}/photos", files=files)
    assert again["known"]
    assert toys("GET", f"{path}/photos")["total"] == 3


def test_groups_are_merged_split_excluded_and_every_edit_is_undone(album):
    toys, path = album
    before = groups(toys, path)
    ada, bob, cyd = before
    toys("POST", f"{path}/groups/{cyd['id']}/merge", json={"into": bob["id"]})
    assert len(groups(toys, path)) == 2
    face = cyd["faces"][0]["id"]
    new = toys("POST", f"{path}/groups/{bob['id']}/split", json={"faces": [face]})
    toys("POST", f"{path}/groups/{ada['id']}/exclude", json={"faces": [ada["faces"][1]["id"]]})
    assert len(groups(toys, path)) == 4
    toys(
        "POST",
        f"{path}/groups/{ada['id']}/faces",
        json={"faces": [ada["faces"][1]["id"]]},
        ok=False,
    )
    toys("POST", f"{path}/groups/{new['into']}/name", json={"name": "Cyd <b>"})
    assert "Cyd <b>" in [one["name"] for one in groups(toys, path)]
    face = bob["faces"][0]["id"]
    toys("POST", f"{path}/groups/{new['into']}/faces", json={"faces": [face]})
    assert len(groups(toys, path)) == 3
    for _ in range(5):
        toys("POST", f"{path}/undo")
    assert groups(toys, path) == before
    assert toys("POST", f"{path}/undo", ok=False).status_code == 409


def test_a_named_group_is_enrolled_without_a_path_of_the_server(album):
    toys, path = album
    bob = groups(toys, path)[1]
    toys("POST", f"{path}/groups/{bob['id']}/name", json={"name": "Bob"})
    done = toys("POST", f"{path}/groups/{bob['id']}/enrol", json={})
    assert done["person"] == "Bob"
    people = {one["name"]: one["id"] for one in toys("GET", "/galleries/people/people")["items"]}
    [kept] = toys("GET", f"/galleries/people/people/{people['Bob']}")["enrolled"]
    assert kept["source"] == "2.png"


def test_a_group_that_may_be_a_known_person_is_asked_about_and_the_answer_is_undone(album):
    toys, path = album
    [asked] = toys("GET", "/review")["items"]
    assert (asked["kind"], asked["person"]["name"]) == ("who", "Ada")
    done = toys("POST", f"/review/{asked['id']}", json={"answer": "yes"})
    assert (done["edits"], len(done["templates"]), done["total"]) == (1, 1, 0)
    assert groups(toys, path)[0]["name"] == "Ada"
    assert toys("GET", "/review/figures")[0]["yes"] == 1
    toys("POST", "/review/undo")
    assert groups(toys, path)[0]["name"] is None
    [ada] = toys("GET", "/galleries/people/people")["items"]
    assert ada["templates"] == 1
    assert toys("GET", "/review")["total"] == 1


def test_what_a_person_denied_is_not_asked_again(album):
    toys, path = album
    [asked] = toys("GET", "/review")["items"]
    toys("POST", f"/review/{asked['id']}", json={"answer": "no"})
    toys("POST", f"{path}/group")
    assert toys.worker.once().kind == "cluster"
    assert toys("GET", "/review")["total"] == 0


def test_a_skipped_question_can_be_answered_later(album):
    toys, _ = album
    [asked] = toys("GET", "/review")["items"]
    toys("POST", f"/review/{asked['id']}", json={"answer": "skip"})
    assert toys("GET", "/review")["items"] == []
    [again] = toys("GET", "/review", params={"skipped": True})["items"]
    assert again["id"] == asked["id"]
    toys("POST", f"/review/{asked['id']}", json={"answer": "yes"})
    assert (
        toys("POST", f"/review/{asked['id']}", json={"answer": "no"}, ok=False).status_code == 404
    )


def test_a_deleted_album_leaves_no_file(album):
    toys, path = album
    toys("DELETE", path)
    assert toys("GET", path, ok=False).status_code == 404
    assert list(toys.settings.folder.rglob("*.png")) == []
    assert toys("GET", "/review")["total"] == 0


def test_an_album_without_photos_fails_with_the_reason(toys):
    toys.gallery("people")
    made = toys("POST", "/albums", json={"name": "Empty"})
    assert toys("GET", f"/albums/{made['id']}/groups", ok=False).status_code == 409
    job = toys("POST", f"/albums/{made['id']}/group")
    toys.worker.once()
    done = toys("GET", f"/jobs/{job['id']}")
    assert (done["state"], "no photos" in done["error"]) == ("failed", True)

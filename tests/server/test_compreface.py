"""The REST of CompreFace, asked by its own SDK from the package index, unchanged."""

import base64

import pytest
from tests.server.running import listening
from tests.toy_server import png, portrait

# The SDK leaves the files of images open.
leaky = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SDK = "the SDK of CompreFace is not installed: pip install compreface-sdk"


@pytest.fixture
def toys(make):
    made = make(compat=("compreface",), portraits=True)
    made.gallery("people")
    return made


def ask(toys, method, path, *, key=None, **how):
    headers = {"x-api-key": key or toys.admin}
    return toys.client.request(method, f"/api/v1{path}", headers=headers, **how)


def add(toys, name, *, key=None, picture=None):
    files = {"file": ("a.png", png(portrait(name) if picture is None else picture))}
    return ask(toys, "POST", "/recognition/faces", params={"subject": name}, files=files, key=key)


def recognize(toys, *names, key=None, **params):
    files = {"file": ("a.png", png(portrait(*names)))}
    return ask(toys, "POST", "/recognition/recognize", files=files, key=key, params=params)


@pytest.fixture
def sdk(toys):
    compreface = pytest.importorskip("compreface", reason=SDK)
    with listening(toys.app) as url:
        host, _, port = url.rpartition(":")
        client = compreface.CompreFace(host, port, {"limit": 0, "prediction_count": 2})
        yield client, toys


@leaky
def test_its_sdk_enrols_recognises_and_deletes(sdk, tmp_path):
    client, toys = sdk
    recognition = client.init_face_recognition(toys.admin)
    faces, subjects = recognition.get_face_collection(), recognition.get_subjects()
    ada, both = str(tmp_path / "ada.png"), str(tmp_path / "both.png")
    (tmp_path / "ada.png").write_bytes(png(portrait("Ada")))
    (tmp_path / "both.png").write_bytes(png(portrait("Ada", "Bob")))
    made = faces.add(image_path=ada, subject="Ada")
    assert made["subject"] == "Ada"
    assert subjects.add("Bob") == {"subject": "Bob"}
    assert subjects.list() == {"subjects": ["Ada", "Bob"]}
    assert faces.list()["faces"] == [made]
    found = recognition.recognize(both)["result"]
    assert found[0]["subjects"][0]["subject"] == "Ada"
    best = sorted(one["subjects"][0]["similarity"] for one in found)
    assert best[0] < 0.5 < best[1]
    [same, other] = faces.verify(image_path=both, image_id=made["image_id"])["result"]
    assert {same["similarity"] > 0.5, other["similarity"] > 0.5} == {True, False}
    assert subjects.update("Bob", "Bobby") == {"updated": True}
    assert faces.delete(made["image_id"]) == made
    assert subjects.delete("Bobby") == {"subject": "Bobby"}
    assert subjects.list() == {"subjects": []}


@leaky
def test_its_sdk_detects_and_verifies(sdk, tmp_path):
    client, toys = sdk
    ada, both = str(tmp_path / "ada.png"), str(tmp_path / "both.png")
    (tmp_path / "ada.png").write_bytes(png(portrait("Ada")))
    (tmp_path / "both.png").write_bytes(png(portrait("Ada", "Bob")))
    [face] = client.init_face_detection(toys.admin).detect(ada)["result"]
    assert face["box"] == {"probability": 0.9, "x_min": 20, "y_min": 20, "x_max": 80, "y_max": 80}
    verification = client.init_face_verification(toys.admin)
    [found] = verification.verify(source_image_path=ada, target_image_path=both)["result"]
    assert len(found["face_matches"]) == 2
    assert sorted(one["similarity"] > 0.5 for one in found["face_matches"]) == [False, True]


def test_a_stranger_is_never_above_a_half(toys):
    add(toys, "Ada")
    [face] = recognize(toys, "Bob").json()["result"]
    assert face["subjects"][0]["similarity"] <= 0.5
    assert face["decision"]["outcome"] == "unknown"


def test_without_the_scope_a_similarity_is_one_or_nothing(toys):
    add(toys, "Ada")
    key = toys.key("identify")
    found = recognize(toys, "Ada", "Bob", key=key, face_plugins="calculator").json()["result"]
    assert [one["subjects"] for one in found] in (
        [[{"subject": "Ada", "similarity": 1.0}], []],
        [[], [{"subject": "Ada", "similarity": 1.0}]],
    )
    assert all("embedding" not in one for one in found)
    assert all(one["decision"]["score"] is None for one in found)


def test_plugins_status_and_limit(toys):
    add(toys, "Ada")
    how = {"face_plugins": "landmarks,calculator", "status": True, "limit": 1}
    answer = recognize(toys, "Ada", "Bob", **how).json()
    [face] = answer["result"]
    assert len(face["landmarks"]) == 5
    assert len(face["embedding"]) == 3
    assert {"detector", "calculator"} <= set(answer["plugins_versions"])
    assert face["execution_time"]["detector"] >= 0


def test_an_image_in_base64(toys):
    add(toys, "Ada")
    body = {"file": base64.b64encode(png(portrait("Ada"))).decode()}
    found = ask(toys, "POST", "/recognition/recognize", json=body).json()["result"]
    assert found[0]["subjects"][0]["subject"] == "Ada"
    for bad in ({"file": "%%"}, {"file": 3}, []):
        assert ask(toys, "POST", "/recognition/recognize", json=bad).status_code == 400


def test_refusals_have_its_form(toys):
    empty = recognize(toys)
    assert (empty.status_code, empty.json()["code"]) == (400, 28)
    assert set(empty.json()) == {"message", "code"}
    assert add(toys, "Ada", picture=b"x").status_code == 400
    assert ask(toys, "POST", "/recognition/recognize").status_code == 400
    assert ask(toys, "DELETE", "/recognition/subjects/Eve").status_code == 404
    assert ask(toys, "DELETE", "/recognition/faces/x").status_code == 404
    wrong = ask(toys, "GET", "/recognition/subjects", key="wrong")
    assert (wrong.status_code, wrong.json()["code"]) == (401, 401)


def test_keys_and_tenants_hold_here_too(toys):
    add(toys, "Ada")
    reader = toys.key("identify")
    assert add(toys, "Bob", key=reader).status_code == 403
    assert ask(toys, "GET", "/recognition/subjects", key=reader).status_code == 403
    other = toys.key("admin", tenant="two")
    assert ask(toys, "GET", "/recognition/subjects", key=other).status_code == 404


def test_two_names_are_merged_and_all_are_deleted(toys):
    add(toys, "Ada")
    add(toys, "Bob")
    body = {"subject": "Ada"}
    assert ask(toys, "PUT", "/recognition/subjects/Bob", json=body).json() == {"updated": True}
    listed = ask(toys, "GET", "/recognition/faces", params={"size": 1, "page": 1}).json()
    assert (listed["total_elements"], listed["total_pages"], len(listed["faces"])) == (2, 2, 1)
    deleted = ask(toys, "DELETE", "/recognition/faces", params={"subject": "Ada"}).json()
    assert deleted == {"deleted": 2}
    add(toys, "Cyd")
    assert ask(toys, "DELETE", "/recognition/subjects").json() == {"deleted": 1}


def test_it_is_not_there_unless_it_is_asked_for(make):
    toys = make("plain")
    assert ask(toys, "GET", "/recognition/subjects").status_code == 404

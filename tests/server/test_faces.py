"""Answers about photos: those of the command line, and no number without its scope."""

from dataclasses import replace
from io import BytesIO

import jsonschema
import numpy as np
import pytest
from tests.toy_server import png, portrait

from mien.service.schema import answer_schema
from mien.synth import Actor, Scene, make_person, open_head, render
from mien.zoo import load


def photos(*pictures):
    return [("photos", (f"{i}.png", png(one))) for i, one in enumerate(pictures)]


@pytest.mark.parametrize("path", ["/detect", "/quality", "/analyze"])
def test_faces_are_found_without_a_gallery(toys, path):
    [found] = toys("POST", path, files=photos(portrait("Ada", "Bob")))["answers"]
    assert len(found["faces"]) == 2
    assert found["faces"][0]["decision"] is None
    jsonschema.validate(found, answer_schema())


def test_people_are_identified_as_by_the_pipeline(toys):
    toys.gallery("people", "Ada", "Bob")
    [found] = toys.identify(portrait("Ada", "Cyd"), details=True)["answers"]
    jsonschema.validate(found, answer_schema())
    assert {face["decision"]["outcome"] for face in found["faces"]} == {"match", "unknown"}
    known = toys.state.tenants.open("default", "people", who="x")
    pipeline = toys.state.pipelines.searching(known)
    scores = [face.decision.score for face in pipeline(portrait("Ada", "Cyd")).faces]
    assert [face["decision"]["score"] for face in found["faces"]] == pytest.approx(scores, abs=1e-4)


def test_an_unreadable_photo_does_not_stop_the_others(toys):
    toys.gallery("people", "Ada")
    first, second = toys.identify(b"no picture", portrait("Ada"))["answers"]
    jsonschema.validate(first, answer_schema())
    assert "error" in first
    assert second["faces"][0]["decision"]["person"] == "Ada"


def test_without_the_scope_there_is_a_decision_and_no_number(toys):
    toys.gallery("people", "Ada")
    key = toys.key("identify")
    [found] = toys.identify(portrait("Ada"), key=key, details=True)["answers"]
    jsonschema.validate(found, answer_schema())
    decision = found["faces"][0]["decision"]
    assert (decision["outcome"], decision["person"]) == ("match", "Ada")
    withheld = ("similarity", "score", "threshold", "probability", "margin")
    assert [decision[name] for name in withheld] == [None] * 5
    assert not any(digit in decision["reason"] for digit in "0123456789")
    assert all(one["score"] is None for one in decision["candidates"])


def test_scores_of_one_person_end_after_some_and_decisions_go_on(toys):
    toys.gallery("people", "Ada")
    key = toys.key("identify", "scores")
    seen = [
        toys.identify(portrait("Ada"), key=key)["answers"][0]["faces"][0]["decision"]
        for _ in range(22)
    ]
    assert [one["score"] is not None for one in seen] == [True] * 20 + [False] * 2
    assert {one["outcome"] for one in seen} == {"match"}


def test_two_photos_are_compared(toys):
    files = {"first": ("a.png", png(portrait("Ada"))), "second": ("b.png", png(portrait("Bob")))}
    decision = toys("POST", "/verify", files=files)["decision"]
    assert (decision["outcome"], decision["person"]) == ("unknown", None)
    files["second"] = ("c.png", png(portrait("Ada", side=40)))
    assert toys("POST", "/verify", files=files)["decision"]["outcome"] == "match"
    files["second"] = ("d.png", png(portrait("Ada", "Bob")))
    refused = toys("POST", "/verify", files=files, ok=False)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "no-face")


def test_a_rate_that_cannot_be_is_refused(toys):
    toys.gallery("people", "Ada")
    for rate in ("0", "1", "nan", "-1", "many"):
        assert toys.identify(portrait("Ada"), rate=rate, ok=False).status_code == 422


def test_frames_of_a_camera_have_tracks_that_last(toys):
    toys.gallery("people", "Ada")
    how = {"params": {"session": "a-random-text"}, "headers": {"Content-Type": "image/jpeg"}}
    first = toys("POST", "/live/frames", content=png(portrait("Ada")), **how)
    second = toys("POST", "/live/frames", content=png(portrait("Ada", "Bob")), **how)
    assert first["faces"][0]["decision"]["person"] == "Ada"
    tracks = {face["track"]: face["decision"]["outcome"] for face in second["faces"]}
    assert tracks[first["faces"][0]["track"]] == "match"
    assert sorted(tracks.values()) == ["match", "unknown"]
    assert len(toys.state.live) == 1
    toys("DELETE", "/live/a-random-text")
    assert len(toys.state.live) == 0


def test_a_frame_that_is_no_picture_is_refused(toys):
    toys.gallery("people")
    how = {"params": {"session": "a-random-text"}, "headers": {"Content-Type": "image/jpeg"}}
    refused = toys("POST", "/live/frames", content=b"nothing", ok=False, **how)
    assert refused.json()["error"]["code"] == "unreadable-image"


def test_liveness_is_stated_with_its_head_and_scores_need_the_scope(toys):
    toys.gallery("people", "Ada")
    how = {"liveness": "refuse", "liveness_head": "liveness-texture"}
    [face] = toys.identify(portrait("Ada"), **how)["answers"][0]["faces"]
    assert face["liveness"]["model"].startswith("liveness-texture@")
    assert face["liveness"]["point"] == "bpcer5"
    found = face["liveness"]["outcome"]
    codes = {"live": None, "attack": "liveness-attack", "no-response": "liveness-no-response"}
    assert face["decision"]["code"] == codes[found]
    bare = toys.key("identify")
    [face] = toys.identify(portrait("Ada"), key=bare, **how)["answers"][0]["faces"]
    assert face["liveness"]["outcome"] == found
    assert face["liveness"]["score"] is None
    files = [("photos", ("a.png", png(portrait("Ada"))))]
    answer = toys("POST", "/liveness", files=files, data={"liveness_head": "liveness-texture"})
    [face] = answer["answers"][0]["faces"]
    assert (face["liveness"]["outcome"], face["decision"]) == (found, None)


def array(values):
    """The bytes of an .npy file."""
    content = BytesIO()
    np.save(content, values)
    return content.getvalue()


@pytest.fixture(scope="module")
def rendered():
    head = open_head("builtin")
    return render(Actor(head, make_person(1_616, head)), Scene(), truth=True, nir=True)


def seen(frame, **planes):
    files = [("photos", ("f.png", png(frame.rgb)))]
    return files + [(name, (f"{name}.bin", content)) for name, content in planes.items()]


MMDA = {"liveness_head": "liveness-mmda"}


@pytest.mark.weights
def test_depth_and_infrared_of_one_photo_are_used_as_by_the_command(toys, rendered, monkeypatch):
    models, detector = toys.state.pipelines, load("mtcnn")  # toys find coloured squares only
    plain = models.plain

    def real(**how):
        return replace(plain(**how), detector=detector)

    monkeypatch.setattr(models, "plain", real)
    infrared = png(np.repeat(rendered.nir[..., None], 3, 2))
    files = seen(rendered, depth=array(rendered.depth), infrared=infrared)
    [face] = toys("POST", "/liveness", files=files, data=MMDA)["answers"][0]["faces"]
    assert face["liveness"]["modalities"] == ["rgb", "depth", "infrared"]
    assert face["liveness"]["outcome"] == "live"
    files = seen(rendered, depth=array(np.zeros(rendered.depth.shape)), infrared=infrared)
    [face] = toys("POST", "/liveness", files=files, data=MMDA)["answers"][0]["faces"]
    assert face["liveness"]["ignored"] == ["depth-empty"]


@pytest.mark.parametrize(
    ("planes", "how", "status", "message"),
    [
        ({"depth": array(np.ones((9, 9)))}, MMDA, 409, "aligned pixel by pixel"),
        ({"depth": b"no picture"}, MMDA, 422, "depth.bin"),
        ({"depth": array(np.ones((9, 9), np.uint8))}, MMDA, 422, "16 bits or more"),
        ({"depth": b""}, MMDA, 422, "empty"),
        ({"infrared": png(portrait("Ada"))}, MMDA, 422, "is in colour"),
        (
            {"depth": array(np.ones((9, 9)))},
            {"liveness_head": "liveness-texture"},
            409,
            "does not use depth",
        ),
    ],
)
def test_planes_that_cannot_be_used_are_refused(toys, rendered, planes, how, status, message):
    answer = toys("POST", "/liveness", files=seen(rendered, **planes), data=how, ok=False)
    assert (answer.status_code, message in answer.text) == (status, True), answer.text


def test_depth_of_two_photos_is_refused(toys, rendered):
    files = [*photos(portrait("Ada")), *seen(rendered, depth=array(rendered.depth))]
    answer = toys("POST", "/liveness", files=files, data=MMDA, ok=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "one-photo")


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ({"liveness_head": "mtcnn"}, 409, "does not check liveness"),
        ({"liveness_head": "nobody"}, 404, "nobody"),
        ({"liveness_head": "liveness-texture", "liveness_at": "apcer0"}, 409, "operating point"),
        ({"liveness": "perhaps"}, 422, "liveness"),
    ],
)
def test_a_check_that_cannot_be_made_is_refused_and_never_live(toys, how, status, message):
    toys.gallery("people", "Ada")
    answer = toys.identify(portrait("Ada"), ok=False, **{"liveness": "warn", **how})
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from tests.export.conftest import face

from mien import service
from mien.albums.groups import Group, Member
from mien.gallery import Template, open_gallery
from mien.media import write_image
from mien.service.schema import (
    SCHEMA,
    Extent,
    answer_row,
    answer_schema,
    decision_row,
    face_row,
    group_row,
    identified_row,
    skipped_row,
    verified_row,
)
from mien.types import Answer, Quality, Reading

WHOLE = Extent(details=True, sources=True)


def closed(schema):
    """The published schema, which permits new keys, as one that permits none."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and "required" in schema and "oneOf" not in schema:
        shut["additionalProperties"] = False
    return shut


STRICT = Draft202012Validator(closed(answer_schema()))
PUBLISHED = Draft202012Validator(answer_schema())


@pytest.fixture
def known(toy_pipeline, portrait, tmp_path):
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as gallery:
        one = toy_pipeline.main_face(portrait("Ada"))
        gallery.add([Template("Ada", one.embedding, one.embedder, source="/home/ada/secret.jpg")])
        toy_pipeline.use(gallery)
        yield toy_pipeline


def test_a_group_holds_no_vectors():
    box = np.float32([30, 30, 70.123, 80])
    points = np.zeros((5, 2), np.float32)
    member = Member(box, points, np.float32([1, 0]), id=5, paths=("a.jpg",), digest="d", group=3)
    box = [30.0, 30.0, 70.1, 80.0]
    one = {"face": 5, "images": ["a.jpg"], "box": box, "confirmed": False, "told": False}
    row = group_row(Group(3, None, (member,)))
    assert row == {"schema": SCHEMA, "group": 3, "name": None, "faces": [one]}


def test_the_published_schema_is_valid_and_has_this_version():
    Draft202012Validator.check_schema(answer_schema())
    assert answer_schema()["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize("extent", [Extent(), Extent(details=True), WHOLE])
def test_real_answers_keep_the_schema(known, portrait, film, scene, tmp_path, extent):
    write_image(tmp_path / "a.png", portrait("Ada", "Cyd"))
    write_image(tmp_path / "none.png", np.zeros((50, 50, 3), np.uint8))
    (tmp_path / "bad.png").write_bytes(b"nothing")
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    path = film([scene({"Ada": (10, 10)})] * 10 + [scene({"Cyd": (60, 90)})] * 10)
    names = [str(tmp_path / n) for n in ("a.png", "none.png", "bad.png", "bad.mp4")] + [str(path)]
    rows = [identified_row(one, extent) for one in service.identify(names, known)]
    assert ["faces" in row for row in rows] == [True, True, False, False, False]
    assert [bool(row.get("people")) for row in rows] == [False] * 4 + [True]
    for row in [*rows, skipped_row("A folder is not readable.")]:
        STRICT.validate(json.loads(json.dumps(row, allow_nan=False)))
        PUBLISHED.validate({**row, "a new key": 1})
    text = json.dumps(rows)
    assert ("secret.jpg" in text) == extent.sources
    assert ("components" in text) == extent.details
    people = [(one["label"], one["person"]) for one in rows[-1]["people"]]
    assert sorted(people, key=str) == [("Ada", "Ada"), ("unknown-1", None)]


@pytest.mark.parametrize("outcome", ["match", "review", "unknown"])
def test_person_is_the_name_of_a_match_only(outcome):
    row = decision_row(face(0, 0, outcome).decision)
    assert row["person"] == ("Ada" if outcome == "match" else None)
    listed = [one["person"] for one in row.get("candidates", [])]
    assert listed == (["Ada", "Zed"] if outcome == "review" else [])
    whole = decision_row(face(0, 0, outcome).decision, WHOLE)
    assert [one["person"] for one in whole["candidates"]] == ["Ada", "Zed"]
    assert whole["candidates"][0]["source"] == "/home/ada/secret.jpg"


def test_a_schema_breach_is_found(known, portrait):
    row = answer_row(known(portrait("Ada")), "a.png")
    row["faces"][0]["decision"]["outcome"] = "review"  # with a person
    with pytest.raises(ValidationError):
        PUBLISHED.validate(row)
    with pytest.raises(ValidationError):
        PUBLISHED.validate({"schema": 1, "skipped": "x"})


def test_what_the_decisions_share_is_told_once(known, portrait):
    row = answer_row(known(portrait("Ada", "Cyd")), "a.png")
    assert row["search"]["calibration"] == "toy"
    assert row["search"]["prior"] == 0.5
    assert "basis" not in row["faces"][0]["decision"]
    assert answer_row(Answer((), (5, 5)), "a.png")["search"] is None


def test_a_face_takes_at_most_a_kilobyte():
    from dataclasses import replace

    advice = ("Use an image with more pixels: the eyes are 12 px apart.",) * 3
    quality = Quality({f"component_{k}": 50.123 for k in range(18)}, {}, advice)
    reading = Reading("age", {"years": 33.21}, "year", "age-fahr@0123456789ab", {"years": 20.1},
                      {"years": 45.2})  # fmt: skip
    found = replace(face(1234.56, 2345.67, "review"), quality=quality, readings=(reading,))
    assert len(json.dumps(face_row(found)).encode()) <= 1000
    assert len(json.dumps(face_row(found, WHOLE)).encode()) > 1000


def test_points_that_were_not_found_are_null():
    one = face(0, 0, "match")
    one.points[2] = np.nan
    row = answer_row(Answer((one,), (5, 5)), "a.png")
    assert row["faces"][0]["points"][2] == [None, None]
    STRICT.validate(json.loads(json.dumps(row, allow_nan=False)))


def test_a_verification_holds_the_origin_of_its_threshold():
    row = verified_row("a", "b", face(0, 0, "unknown").decision)
    assert row["basis"]["calibration"] == "toy"
    assert "secret" not in json.dumps(row)

"""The gate of enrolment: doubts with the other side shown, quarantine, and what is learned."""

from dataclasses import replace

import numpy as np
import pytest
from tests.service.test_enrolment import gallery, write  # noqa: F401

from mien.gallery import Template
from mien.gallery.conflicts import Conflicts, strictest_limit
from mien.service import enroll, items_in
from mien.service.gate import Gate
from mien.service.schema import enrolled_row
from mien.types import Face, Quality


def rows(results):
    return [(r.item.path.name, r.outcome, r.reason) for r in results]


@pytest.fixture
def photos(tmp_path):
    return tmp_path / "photos"


def run(photos, pipeline, gallery, **how):  # noqa: F811
    return list(enroll(items_in(photos), pipeline, gallery, **how))


def test_doubtful_images_wait_and_the_others_are_enrolled(write, photos, toy_pipeline, gallery):  # noqa: F811
    write("Ada/1.png", "Ada")
    write("Ada/2.png", "Bob")  # the wrong person
    write("Bob/3.png", "Bob")
    results = run(photos, toy_pipeline, gallery, review=True)
    assert rows(results) == [
        ("1.png", "enrolled", None),
        ("2.png", "quarantined", "outlier"),
        ("3.png", "enrolled", None),
    ]
    [doubt] = results[1].doubts
    assert (doubt.person, doubt.template) == ("Ada", 1)
    assert doubt.source.endswith("1.png")
    assert doubt.similarity < 0.9
    row = enrolled_row(results[1])
    assert row["doubts"][0]["code"] == "outlier"
    assert [held.id for held in gallery.quarantined()] == [results[1].template]
    assert len(gallery) == 2
    # The next run knows the image; without --review nothing has changed.
    assert rows(run(photos, toy_pipeline, gallery, review=True))[1] == rows(results)[1]
    assert rows(run(photos, toy_pipeline, gallery, retry=True))[1] == rows(results)[1]


def test_a_conflict_shows_both_sides_and_waits_or_is_refused(write, photos, toy_pipeline, gallery):  # noqa: F811
    write("Ada/1.png", "Ada")
    run(photos, toy_pipeline, gallery)
    write("Eve/2.png", "Ada")
    refused = run(photos, toy_pipeline, gallery)[1]
    assert (refused.outcome, refused.reason) == ("refused", "conflict")
    assert [(d.person, d.template) for d in refused.doubts] == [("Ada", 1)]
    held = run(photos, toy_pipeline, gallery, review=True, retry=True)[1]
    assert (held.outcome, held.reason) == ("quarantined", "conflict")
    assert [(d.code, d.person, d.template) for d in held.doubts] == [("conflict", "Ada", 1)]
    assert held.doubts[0].source.endswith("1.png")
    gallery.accept(held.template)
    gallery.relate("Ada", "Eve", same=False)
    write("Eve/3.png", "Ada", side=50)
    third = run(photos, toy_pipeline, gallery, review=True)[2]
    assert third.item.path.name == "3.png"
    assert third.outcome in ("enrolled", "quarantined")
    assert "conflict" not in {doubt.code for doubt in third.doubts}


def test_what_is_learned_waits_as_a_group_and_rolls_back(write, photos, toy_pipeline, gallery):  # noqa: F811
    write("Ada/1.png", "Ada")
    run(photos, toy_pipeline, gallery)
    write("Ada/2.png", "Ada", side=50)
    result = run(photos, toy_pipeline, gallery, learn="november")[1]
    assert (result.outcome, result.doubts[-1].code) == ("quarantined", "learned")
    [held] = gallery.quarantined(group="november")
    gallery.accept(held.id)
    assert len(gallery) == 2
    assert gallery.roll_back("november").templates == 1
    assert len(gallery) == 1


@pytest.fixture
def asked(toy_pipeline, gallery):  # noqa: F811
    """Return asked(degrees, **measures): the codes of the doubts about a face of Ada at 0."""
    calibration = toy_pipeline.calibrated()
    contract = toy_pipeline.embedder.contract

    def vector(degrees):
        turned = np.deg2rad(degrees)
        return np.array([np.cos(turned), np.sin(turned), 0], np.float32)

    gallery.add([Template("Ada", vector(0), contract, "ada.jpg")])

    def ask(degrees, person="Ada", **measures):
        face = Face(
            np.zeros(4, np.float32), 1.0, embedding=vector(degrees), quality=Quality({}, measures)
        )
        limit = lambda: strictest_limit(calibration)  # noqa: E731
        # The toy has a cohort whose norms say nothing about these vectors.
        gate = Gate(gallery, lambda: replace(calibration, cohort=()), Conflicts(gallery, limit))
        return gate.doubts(person, face)

    return ask


def test_each_doubt_has_its_code(asked):
    assert asked(20) == []
    [copy] = asked(3)
    assert (copy.code, copy.template, copy.source) == ("duplicate-template", 1, "ada.jpg")
    assert copy.similarity == pytest.approx(np.cos(np.deg2rad(3)), abs=1e-6)
    assert [d.code for d in asked(90)] == ["outlier"]
    assert [d.code for d in asked(20, head_pose_yaw=-60.0)] == ["pose"]
    [dark] = asked(20, luminance_mean=0.01)
    assert (dark.code, dark.detail[:20]) == ("quality", "The face is too dark")
    assert {d.code for d in asked(90, head_pose_yaw=60.0)} == {"pose", "outlier"}
    assert asked(170, "Ben") == []  # nobody to compare with, and similar to nobody
    assert [d.code for d in asked(2, "Ben")] == ["conflict"]

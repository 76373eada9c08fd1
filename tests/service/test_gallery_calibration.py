"""A calibration that belongs to a gallery: used there by default, and watched."""

from dataclasses import replace

import numpy as np
import pytest

from mien.decision import CalibrationError
from mien.decision.calibration import calibration_text, write_calibration
from mien.decision.drift import WINDOW
from mien.errors import GalleryError
from mien.gallery import Template, open_gallery
from mien.gallery.watching import bound_calibration, calibration_for
from mien.photo.search import GallerySearch
from mien.service.gallery_calibration import bind_calibration, reference_levels, sample_of
from mien.types import Face, Quality


def unit(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def path(tmp_path, toy_pipeline):
    """A gallery of 60 people with two templates each, of the toy embedder."""
    contract = toy_pipeline.embedder.contract
    with open_gallery(tmp_path / "g.mien", contract, create=True) as gallery:
        vectors = unit(120, 0)
        gallery.add([Template(f"p{i // 2}", v, contract) for i, v in enumerate(vectors)])
    return tmp_path / "g.mien"


@pytest.fixture
def own(toy_pipeline):
    return replace(toy_pipeline.calibrated(), name="own", people=7)


def test_the_calibration_of_a_gallery_is_used_there_and_nowhere_else(
    path, tmp_path, toy_pipeline, own
):
    contract = toy_pipeline.embedder.contract
    shipped = toy_pipeline.calibration
    with open_gallery(path, contract) as gallery:
        bind_calibration(gallery, own)
    pipeline = replace(toy_pipeline, calibration=None)
    with open_gallery(path, contract, read_only=True) as gallery:
        pipeline.use(gallery)
        assert pipeline.calibrated() == own
        assert calibration_for(gallery, own.detector, None) == own
        explicit = replace(toy_pipeline, calibration=replace(shipped, name="mine"))
        explicit.use(gallery)
        assert explicit.calibrated().name == "mine"  # a given file is used
        file = tmp_path / "c.json"
        write_calibration(replace(own, name="file"), file)
        assert calibration_for(gallery, own.detector, file).name == "file"
    with open_gallery(tmp_path / "other.mien", contract, create=True) as other:
        pipeline.use(other)
        assert pipeline.calibration is None  # not that of the first gallery


def test_it_survives_and_is_replaced_and_removed(path, toy_pipeline, own):
    contract = toy_pipeline.embedder.contract
    with open_gallery(path, contract) as gallery:
        bind_calibration(gallery, own)
        bind_calibration(gallery, replace(own, name="second"))
        assert bound_calibration(gallery, own.detector).name == "second"
        assert gallery.calibration() == calibration_text(replace(own, name="second"))
        gallery.unbind()
        assert bound_calibration(gallery, own.detector) is None
        assert gallery.drift() is None
        acts = [entry.act for entry in gallery.journal.entries()]
        assert acts[-3:] == ["calibrate", "calibrate", "uncalibrate"]
        assert gallery.check() == []


def test_another_detector_or_embedder_is_refused(path, toy_pipeline, own):
    with open_gallery(path, None) as gallery:
        with pytest.raises(GalleryError, match="calibrate that embedder"):
            bind_calibration(gallery, replace(own, contract="other"))
        bind_calibration(gallery, own)
        with pytest.raises(CalibrationError, match="was calibrated with detector"):
            bound_calibration(gallery, "another")


def searched(path, toy_pipeline, vectors, **how):
    """Search a gallery for vectors, as a program of its own does."""
    with open_gallery(path, toy_pipeline.embedder.contract, **how) as gallery:
        faces = [Face(np.zeros(4, np.float32), 1.0, embedding=v) for v in vectors]
        GallerySearch(gallery, bound_calibration(gallery, "squares"))(vectors, faces)
    with open_gallery(path, None, read_only=True) as gallery:
        return gallery.drift()


def test_live_searches_like_those_of_the_calibration_give_no_alarm_and_others_do(
    path, toy_pipeline, own
):
    own = replace(own, detector="squares")
    with open_gallery(path, None) as gallery:
        levels = reference_levels(gallery, own)
        assert len(levels) == 120
        assert bind_calibration(gallery, own) is not None
    state = searched(path, toy_pipeline, unit(WINDOW, 1), read_only=True)
    assert (state.windows, state.alarms) == (1, 0)  # stored, though changes were refused
    narrow = unit(WINDOW, 2) * 0.05 + np.float32([0.6, 0.5, 0.62])  # all faces are similar
    narrow = (narrow / np.linalg.norm(narrow, axis=1, keepdims=True)).astype(np.float32)
    state = searched(path, toy_pipeline, narrow, read_only=True)
    assert (state.windows, state.alarms, state.alarm) == (2, 1, True)


def test_programs_that_search_at_once_lose_no_count(path, toy_pipeline, own):
    own = replace(own, detector="squares")
    contract = toy_pipeline.embedder.contract
    with open_gallery(path, None) as gallery:
        bind_calibration(gallery, own)
    with open_gallery(path, contract) as one, open_gallery(path, contract) as two:
        for turn in range(30):
            for gallery in (one, two):
                gallery.observed([-1.0 + turn / 100] * 3)
    with open_gallery(path, None) as gallery:
        assert sum(gallery.drift().window) == 180


def test_the_people_of_a_gallery_are_the_data_and_those_who_are_one_count_once(path):
    with open_gallery(path, None) as gallery:
        vectors, people = sample_of(gallery)
        assert (vectors.shape, len(set(people))) == ((120, 3), 60)
        gallery.relate("p1", "p5", same=True)
        _, people = sample_of(gallery)
        assert (people.count("p1"), people.count("p5")) == (4, 0)
    with (
        open_gallery(path.with_name("new.mien"), "toy", create=True) as empty,
        pytest.raises(GalleryError, match="is empty"),
    ):
        sample_of(empty)


def test_a_small_gallery_is_not_watched(tmp_path, toy_pipeline, own):
    contract = toy_pipeline.embedder.contract
    with open_gallery(tmp_path / "small.mien", contract, create=True) as gallery:
        gallery.add([Template(f"p{i}", v, contract) for i, v in enumerate(unit(20, 0))])
        assert bind_calibration(gallery, own) is None
        assert gallery.drift() is None


# ---------------------------------------------------------------- sharpness


def sharp_faces(vectors, sharpness):
    values = np.clip(np.random.default_rng(9).normal(sharpness, 10, len(vectors)), 0, 100)
    return [
        Face(
            np.zeros(4, np.float32),
            1.0,
            embedding=vector,
            quality=Quality({"sharpness": float(value)}, {}, ()),
        )
        for vector, value in zip(vectors, values, strict=True)
    ]


@pytest.mark.parametrize(("sharpness", "alarm"), [(80, False), (60, True)])
def test_blurred_faces_give_an_alarm_where_the_scores_of_strangers_do_not_change(
    tmp_path, toy_pipeline, own, sharpness, alarm
):
    contract, vectors = toy_pipeline.embedder.contract, unit(400, 0)
    with open_gallery(tmp_path / "g.mien", contract, create=True) as gallery:
        values = np.clip(np.random.default_rng(1).normal(80, 10, 400), 0, 100)
        gallery.add(
            [
                Template(f"p{i // 2}", v, contract, quality={"sharpness": float(q)})
                for i, (v, q) in enumerate(zip(vectors, values, strict=True))
            ]
        )
        bind_calibration(gallery, own)
        live = unit(WINDOW, 5)
        search = GallerySearch(gallery, own)
        search(live, sharp_faces(live, sharpness))
        drift = gallery.drift("sharpness")
        assert (drift.windows, drift.alarm) == (1, alarm)
        assert not gallery.drift().alarm


def test_templates_without_a_stored_quality_give_no_test_of_sharpness(path, toy_pipeline, own):
    with open_gallery(path, toy_pipeline.embedder.contract) as gallery:
        bind_calibration(gallery, own)
        assert gallery.drift("sharpness") is None
        assert gallery.drift() is not None

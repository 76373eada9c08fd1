import json

import numpy as np
import pytest

from mien.errors import GalleryMismatchError, MienError, NoFaceError
from mien.gallery import Template, open_gallery
from mien.photo import Pipeline, open_pipeline
from mien.service.schema import answer_row
from mien.testing import TOY_DEVICE
from mien.types import Crop, Reading


@pytest.fixture
def family(tmp_path, toy_pipeline, portrait):
    """Ada and Bob, one template each."""
    with open_gallery(tmp_path / "family.mien", toy_pipeline.embedder.contract, create=True) as it:
        for name in ("Ada", "Bob"):
            face = toy_pipeline.main_face(portrait(name))
            it.add([Template(name, face.embedding, face.embedder)])
        yield it


def test_each_step_that_was_given_is_run_and_timed(toy_pipeline, family, portrait):
    toy_pipeline.use(family)
    answer = toy_pipeline(portrait("Ada", "Cyd"))
    found = {(face.decision.outcome, face.decision.person) for face in answer.faces}
    assert found == {("match", "Ada"), ("unknown", None)}
    assert set(answer.seconds) == {"detect", "quality", "embed", "match"}
    on = "on NumPy, 1 threads"
    assert answer.models == {"detect": f"squares {on}", "embed": f"colours {on}"}
    assert all(face.quality for face in answer.faces)


def test_a_step_that_was_not_given_is_not_run(toy_pipeline, portrait):
    finder = Pipeline(detector=toy_pipeline.detector, quality=False)
    [face] = finder(portrait("Ada")).faces
    assert (face.embedding, face.quality, face.decision) == (None, None, None)


def test_heads_add_their_readings_in_order(toy_pipeline, portrait):
    class Redness:
        name, digest, device = "redness", "", TOY_DEVICE
        crop = Crop(size=8)

        def __call__(self, chips):
            return [
                Reading("redness", {"red": float(c[4, 4, 0])}, "grey value", "r") for c in chips
            ]

    pipeline = Pipeline(detector=toy_pipeline.detector, heads=[Redness(), Redness()])
    [face] = pipeline(portrait("Ada")).faces
    assert [reading.values["red"] for reading in face.readings] == [250, 250]


def test_a_picture_without_a_face_gives_a_reason(toy_pipeline):
    answer = toy_pipeline(np.zeros((50, 50, 3), np.uint8))
    assert answer.faces == ()
    assert answer.reason == "none"


def test_an_answer_as_json_holds_no_vectors_and_no_nan(toy_pipeline, family, portrait):
    toy_pipeline.use(family)
    row = answer_row(toy_pipeline(portrait("Ada")), "ada.png")
    told = json.dumps(row, allow_nan=False)
    assert "embedding" not in told
    decision = row["faces"][0]["decision"]
    assert decision["outcome"] == "match"
    assert decision["person"] == "Ada"
    assert row["search"]["calibration"] == "toy"


def test_a_gallery_of_another_embedder_is_refused(tmp_path, toy_pipeline):
    with (
        open_gallery(tmp_path / "x.mien", "other/2/3", create=True) as gallery,
        pytest.raises(GalleryMismatchError, match="other/2/3"),
    ):
        toy_pipeline.use(gallery)


def test_a_gallery_needs_an_embedder(family, toy_pipeline):
    with pytest.raises(MienError, match="needs an embedder"):
        Pipeline(detector=toy_pipeline.detector, gallery=family)


def test_verify_says_same_and_different(toy_pipeline, portrait):
    ada, again, bob = (toy_pipeline.only_face(portrait(name)) for name in ("Ada", "Ada", "Bob"))
    assert toy_pipeline.verify(ada, again).outcome == "match"
    assert toy_pipeline.verify(ada, bob).outcome == "unknown"


def test_verify_needs_vectors(toy_pipeline, portrait):
    face = toy_pipeline.only_face(portrait("Ada"))
    bare = Pipeline(detector=toy_pipeline.detector)(portrait("Ada")).faces[0]
    with pytest.raises(MienError, match="the same embedder"):
        toy_pipeline.verify(face, bare)


def test_a_portrait_of_two_is_refused_where_one_is_meant(toy_pipeline, portrait):
    with pytest.raises(NoFaceError, match="2 faces of similar size"):
        toy_pipeline.only_face(portrait("Ada", "Bob"), "both.png")
    with pytest.raises(NoFaceError, match=r"empty\.png: No face"):
        toy_pipeline.only_face(np.zeros((50, 50, 3), np.uint8), "empty.png")


def test_a_bystander_is_no_second_portrait(toy_pipeline, portrait):
    image = portrait("Ada")
    image[2:12, 2:12] = [30, 250, 30]  # Bob, far away
    assert toy_pipeline.only_face(image).box[0] == 20


def test_a_pipeline_without_a_calibration_cannot_decide(toy_pipeline, family, portrait):
    pipeline = Pipeline(detector=toy_pipeline.detector, embedder=toy_pipeline.embedder)
    pipeline.use(family)
    with pytest.raises(MienError, match="No calibration"):
        pipeline(portrait("Ada"))


@pytest.mark.parametrize("smallest", [11.9, 0, -5, float("nan"), float("inf")])
def test_a_smallest_face_that_no_network_sees_is_refused(smallest):
    with pytest.raises(MienError, match="is not possible; give 12 px or more"):
        open_pipeline(embedder=None, smallest=smallest)


def test_a_detector_with_a_fixed_input_refuses_a_smallest_face():
    with pytest.raises(MienError, match="'blazeface' cannot search for faces from a chosen size"):
        open_pipeline(detector="blazeface", embedder=None, smallest=20)


@pytest.mark.weights
def test_the_smallest_face_is_set_and_reported():
    pipeline = open_pipeline(embedder=None, smallest=30)
    assert pipeline(np.full((900, 1200, 3), 90, np.uint8)).smallest == 30


@pytest.mark.weights
def test_with_several_workers_each_model_uses_one_thread():
    pipeline = open_pipeline(workers=2)
    assert pipeline.workers == 2
    assert (pipeline.detector.device.threads, pipeline.embedder.device.threads) == (1, 1)
    assert open_pipeline(embedder=None).workers == 1

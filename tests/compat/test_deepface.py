"""Scripts for DeepFace run after one changed import, with the same keys of results."""

import numpy as np
import pytest

from mien.compat import CompatWarning, scale
from mien.compat.deepface import DeepFace
from mien.errors import NoFaceError
from mien.media import write_image

pytestmark = pytest.mark.weights


@pytest.fixture(autouse=True)
def fresh():
    scale.state_once.cache_clear()


@pytest.fixture
def paths(astronaut, hopper, tmp_path):
    """Paths of two images of one person, one of another, and one without a face."""
    pictures = {
        "a": astronaut,
        "dim": (astronaut * 0.8).astype(np.uint8),
        "b": hopper,
        "none": np.zeros((200, 200, 3), np.uint8),
    }
    found = {}
    for name, picture in pictures.items():
        found[name] = str(tmp_path / f"{name}.png")
        write_image(found[name], picture)
    return found


def test_two_images_are_compared(paths):
    same = DeepFace.verify(paths["a"], paths["dim"])
    other = DeepFace.verify(paths["a"], paths["b"])
    assert set(same) == {
        "verified",
        "distance",
        "threshold",
        "confidence",
        "model",
        "detector_backend",
        "similarity_metric",
        "false_match_rate",
        "facial_areas",
        "time",
    }
    assert (same["verified"], other["verified"]) == (True, False)
    assert same["distance"] < 0.6 < other["distance"]
    assert same["confidence"] > 99 > 50 > other["confidence"]
    assert same["false_match_rate"] == pytest.approx(1e-3)
    area = same["facial_areas"]["img1"]
    assert area["right_eye"][0] < area["left_eye"][0]  # of the person
    assert DeepFace.verify(paths["a"], paths["dim"], threshold=0.0)["verified"] is False


def test_what_has_no_effect_is_stated_once(paths):
    with pytest.warns(CompatWarning, match="model_name='ArcFace' has no effect"):
        DeepFace.verify(paths["a"], paths["dim"], model_name="ArcFace")


def test_no_face_is_an_error_or_no_result(paths):
    with pytest.raises(NoFaceError, match="could not be detected"):
        DeepFace.verify(paths["a"], paths["none"])
    with pytest.warns(CompatWarning, match="whole image"):
        found = DeepFace.verify(paths["a"], paths["none"], enforce_detection=False)
    assert (found["verified"], found["distance"]) == (False, None)
    assert DeepFace.represent(paths["none"], enforce_detection=False) == []
    assert DeepFace.extract_faces(paths["none"], enforce_detection=False) == []
    assert DeepFace.analyze(paths["none"], enforce_detection=False) == []


def test_faces_are_embedded_and_cut(paths, astronaut):
    [one] = DeepFace.represent(paths["a"])
    assert len(one["embedding"]) == 128
    [two] = DeepFace.represent(astronaut[..., ::-1])  # as OpenCV reads it
    assert np.allclose(one["embedding"], two["embedding"])
    [face] = DeepFace.extract_faces(paths["a"])
    assert face["face"].shape == (224, 224, 3)
    assert 0 <= face["face"].min() <= face["face"].max() <= 1
    with pytest.raises(ValueError, match="liveness"):
        DeepFace.extract_faces(paths["a"], anti_spoofing=True)


def test_a_person_is_found_in_a_folder(paths, tmp_path):
    pytest.importorskip("pandas", reason="tables need pandas: pip install 'mien[analyze]'")
    before = sorted(tmp_path.iterdir())
    with pytest.warns(CompatWarning):
        [table] = DeepFace.find(paths["dim"], tmp_path)
    assert sorted(tmp_path.iterdir()) == before  # no file of embeddings
    assert [name.rpartition("/")[2] for name in table["identity"]] == ["dim.png", "a.png"]
    assert table["distance"].is_monotonic_increasing
    assert {"target_x", "source_w", "threshold", "distance"} <= set(table.columns)


def test_age_and_expression_are_read_and_groups_are_not(paths):
    [row] = DeepFace.analyze(paths["a"], actions=["age", "emotion"])
    assert 0 < row["age"] < 120
    assert sum(row["emotion"].values()) == pytest.approx(100, abs=0.5)
    assert row["dominant_emotion"] in row["emotion"]
    assert "happy" in row["emotion"]
    for action in ("race", "gender"):
        with pytest.raises(ValueError, match="guesses about people"):
            DeepFace.analyze(paths["a"], actions=[action])

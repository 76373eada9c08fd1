"""mien scene, with a head whose graph always gives the same outputs."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mien.media import write_image
from mien.systems.evoked_a4net.head import EvokedA4Net
from mien.types import Face

FALLS = (0.5, -0.25, 1.0, 2.0)  # of the logit of sadness, without each branch
LOGITS = np.array([[0, 0, 0, 0, 0, 0, 0, 3.0]])


def flat(*colour, side=64):
    return np.full((side, side, 3), colour, np.uint8)


@pytest.fixture
def picture(tmp_path):
    write_image(tmp_path / "a.png", flat(255, 0, 0))
    return tmp_path / "a.png"


@pytest.fixture
def head(toy, monkeypatch):
    """Make `mien scene --heads trained` open a head that sees sadness; give its faces a number."""
    maps = np.zeros((1, 8, 2, 2))
    maps[0, 7] = [[0, 1], [0, 0]]
    without = np.repeat(LOGITS[:, None], 4, 1)
    without[0, :, 7] -= FALLS
    answers = {"logits": LOGITS, "attributes": [[0.7, 0.3]], "scene": [[0, 2]],
               "face": [[0] * 6], "map": maps, "without": without}  # fmt: skip
    path = toy(["n", 3, 64, 64], answers)
    head = EvokedA4Net(path, name="trained", scenes=("beach", "shop"))
    faces = []
    card = SimpleNamespace(task="evoked-emotion", trained_on="emoset, by: mien train")
    monkeypatch.setattr("mien.zoo.find", lambda name: card)
    opened = {"trained": head, "mtcnn": lambda image: faces}
    monkeypatch.setattr("mien.zoo.load", lambda name, **how: opened[name])
    return faces


def test_a_head_that_learnt_from_drawn_scenes_is_a_demo(head, picture, mien, monkeypatch):
    words = ("scene", picture, "--heads", "trained", "--detector", "mtcnn")
    _, out, err = mien(*words)
    assert "demo" not in json.loads(out)
    assert "demo" not in err
    card = SimpleNamespace(task="evoked-emotion", trained_on="synthetic data, by: mien train")
    monkeypatch.setattr("mien.zoo.find", lambda name: card)
    _, out, err = mien(*words)
    assert json.loads(out)["demo"] is True
    assert "trained on drawn scenes" in err


def test_without_a_head_the_formulas_answer(picture, mien):
    code, out, _ = mien("scene", picture)
    assert code == 0
    assert json.loads(out) == {
        "image": str(picture), "brightness": 0.299, "colourfulness": 0.7847, "faces": None,
    }  # fmt: skip


def test_a_head_predicts_and_explains(head, picture, mien, tmp_path):
    drawn = tmp_path / "map.png"
    words = ("--heads", "trained", "--detector", "mtcnn", "--explain", "--out", drawn)
    _, out, _ = mien("scene", picture, *words)
    row = json.loads(out)
    assert row["evokes"] == "sadness"
    assert row["evoked-emotion"]["sadness"] == pytest.approx(np.exp(3) / (np.exp(3) + 7), abs=1e-4)
    assert row["picture-scene"]["shop"] == pytest.approx(0.8808)
    assert row["faces"] == 0
    assert row["picture-face"] == "none"
    # No face: its branch has no effect that could be named.
    assert row["contributions"] == {
        "colourfulness": 0.5, "brightness": -0.25, "scene": 1.0, "face": "none",
    }  # fmt: skip
    assert "not what the photographer" in row["limit"]
    assert drawn.read_bytes()[:4] == b"\x89PNG"


def test_the_effect_of_a_face_is_named_where_there_is_one(head, picture, mien):
    head.append("a face")
    _, out, _ = mien("scene", picture, "--heads", "trained", "--detector", "mtcnn", "--explain")
    row = json.loads(out)
    assert row["contributions"]["face"] == 2.0
    assert row["picture-face"]["happy"] == pytest.approx(0.1667)


def test_the_effect_of_faces_that_were_cut_out_is_named(toy, head, picture, mien, monkeypatch):
    """A head with the part: the mean expression of the faces adds to the logit of sadness."""
    shift, average, shown = np.zeros((3, 1, 8))
    shift[0, 7], average[0, 7] = 1.5, 0.25
    graph = toy(["n", 3, 32, 32], {"shift": shift, "face": shown[:, :6], "average": average})
    without = np.repeat(LOGITS[:, None], 4, 1)
    answers = {"logits": LOGITS, "attributes": [[0.7, 0.3]], "scene": [[0, 2]],
               "face": [[0] * 6], "map": np.zeros((1, 8, 2, 2)), "without": without}  # fmt: skip
    made = EvokedA4Net(toy(["n", 3, 64, 64], answers), graph, name="trained",
                       scenes=("beach", "shop"), face_crops="branch")  # fmt: skip
    opened = {"trained": made, "mtcnn": lambda image: head}
    monkeypatch.setattr("mien.zoo.load", lambda name, **how: opened[name])
    words = ("scene", picture, "--heads", "trained", "--detector", "mtcnn", "--explain")
    row = json.loads(mien(*words)[1])
    assert row["contributions"]["face crops"] == "none"
    assert row["evoked-emotion"]["sadness"] == pytest.approx(np.exp(3) / (np.exp(3) + 7), abs=1e-4)
    head.append(Face(np.array([5, 5, 40, 40], np.float32), 1.0))
    row = json.loads(mien(*words)[1])
    assert row["contributions"]["face crops"] == 1.25
    share = np.exp(4.5) / (np.exp(4.5) + 7)
    assert row["evoked-emotion"]["sadness"] == pytest.approx(share, abs=1e-4)


def test_a_table_for_people(head, picture, mien):
    _, out, _ = mien("scene", picture, "--heads", "trained", "--detector", "mtcnn", "--table")
    assert "sadness" in out
    assert "colourfulness" in out


def test_pictures_that_cannot_be_used_are_named_and_the_others_answered(picture, mien, tmp_path):
    write_image(tmp_path / "small.png", flat(0, 0, 0, side=16))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    code, out, err = mien("scene", picture, tmp_path / "small.png", tmp_path / "broken.png")
    assert code == 1
    rows = [json.loads(line) for line in out.splitlines()]
    assert ["error" in row for row in rows] == [False, True, True]
    assert "small.png: A picture of 16 x 16 px is too small to show a scene" in err
    assert "broken.png" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--explain",), "--explain needs --heads"),
        (("--heads", "expression"), "not what a picture evokes"),
        (("--heads", "evoked-a4net"), "ships no weights"),
        (("--out", "map.png"), "--out needs one picture"),
    ],
)
def test_what_is_refused(words, message, picture, mien):
    code, _, err = mien("scene", picture, *words)
    assert code == 1
    assert message in err

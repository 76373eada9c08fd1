"""mien eval expression, age and batch-leak as a user runs them, on heads that are toys."""

import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from mien.contracts import Subject
from mien.media import read_image, write_image
from mien.photo import Pipeline
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face, Reading
from mien.zoo import Eval, find, load

FIVE = np.array([[10, 12], [22, 12], [16, 18], [12, 24], [20, 24]], np.float32)


class Finder:
    name, digest, device = "finder", "", TOY_DEVICE

    def __call__(self, image):
        box = np.array([4, 4, 28, 28], np.float32)
        return [Face(box, 0.9, FIVE, detector=self.name)] if image.any() else []


class Moody:
    """Anger is red, happiness green: a head of two classes."""

    crop, classes, digest = Crop(size=8), ("anger", "happiness"), "0123"
    name, device = "moody", TOY_DEVICE

    def __call__(self, chips):
        red = [float(0.9 if c[..., 0].mean() > c[..., 1].mean() else 0.2) for c in chips]
        return [
            Reading("expression", {"anger": r, "happiness": 1 - r}, "probability", "moody")
            for r in red
        ]


class Grey:
    """Age is half of the grey value, with an interval of five years each way."""

    name, digest, device = "grey", "", TOY_DEVICE
    crop = Crop(size=8)

    def __call__(self, chips):
        ages = [float(c.mean() / 2) for c in chips]
        return [
            Reading("age", {"age": a}, "year", "grey", {"age": a - 5}, {"age": a + 5}) for a in ages
        ]


@pytest.fixture
def toys(monkeypatch):
    toy = Pipeline(detector=Finder())
    for place in ("eval.heads", "explain"):
        monkeypatch.setattr(f"mien.cli.{place}.opened", lambda *names, **chosen: toy)
    heads = {"moody": Moody(), "grey": Grey()}

    def open_toy(name, **how):
        return heads[name] if name in heads else load(name, **how)

    def open_subject(name, **how):
        return Subject("chip-head", heads[name])

    def find_toy(name):
        card = find("expression")
        asked = Eval(protocol="classes", layout="folders", classes=Moody.classes)
        return replace(card, name=name, eval=asked) if name in heads else find(name)

    monkeypatch.setattr("mien.zoo.find", find_toy)
    monkeypatch.setattr("mien.service.auditing.find", find_toy)
    monkeypatch.setattr("mien.zoo.load", open_toy)
    monkeypatch.setattr("mien.service.auditing.open_subject", open_subject)


def put(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((32, 32, 3), colour, np.uint8))


@pytest.mark.parametrize("cut", ["aligned", "whole"])
def test_expressions_of_a_split(mien, toys, tmp_path, cut):
    root = tmp_path / "set"
    for k in range(4):
        put(root / "test" / "anger" / f"{k}.png", (200, 20 + k, 20))
        put(root / "test" / "happiness" / f"{k}.png", (20, 200, 20 + k))
        put(root / "train" / "happiness" / f"{k}.png", (200, 20, 20))  # would be wrong
    put(root / "test" / "happiness" / "9.png", (200, 20, 20))
    put(root / "test" / "fear" / "1.png", (200, 20, 20))
    code, out, err = mien("eval", "expression", root, "--model", "moody", "--split", "test",
                          "--cut", cut)  # fmt: skip
    assert code == 0
    told = json.loads(out)
    assert told["headline"]["accuracy"]["value"] == pytest.approx(8 / 9, rel=1e-4)
    assert "1 images of other classes are left out" in err
    assert told["basis"]["Read by"] == "moody@0123"
    assert ("Faces found by" in told["basis"]) == (cut == "aligned")
    code, _, err = mien("eval", "expression", root, "--model", "moody", "--split", "val")
    assert code == 1
    assert "has no split 'val' with labels of expression; it has test, train" in err


def test_any_head_is_evaluated_as_its_card_says(mien, toys, tmp_path):
    for k in range(3):
        put(tmp_path / "set" / "anger" / f"{k}.png", (200, 20 + k, 20))
        put(tmp_path / "set" / "happiness" / f"{k}.png", (20, 200, 20 + k))
    code, out, err = mien("eval", "task", "moody", tmp_path / "set", "--cut", "whole")
    assert code == 0, err
    assert json.loads(out)["headline"]["accuracy"]["value"] == 1
    code, _, err = mien("eval", "task", "moody", tmp_path / "set", "--layout", "nothing")
    assert code == 1
    assert "There is no layout 'nothing'; there are" in err
    code, _, err = mien("eval", "task", "batch-leakage", tmp_path / "set")
    assert "has no [eval]" in err


def test_clips_are_read_as_the_card_of_a_clip_head_says(mien, tmp_path):
    random = np.random.default_rng(0)
    words = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    rows = ["clip,frames_dir,split,person," + ",".join(f"v_{word}" for word in words)]
    for number in range(4):
        for k in range(6):
            path = tmp_path / f"c{number}" / f"{k}.png"
            path.parent.mkdir(exist_ok=True)
            write_image(path, random.integers(0, 256, (48, 48, 3), dtype=np.uint8))
        rows.append(f"c{number},c{number},test,P{number},{number},0,0,{9 - number},1,0,0")
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n")
    code, out, err = mien("eval", "task", "expression-midas", tmp_path)
    assert code == 0, err
    told = json.loads(out)
    assert told["headline"]["accuracy"]["trials"] == 4
    assert told["basis"]["Read by"].startswith("expression-midas@")


def test_names_that_name_no_picture_are_told(mien, toys, tmp_path):
    root, names = tmp_path / "set", tmp_path / "test.txt"
    for k in range(3):
        put(root / "anger" / f"{k}.png", (200, 20, 20))
    ask = ("eval", "expression", root, "--model", "moody", "--names", names)
    names.write_text("anger/0.png\n")
    code, _, err = mien(*ask)
    assert code == 1
    assert "None of the 3 images" in err
    assert "such as 0.png" in " ".join(err.split())
    names.write_text("0.png\n2.png\n")
    code, out, _ = mien(*ask)
    assert code == 0
    assert json.loads(out)["headline"]["accuracy"]["value"] == 1


def test_ages_by_band(mien, toys, tmp_path):
    for age, said in ((8, 10), (25, 25), (35, 40), (80, 71)):
        put(tmp_path / f"{age}_0_0_20170101.jpg.chip.png", (2 * said,) * 3)
    code, out, _ = mien("eval", "age", tmp_path, "--model", "grey", "--cut", "whole",
                        "--report", tmp_path / "a.html")  # fmt: skip
    assert code == 0
    told = json.loads(out)
    assert told["headline"]["mean absolute error"]["value"] == pytest.approx(4, abs=0.01)
    assert told["headline"]["truth in the stated interval"]["value"] == pytest.approx(
        0.75, abs=0.01
    )
    assert [row["Truth"] for row in told["tables"][0]["rows"]] == [
        "0 to 13", "20 to 30", "30 to 40", "70 to 117",
    ]  # fmt: skip
    assert (tmp_path / "a.html").is_file()


def test_a_leak_is_looked_for_in_noise_and_in_a_folder(mien, toys, tmp_path):
    code, out, _ = mien("eval", "batch-leak", "--model", "moody")
    assert code == 0
    assert json.loads(out)["headline"]["leaks"]["value"] == 0
    for k in range(8):
        put(tmp_path / "faces" / str(k % 2) / f"{k}.png", (200 - 20 * k, 90, 20))
    code, out, _ = mien("eval", "batch-leak", "--model", "moody", "--folder", tmp_path / "faces",
                        "--table")  # fmt: skip
    assert code == 0
    assert "sorted by class" in out


@pytest.mark.parametrize("way", ["occlusion", "rise"])
def test_an_answer_is_explained_as_a_picture(mien, toys, tmp_path, way):
    half = np.full((32, 32, 3), 20, np.uint8)
    half[:, 16:] = 220
    write_image(tmp_path / "half.png", half)
    code, out, err = mien("explain", tmp_path / "half.png", "--model", "grey", "--way", way,
                          "--out", tmp_path / "why.png")  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert (told["label"], told["unit"], told["way"]) == ("age", "year", way)
    assert told["raises"] > told["noise"] > 0
    drawn = read_image(tmp_path / "why.png").astype(int)
    assert drawn.shape[1] == 768
    assert drawn.shape[0] > 384  # with a colour scale below
    assert drawn[190, 740, 0] > drawn[190, 740, 2] + 20  # the bright half raises: red
    assert drawn[190, 390, 0] < drawn[190, 390, 2] + 20  # the dark one does not
    put(tmp_path / "a.png", (200, 90, 20))
    code, _, err = mien("explain", tmp_path / "a.png", "--model", "moody",
                        "--out", tmp_path / "none.png")  # fmt: skip
    assert code == 1
    assert "No part of the face has a measurable effect on 'anger'" in err
    assert not (tmp_path / "none.png").exists()
    code, _, err = mien("explain", tmp_path / "a.png", "--model", "moody", "--label", "joy",
                        "--out", tmp_path / "why.png")  # fmt: skip
    assert code == 1
    assert "has no number 'joy'" in err
    put(tmp_path / "black.png", (0, 0, 0))
    code, _, err = mien("explain", tmp_path / "black.png", "--model", "moody",
                        "--out", tmp_path / "why.png")  # fmt: skip
    assert "No face was found in" in err
    code, _, err = mien(
        "explain", tmp_path / "a.png", "--model", "moody", "--out", tmp_path / "x.txt"
    )
    assert "expected a .png file" in err


def test_the_layouts_that_can_be_typed_are_those_that_are_read():
    from mien.cli.eval.images import Labels
    from mien.datasets import LABELS

    assert set(get_args(Labels)) == set(LABELS)

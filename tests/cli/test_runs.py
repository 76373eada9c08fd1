"""The run folder of a training in the place of a name: analyze, eval, explain, audit, models."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from mien.media import write_image
from mien.zoo import File, fetch, write_card
from mien.zoo.card import own_cards

pytestmark = pytest.mark.usefixtures("own_runs")
CLASSES = ("anger", "happiness", "surprise")


@pytest.fixture
def run(tmp_path):
    """A run folder with the weights of a shipped head."""
    card = own_cards()["expression-convcut"]
    [path] = fetch(card)
    content = path.read_bytes()
    place = tmp_path / "runs" / "one"
    place.mkdir(parents=True)
    (place / "weights.onnx").write_bytes(content)
    file = File(source="beside:weights.onnx", sha256=hashlib.sha256(content).hexdigest(),
                size=len(content))  # fmt: skip
    write_card(replace(card, name="convcut-mine", files=(file,)), place / "card.toml")
    return place


@pytest.fixture
def faces(tmp_path):
    """Four pictures of each of three labels, cut already."""
    random = np.random.default_rng(0)
    for word in CLASSES:
        (tmp_path / "faces" / word).mkdir(parents=True)
        for k in range(4):
            image = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            write_image(tmp_path / "faces" / word / f"{k}.png", image)
    return tmp_path / "faces"


def said(out):
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.weights
@pytest.mark.parametrize("added", [False, True])
def test_a_run_folder_is_used_like_a_name(mien, run, faces, astronaut, tmp_path, added):
    name = str(run)
    if added:
        code, out, err = mien("models", "add", run, "--name", "smile-2")
        assert (code, said(out)[0]["name"]) == (0, "smile-2"), err
        name = "smile-2"
    write_image(tmp_path / "portrait.png", astronaut)
    code, out, err = mien("analyze", tmp_path / "portrait.png", "--heads", name)
    assert code == 0, err
    [row] = said(out)
    [shipped] = said(mien("analyze", tmp_path / "portrait.png", "--heads", "expression-convcut")[1])
    assert row["expression_happiness"] == shipped["expression_happiness"]
    code, out, err = mien("eval", "expression", faces, "--model", name, "--cut", "whole")
    assert code == 0, err
    shipped = mien("eval", "expression", faces, "--model", "expression-convcut", "--cut", "whole")
    assert said(out)[0]["headline"] == said(shipped[1])[0]["headline"]
    code, out, err = mien("eval", "task", name, faces, "--layout", "folders", "--cut", "whole")
    assert code == 0, err
    code, out, err = mien("explain", faces / "anger" / "0.png", "--model", name, "--cut", "whole",
                          "--label", "anger", "--out", tmp_path / "why.png")  # fmt: skip
    assert code == 0 or "no measurable" in err or "effect" in err, err
    code, out, err = mien("audit", "batch-leakage", "--model", name)
    assert code == 0, err


def test_an_added_model_is_listed_shown_verified_and_removed(mien, run):
    assert mien("models", "add", run)[0] == 0
    code, out, _ = mien("models", "list", "--task", "expression")
    rows = {row["name"]: row for row in said(out)}
    assert rows["convcut-mine"]["fetched"] is True
    assert said(mien("models", "show", "convcut-mine")[1])[0]["name"] == "convcut-mine"
    assert said(mien("models", "verify", "convcut-mine")[1])[0]["status"] == "whole"
    assert mien("models", "remove", "convcut-mine")[0] == 0
    code, _, err = mien("models", "remove", "convcut-mine")
    assert (code, "No model 'convcut-mine' was added" in err) == (1, True)


def test_what_is_no_finished_training_is_told_in_one_line(mien, run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = mien("models", "add", tmp_path / "empty")
    assert (code, "has no card.toml" in err) == (1, True)
    write_image(tmp_path / "x.png", np.zeros((64, 64, 3), np.uint8))
    code, _, err = mien("analyze", tmp_path / "x.png", "--heads", tmp_path / "empty")
    assert (code, "has no card.toml" in err) == (1, True)
    code, _, err = mien("explain", tmp_path / "x.png", "--model", tmp_path / "none",
                        "--out", tmp_path / "y.png")  # fmt: skip
    assert (code, "There is no folder" in err) == (1, True)
    (run / "weights.onnx").write_bytes(b"changed")
    code, _, err = mien("models", "add", run)
    assert (code, "train it again" in err) == (1, True)
    assert "Traceback" not in err

"""Commands that move photographs: the truth is beside them, and they declare themselves."""

import json
import shutil

import numpy as np
import pytest

from mien.evaluate.demo import portraits
from mien.media import read_change, read_image
from mien.synth import read_truth

pytestmark = [pytest.mark.weights, pytest.mark.slow]


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "photos").mkdir()
    return shutil.copy(portraits()["Eileen Collins"], tmp_path / "photos" / "eileen.jpg")


def test_a_picture_of_a_photograph_is_moved_and_declares_itself(mien, photo, tmp_path):
    out = {}
    for name, words in {"still": (), "smile": ("--set", "AU12=0.8")}.items():
        code, text, err = mien("synth", "puppet", photo, tmp_path / f"{name}.png", "--size", 96,
                               *words)  # fmt: skip
        assert code == 0, err
        out[name] = json.loads(text)
    corner = [np.array(out[name]["points68"][48]) for name in ("still", "smile")]
    assert corner[1][1] < corner[0][1]
    assert read_image(tmp_path / "smile.png").shape == (96, 96, 3)
    assert read_change(tmp_path / "smile.png") == "synthetic"


def test_a_film_of_a_photograph_has_truth_and_sound(mien, photo, tmp_path):
    film = tmp_path / "hello.mp4"
    words = ("--seconds", 1, "--rate", 8, "--size", 96, "--say", "B AA", "--pulse", 70)
    code, _, err = mien("synth", "puppet", photo, film, *words)
    assert code == 0, err
    truth = read_truth(film)
    assert truth.clip.points.shape == (8, 68, 2)
    assert truth.clip.audio is not None
    assert np.ptp(truth.measures["pulse"]) > 0
    assert read_change(film) == "synthetic"


def test_a_recipe_moves_photographs_and_goes_on_without_finding_them_again(mien, photo, tmp_path):
    out = tmp_path / "set"
    words = ("--puppets", photo.parent, "--count", 2, "--size", 64, "--workers", 1)
    code, text, err = mien("synth", "dataset", "gaze", out, *words)
    assert code == 0, err
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert {row["photo"] for row in rows} == {"eileen.jpg"}
    assert rows[0]["labels"]["gaze_yaw"] != rows[1]["labels"]["gaze_yaw"]
    assert read_change(out / rows[0]["files"]["rgb"]) == "synthetic"
    assert "must have agreed" in (out / "README.md").read_text()
    (out / "rows" / "0000001.json").unlink()
    code, again, err = mien("synth", "dataset", "gaze", out, *words)
    assert (code, again) == (0, text), err


def test_what_a_photograph_cannot_tell_is_refused(mien, photo, tmp_path):
    words = ("--puppets", photo.parent, "--count", 1)
    code, _, err = mien("synth", "dataset", "age", tmp_path / "set", *words)
    assert code == 1
    assert "what a photograph does not show" in err
    code, _, err = mien("synth", "dataset", "gaze", tmp_path / "x", "--puppets", photo.parent,
                        "--count", 13)  # fmt: skip
    assert code == 1
    assert "has 1 photographs whose faces can be moved, and 3 are needed" in err

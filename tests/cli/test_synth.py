import json

import numpy as np
import pytest

from mien.media import open_film, read_image, write_image
from mien.synth import read_truth


def test_a_picture_is_drawn_with_its_truth(mien, tmp_path):
    out, truth = tmp_path / "a.png", tmp_path / "a.npz"
    words = ("--set", "AU12=0.5", "--size", 64, "--seed", 3, "--yaw", 10, "--truth", truth)
    code, text, _ = mien("synth", "image", out, *words)
    told = json.loads(text)
    assert code == 0
    assert told["synthetic"] is True
    assert told["shapes"]["mouthSmile_L"] == 0.5
    assert read_image(out).shape == (64, 64, 3)
    with np.load(truth) as kept:
        assert kept["depth"].shape == (64, 64)


def test_a_film_is_drawn(mien, tmp_path):
    out = tmp_path / "a.mp4"
    words = ("--seconds", 0.5, "--rate", 10, "--size", 64, "--say", "B AA", "--emotion", "joy")
    code, text, _ = mien("synth", "video", out, *words)
    assert code == 0
    assert json.loads(text)["frames"] == 5
    with open_film(out) as film:
        assert len(list(film.frames())) == 5


def test_words_are_spoken_and_the_truth_is_a_table_too(mien, tmp_path):
    from mien.synth.motion import espeak

    pandas = pytest.importorskip("pandas", reason="tables need the extra analyze")
    pytest.importorskip("pyarrow", reason="tables need the extra analyze")
    if not espeak.installed():
        pytest.skip("eSpeak NG is not installed")
    out = tmp_path / "a.mp4"
    words = ("--seconds", 1.5, "--rate", 6, "--size", 48, "--text", "hello", "--parquet")
    code, _, err = mien("synth", "video", out, *words)
    assert code == 0, err
    rows = pandas.read_parquet(tmp_path / "a.truth.parquet")
    assert len(rows) == 9
    assert {"time", "yaw", "breath", "viseme", "x_30", "z_mm_30", "seen_30"} <= set(rows)
    assert "sil" not in set(rows.viseme[3:5])  # spoken
    truth = read_truth(out)
    assert truth.sounds[0].phoneme == "HH"
    assert rows.x_30.to_numpy() == pytest.approx(truth.clip.points[:, 30, 0])
    for more, says in (
        (("--say", "B"), "give one of them"), (("--seconds", 0.4), "--seconds"),
        (("--truth", "none"), "leave out"),
    ):  # fmt: skip
        code, _, err = mien("synth", "video", out, *words, *more)
        assert code == 1
        assert says in err


def test_a_data_set_gets_a_contact_sheet(mien, tmp_path):
    words = ("--count", 2, "--size", 48, "--workers", 1)
    code, text, _ = mien("synth", "dataset", "age", tmp_path / "x", *words)
    assert code == 0
    assert json.loads(text)["items"] == 2
    page = (tmp_path / "x" / "sheet.html").read_text()
    assert page.count("<li>") == 2
    assert "Synthetic" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("image", "x.png", "--set", "AU12"), "AU12=0.7"),
        (("image", "x.png", "--set", "AU99=1"), "similar names:"),
        (("image", "x.png", "--head", "nobody"), "no head 'nobody'"),
        (("dataset", "cats", "x"), "no recipe 'cats'"),
        (("video", "x.mp4", "--emotion", "bliss"), "no emotion 'bliss'"),
    ],
)
def test_mistakes_are_told_in_one_line(mien, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = mien("synth", *words)
    assert code == 1
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.weights
def test_rare_cells_are_filled_and_what_is_missing_is_said(mien, tmp_path):
    (tmp_path / "set").mkdir()
    colours = {0: (215, 170, 140), 1: (170, 128, 100)}
    for k in range(6):
        image = np.full((60, 60, 3), (30, 60, 150), np.uint8)
        image[8:56, 8:52] = colours[int(k == 5)]
        write_image(tmp_path / "set" / f"30_0_0_{k}.jpg.chip.png", image)
    plan = tmp_path / "plan.toml"
    plan.write_text('tones = ["light", "tan"]\nper_source = 1\nleast = 0.6\n')
    words = ("synth", "balance", tmp_path / "set", tmp_path / "out", "--plan", plan)
    code, out, err = mien(*words)
    assert code == 0, err
    found = json.loads(out)
    assert found["before"] == {"light": 5, "tan": 1}
    assert found["edited"].get("tan", 0) + found["missing"].get("tan", 0) == 2
    code, out, _ = mien(*words, "--table")
    assert code == 0
    assert "missing" in out
    plan.write_text("tone = 1")
    code, _, err = mien(*words)
    assert code == 1
    assert "'tone' is no key of a plan" in err


@pytest.mark.slow
@pytest.mark.weights
def test_virtual_people_are_rendered_and_audited(mien, tmp_path):
    words = ("synth", "identities", tmp_path / "people", "--n", 3, "--per-id", 2, "--size", 96)
    code, out, err = mien(*words)
    assert code == 0, err
    found = json.loads(out)
    assert found["images"] == 2 * found["people"]
    code, out, err = mien("synth", "audit", tmp_path / "people", "--against", tmp_path / "people",
                          "--report", tmp_path / "a.html")  # fmt: skip
    assert code == 0, err
    # Audited against themselves, all of them leak.
    assert json.loads(out)["headline"]["images that match a real person"]["value"] > 0.9
    assert (tmp_path / "a.html").is_file()
    code, _, err = mien("synth", "identities", tmp_path / "people", "--n", 3, "--styles", "free")
    assert code == 1
    assert "Styles are subject, pooled, none, not 'free'." in err

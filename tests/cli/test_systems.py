import json

import numpy as np
import pytest

from mien.media import write_image


def rows(out):
    return [json.loads(line) for line in out.splitlines()]


def test_systems_are_listed_and_their_pages_shown(mien):
    code, out, _ = mien("systems", "list")
    found = {row["name"]: row for row in rows(out)}
    assert code == 0
    assert found["gender-disparity"] == {
        "name": "gender-disparity", "task": "gender", "kind": "chip-head", "train": True,
        "proof": True, "paper": "https://arxiv.org/abs/2503.14138",
    }  # fmt: skip
    code, out, _ = mien("systems", "list", "--table")
    assert "gender-disparity" in out
    for name in ("gender-disparity", "gender_disparity"):  # the card's name, and the folder's
        code, out, _ = mien("systems", "show", name)
        assert code == 0
        assert "**Where it fails.**" in out


def test_an_unknown_system_is_told_with_those_there_are(mien):
    for words in (("systems", "show"), ("systems", "prove"), ("train",)):
        code, _, err = mien(*words, "smile")
        assert code == 1
        assert "There is no system 'smile'; there are" in err


def test_settings_are_told_with_their_meaning_and_nothing_is_trained(mien, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    code, out, _ = mien("train", "gender-disparity", "--list")
    found = {row["key"]: row for row in rows(out)}
    assert code == 0
    assert found["rate"]["default"] == 0.002
    assert found["rate"]["kind"] == "float"
    assert "of Adam" in found["rate"]["about"]
    assert mien("train", "gender-disparity", "--list", "--table")[0] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (
            "epoch=3",
            "'epoch=3' is not a setting of gender-disparity: write KEY=VALUE with one of model",
        ),
        ("epochs", "'epochs' is not a setting"),
        ("epochs=many", "epochs must be of type int, got 'many'"),
    ],
)
def test_a_setting_that_is_none_is_told(mien, tmp_path, setting, says):
    pytest.importorskip("torch")
    code, _, err = mien("train", "gender-disparity", "--set", setting, "--out", tmp_path / "run")
    assert code == 1
    assert says in err
    assert not (tmp_path / "run").exists()


def test_without_torch_the_command_says_what_to_install(mien, monkeypatch):
    import sys

    for name in [n for n in sys.modules if n.startswith(("mien.train", "mien.systems.gender"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = mien("train", "gender-disparity")
    assert code == 1
    assert "Training needs torch, which is not installed; run: pip install 'mien[train]'" in err


def test_a_quick_proof_is_printed_and_not_written(mien, tmp_path):
    pytest.importorskip("lightning_fabric")
    from mien.zoo import find_system

    page = find_system("trust-faa").page
    before = page.read_text()
    words = ("systems", "prove", "trust-faa", "--out", tmp_path, "--part", "temperature")
    code, out, err = mien(*words, "--quick")
    assert code == 0, err
    assert "| Calibration error; one run | before |" in out
    assert "nothing written: a quick run" in err
    assert page.read_text() == before
    code, _, err = mien(*words, "--part", "photos")
    assert code == 1
    assert "has no part 'photos'; it has mitigation on photographs" in err


def test_a_proof_is_written_where_the_user_says(mien, tmp_path):
    pytest.importorskip("lightning_fabric")
    from mien.train.proof_page import MARKS

    page = tmp_path / "page.md"
    page.write_text(f"# mine\n\n{MARKS[0]}\n\n{MARKS[1]}\n")
    words = ("systems", "prove", "trust-faa", "--out", tmp_path / "run", "--part", "temperature")
    code, out, err = mien(*words, "--write", page)
    assert code == 0, err
    assert "| above 0.1 before |" in out
    assert "<!-- part: temperature -->\n\n| Calibration error; 10 seeds" in page.read_text()
    page.write_text("# mine\n")
    code, out, err = mien(*words, "--write", page)
    assert (code, out) == (1, "")
    assert "lacks the lines" in err


def film(tmp_path, people=6):
    """clips.csv of a few films in which a stripe moves."""
    words = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    rows = ["clip,frames_dir,split,person," + ",".join(f"v_{w}" for w in words)]
    random = np.random.default_rng(0)
    for number in range(people):
        folder = tmp_path / "films" / f"c{number}"
        folder.mkdir(parents=True)
        for k in range(5):
            write_image(folder / f"{k}.png", random.integers(0, 256, (48, 48, 3), dtype=np.uint8))
        split = "test" if number > 3 else "train"
        rows.append(f"c{number},c{number},{split},P{number},{number},0,0,{9 - number},1,0,0")
    (tmp_path / "films" / "clips.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "films"


def test_a_training_from_films_to_weights_goes_on_and_refuses_other_settings(mien, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("lightning_fabric")
    words = ("train", "expression-midas", "--data", film(tmp_path), "--out", tmp_path / "run",
             "--set", "epochs=2", "--set", "batch=2", "--set", "held=0.25")  # fmt: skip
    code, out, err = mien(*words)
    assert code == 0, err
    first = json.loads(out)
    assert first["test clips"] == 2
    assert first["graph differs by"] < 1e-4
    kept = {path.name for path in (tmp_path / "run").iterdir()}
    assert kept == {"config.json", "log.jsonl", "curves.png", "checkpoint.pt", "weights.onnx",
                    "card.toml", "figures.json"}  # fmt: skip
    weights = (tmp_path / "run" / "weights.onnx").read_bytes()
    code, out, _ = mien(*words)  # nothing is left to do
    assert json.loads(out)["KL"] == first["KL"]
    assert (tmp_path / "run" / "weights.onnx").read_bytes() == weights
    code, _, err = mien(*words, "--set", "alpha=1.0")
    assert code == 1
    assert "config.alpha was 0.4, is 1.0" in err
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"")
    code, _, err = mien(*words)
    assert code == 1
    assert "checkpoint.pt cannot be read" in err

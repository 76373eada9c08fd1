import json

import pytest


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
            "'epoch=3' sets nothing of gender-disparity: write KEY=VALUE with one of model",
        ),
        ("epochs", "'epochs' sets nothing"),
        ("epochs=many", "epochs is of kind int; 'many' is not"),
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


def test_a_proof_that_is_run_by_hand_says_how(mien):
    pytest.importorskip("torch")
    code, _, err = mien("systems", "prove", "gender-disparity")
    assert code == 1
    assert "python -m mien.systems.gender_disparity.proof FOLDER" in err

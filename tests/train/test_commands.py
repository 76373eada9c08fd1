"""Settings from text, on a system that is a toy."""

import hashlib
import json
import sys
import textwrap

import pytest

import mien.systems
from mien.errors import OptionError, TrainingError, WeightsError
from mien.train.commands import config_of, options_of, train_system
from mien.train.finish import finish_run
from mien.train.seed_summary import markdown, over_seeds
from mien.zoo import CardError, System, cards, load, read_card, read_run


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A system in a folder of its own, as mien.systems.toy_lab."""
    folder = tmp_path / "systems" / "toy_lab"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "card.toml").write_text(
        textwrap.dedent(f"""
            name = "toy-lab"
            kind = "chip-head"
            task = "toy"
            entry = "mien.systems.toy_lab.head:Toy"
            licence = "Apache-2.0"
            commercial = true
            trained_on = "nothing"
            paper = "https://example.org"
            default = true
            options = {{ reach = 1.0, other = "kept" }}
            [eval]
            protocol = "classes"
            layout = "folders"
            classes = ["smile"]
            [[results]]
            protocol = "old"
            metric = "accuracy"
            value = 0.5
            command = "none"
            [[files]]
            source = "repo:systems/toy_lab/weights.onnx"
            sha256 = "{hashlib.sha256(b"").hexdigest()}"
            size = 1
        """)
    )
    (folder / "train.py").write_text(
        textwrap.dedent("""
            from dataclasses import dataclass
            from typing import Literal

            @dataclass(frozen=True, slots=True)
            class Config:
                epochs: int = 3
                rate: float = 0.1  # of descent
                kind: Literal["a", "b"] = "a"  # which one
                quick: bool = False
                widths: tuple[int, ...] = (8, 16)

            def train(config, data, out, on_step):
                on_step("steps", 1, 1)
                (out / "weights.onnx").write_bytes(b"weights")
                part = {"accuracy": 0.75, "lost": float("nan"), "names": "a"}
                return {"config": repr(config), "data": data, "reach": 2.5, "test": part}
        """)
    )
    (folder / "head.py").write_text(
        textwrap.dedent("""
            from mien.types import Crop, Device, Reading

            class Toy:
                crop = Crop(size=8)

                def __init__(self, weights, *, reach, other, name, digest="", device="cpu"):
                    self.answer = {"b'weights'": "smile", "b'other'": "frown"}[
                        str(weights.read_bytes())
                    ]
                    self.name, self.digest, self.reach = name, digest, reach
                    self.device = Device(device, "NumPy", 1)

                def __call__(self, chips):
                    return [Reading("toy", {self.answer: 1.0}, "", self.name) for _ in chips]
        """)
    )
    monkeypatch.setattr(mien.systems, "__path__", [*mien.systems.__path__, str(folder.parent)])
    yield System(read_card(folder / "card.toml"), folder)
    for name in [name for name in sys.modules if name.startswith("mien.systems.toy_lab")]:
        del sys.modules[name]  # each test has its own files


def test_settings_are_told_with_kind_default_and_comment(toy):
    rows = {o.key: (o.kind, o.default, o.about) for o in options_of(toy)}
    assert rows["rate"] == ("float", 0.1, "of descent")
    assert rows["kind"] == ("Literal['a', 'b']", "a", "which one")
    assert rows["epochs"] == ("int", 3, "")
    assert list(rows) == ["epochs", "rate", "kind", "quick", "widths"]


def test_settings_are_read_as_their_kind(toy):
    config = config_of(toy, ["epochs=7", "rate=1e-3", "kind=b", "quick=true", "widths=4,5,6"])
    assert config == type(config)(7, 1e-3, "b", True, (4, 5, 6))
    assert config_of(toy, []) == type(config)()


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (
            "size=3",
            "'size=3' is not a setting of toy-lab: write KEY=VALUE with one of epochs, rate",
        ),
        ("rate", "is not a setting"),
        ("epochs=1.5", "epochs must be of type int, got '1.5'"),
        ("kind=c", "kind must be one of a, b, got 'c'"),
        ("quick=yes", "quick must be true or false"),
        ("widths=4,x", "widths must be of type int, got 'x'"),
    ],
)
def test_what_is_no_setting_is_told(toy, pair, says):
    with pytest.raises(OptionError, match=says):
        config_of(toy, [pair])


def test_training_is_handed_its_settings(toy, tmp_path):
    seen = []
    told = train_system(toy, ["epochs=2"], None, tmp_path, lambda *a: seen.append(a))
    assert "epochs=2" in told["config"]
    assert seen == [("steps", 1, 1)]


def test_a_run_folder_is_a_model_with_card_digest_options_and_figures(toy, tmp_path):
    told = train_system(toy, ["widths=4,5"], None, tmp_path, lambda *a: None)
    card = read_run(tmp_path)
    [file] = card.files
    assert file.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert told["model"] == card.name == f"toy-lab-{card.digest[:6]}"
    assert card.options == {"reach": 2.5, "other": "kept"}  # one was measured by the training
    assert (card.default, card.licence, card.commercial) == (False, "Apache-2.0", True)
    command = "mien train toy-lab --set widths=4,5"
    assert card.results == (
        {"protocol": "measured by the training", "metric": "reach", "value": 2.5,
         "command": command},
        {"protocol": "measured by the training", "metric": "test: accuracy", "value": 0.75,
         "command": command},
    )  # fmt: skip
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["settings"]["widths"] == [4, 5]
    assert figures["measured"]["test"]["accuracy"] == 0.75
    head = load(str(tmp_path))
    assert (head.name, head.digest, head.reach) == (card.name, card.digest, 2.5)
    assert cards()[card.name] == card  # so that tables find its columns


def test_weights_from_data_of_unknown_terms_have_no_licence(toy, tmp_path):
    (tmp_path / "faces").mkdir()
    train_system(toy, [], tmp_path / "faces", tmp_path, lambda *a: None)
    card = read_run(tmp_path)
    assert (card.licence, card.commercial) == ("LicenseRef-Unstated", "unknown")
    assert card.trained_on == "faces, by: mien train toy-lab --data faces"


def test_a_training_that_writes_no_weights_or_a_wrong_file_is_told(toy, tmp_path):
    code = (toy.folder / "train.py").read_text()
    (toy.folder / "train.py").write_text(code.replace('b"weights"', 'b"other"'))
    with pytest.raises(WeightsError, match="the answer has no smile"):
        train_system(toy, [], None, tmp_path, lambda *a: None)
    with pytest.raises(CardError, match=r"has no card\.toml"):
        read_run(tmp_path)
    (tmp_path / "weights.onnx").unlink()
    with pytest.raises(TrainingError, match=r"wrote no weights\.onnx"):
        finish_run(toy, config_of(toy, []), None, tmp_path, {})


def test_a_full_disk_leaves_the_weights_and_says_so(toy, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mien.train.finish.write_card", full)
    with pytest.raises(TrainingError, match=r"No space left .*run the same command again"):
        train_system(toy, [], None, tmp_path, lambda *a: None)
    assert (tmp_path / "weights.onnx").read_bytes() == b"weights"


def test_seeds_by_hand():
    # Mean 2, spread 1, t of two degrees of freedom 4.3027: half an interval is 2.4841.
    assert over_seeds([1, 2, 3]) == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-3)
    with pytest.raises(Exception, match="1 seeds are too few for an interval"):
        over_seeds([1])
    assert markdown(("a", "b"), [("x|y", 1)]) == "| a | b |\n|---|---|\n| x\\|y | 1 |"

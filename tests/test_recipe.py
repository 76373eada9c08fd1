"""CONTRIBUTING's recipe: a folder that is copied, and in which only names change, is a system."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.media import write_image

SOURCE = Path(mien.__file__).parent
ROOT = Path(__file__).parent.parent
COPIES = {
    "expression_convcut": {
        "expression_convcut": "smile_grid", "expression-convcut": "smile-grid",
        "ExpressionConvCut": "SmileGrid",
    },
    "expression_midas": {
        "expression_midas": "frown_films", "expression-midas": "frown-films",
        "ExpressionMidas": "FrownFilms",
    },
    "photo_puppet": {
        "photo_puppet": "talking_photo", "photo-puppet": "talking-photo",
        "PhotoPuppet": "TalkingPhoto",
    },
    "batch_leakage": {
        "batch_leakage": "order_leakage", "batch-leakage": "order-leakage",
        "BatchLeakage": "OrderLeakage",
    },
}  # fmt: skip


def tree(tmp_path, without=""):
    """A tree of the package, without one of its systems; gives the folder of the systems."""
    package = tmp_path / "src" / "mien"
    package.mkdir(parents=True)
    for place in SOURCE.iterdir():
        if place.name not in ("systems", "__pycache__"):
            (package / place.name).symlink_to(place)
    for shared in ("conftest.py", "tests"):  # what tests of systems share
        (tmp_path / shared).symlink_to(ROOT / shared)
    (package / "systems").mkdir()
    for place in (SOURCE / "systems").iterdir():
        if place.name not in (without, "__pycache__"):
            (package / "systems" / place.name).symlink_to(place)
    return package / "systems"


def run(tmp_path, *words):
    """A command of mien on that tree; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mien", *map(str, words)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def copied(folder, tmp_path, names):
    """A tree of the package in which the copy stands in the place of its pattern."""
    new = tree(tmp_path, folder) / names[folder]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE / "systems" / folder, new, ignore=ignored)
    for path in sorted(new.rglob("*")):
        if path.suffix in (".py", ".toml", ".md"):
            text = path.read_text("utf-8")
            for old, other in names.items():
                # A room may have a module of that name too: mien.synth.motion.photo_puppet.
                text = re.sub(rf"(?<!motion\.){re.escape(old)}", other, text)
            path.write_text(text, "utf-8")
        if folder in path.name:
            path.rename(path.with_name(path.name.replace(folder, names[folder])))
    return new


@pytest.mark.slow
@pytest.mark.parametrize("folder", COPIES)
def test_a_copy_in_which_only_names_change_passes_everything(folder, tmp_path):
    pytest.importorskip("torch", reason="the tests of a system train")
    new = copied(folder, tmp_path, COPIES[folder])
    tests = [ROOT / "tests" / "test_cards.py", ROOT / "tests" / "test_rooms.py", new]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c",
         ROOT / "pyproject.toml", "--rootdir", tmp_path, *tests],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        cwd=tmp_path, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout
    listed = run(tmp_path, "systems", "list")
    assert COPIES[folder][folder.replace("_", "-")] in listed
    assert folder.replace("_", "-") not in listed


FAKE = {
    "card.toml": """
        name = "fake-red"
        kind = "chip-head"
        task = "expression"
        entry = "mien.systems.fake_red.head:FakeRed"
        licence = "MIT"
        commercial = true
        trained_on = "nothing"
        paper = "https://example.org"
        columns = [
            { name = "expression_anger", unit = "probability", about = "red", value = "anger" },
        ]
        draw = [{ column = "expression_anger", label = "anger", low = 0.0, high = 1.0 }]

        [eval]
        protocol = "classes"
        layout = "folders"
        cut = "whole"
        classes = ["anger", "happiness"]
        """,
    "head.py": """
        from mien.types import Crop, Device, Reading

        class FakeRed:
            crop = Crop(size=8)

            def __init__(self, *, name, digest="", device="cpu"):
                self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

            def __call__(self, chips):
                red = [0.9 if c[..., 0].mean() > c[..., 1].mean() else 0.2 for c in chips]
                return [Reading("expression", {"anger": r, "happiness": 1 - r}, "probability",
                                self.name) for r in red]
        """,
    "train.py": """
        from dataclasses import dataclass

        @dataclass(frozen=True, slots=True)
        class Config:
            epochs: int = 3  # rounds

        def train(config, data, out, on_step):
            return {"epochs": config.epochs}
        """,
    "__init__.py": "",
    "README.md": "# fake-red\n",
}


@pytest.mark.slow
def test_a_new_folder_is_listed_opened_evaluated_audited_and_trained_without_another_line(tmp_path):
    folder = tree(tmp_path) / "fake_red"
    folder.mkdir()
    for name, text in FAKE.items():
        (folder / name).write_text(textwrap.dedent(text))
    colours = {"anger": (200, 20, 20), "happiness": (20, 200, 20)}
    for word, colour in colours.items():
        for k in range(6):
            path = tmp_path / "set" / word / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.full((16, 16, 3), colour, np.uint8) + np.uint8(k))
    assert "fake-red" in run(tmp_path, "systems", "list")
    assert "fake-red" in run(tmp_path, "models", "list", "--task", "expression")
    told = json.loads(run(tmp_path, "eval", "task", "fake-red", tmp_path / "set"))
    assert told["headline"]["accuracy"]["value"] == 1
    told = json.loads(
        run(tmp_path, "audit", "batch-leakage", tmp_path / "set", "--model", "fake-red", "--cut")
    )
    assert told["risk"]["level"] == "none found"
    pytest.importorskip("torch", reason="mien train says so without it")
    told = json.loads(run(tmp_path, "train", "fake-red", "--set", "epochs=5", "--out", "run"))
    assert told["epochs"] == 5

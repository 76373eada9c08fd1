"""CONTRIBUTING's recipe: a folder that is copied, and in which only names change, is a system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mien

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
}  # fmt: skip


def copied(folder, tmp_path, names):
    """A tree of the package in which the copy stands in the place of its pattern."""
    package = tmp_path / "src" / "mien"
    package.mkdir(parents=True)
    for place in SOURCE.iterdir():
        if place.name not in ("systems", "__pycache__"):
            (package / place.name).symlink_to(place)
    (tmp_path / "conftest.py").symlink_to(ROOT / "conftest.py")  # what tests of systems share
    (package / "systems").mkdir()
    (package / "systems" / "__init__.py").symlink_to(SOURCE / "systems" / "__init__.py")
    new = package / "systems" / names[folder]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE / "systems" / folder, new, ignore=ignored)
    for path in sorted(new.rglob("*")):
        if path.suffix in (".py", ".toml", ".md"):
            text = path.read_text("utf-8")
            for old, other in names.items():
                text = text.replace(old, other)
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
    listed = subprocess.run(
        [sys.executable, "-m", "mien", "systems", "list"], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")}, check=True,
    ).stdout  # fmt: skip
    assert COPIES[folder][folder.replace("_", "-")] in listed
    assert folder.replace("_", "-") not in listed

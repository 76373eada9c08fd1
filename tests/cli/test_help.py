"""Every command explains itself, quickly and with an example."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from mien.cli.audits import BY_CARD


def commands(app=None, prefix=()):
    from mien.cli.main import app as top

    app = app or top
    for one in app.registered_commands:
        yield (*prefix, one.name or one.callback.__name__.replace("_", "-")), one.callback
    for group in app.registered_groups:
        yield from commands(group.typer_instance, (*prefix, group.name))


COMMANDS = dict(commands())


def test_the_verbs_of_the_field_are_there():
    first = {words[0] for words in COMMANDS}
    wanted = {"enroll", "identify", "verify", "detect", "embed", "quality", "models", "gallery"}
    assert wanted | {"bench", "doctor", "demo", "calibrate"} <= first


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_text_has_an_example_that_names_the_command(words):
    text = COMMANDS[words].__doc__
    example = text.split("Example:")[1]
    named = [word for word in words if word != BY_CARD]  # which stands for a card
    assert f"mien {' '.join(named)}" in example


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_printed_at_80_columns(mien, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = mien(*words, "--help")
    assert code == 0
    assert "Example:" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), ("gallery",), ("gallery", "forget"), ("verify",)])
def test_help_has_a_short_option(mien, words):
    assert mien(*words, "-h") == mien(*words, "--help")
    assert "Usage: mien" in mien(*words, "-h")[1]


def test_the_version_is_that_of_the_distribution(mien):
    assert mien("--version") == (0, f"mien {version('mien')}\n", "")


def complete(line, tmp_path, **more):
    """What the shell is told for the last word of a line."""
    told = {"_MIEN_COMPLETE": "complete_bash", "COMP_WORDS": line}
    words = {**os.environ, **told, "COMP_CWORD": str(len(line.split(" ")) - 1), **more}
    done = subprocess.run(
        [sys.executable, "-m", "mien"], env=words, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("mien gal", {"gallery"}),
        ("mien gallery re", {"rename", "remove"}),
        ("mien verify --com", {"--commercial-only"}),
        ("mien nothing-of-this-ki", set()),
    ],
)
def test_words_are_completed(line, wanted, tmp_path):
    found = set(complete(line, tmp_path))
    assert found >= wanted
    assert bool(found) == bool(wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="shells of Unix")
def test_completion_is_installed_for_a_shell(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mien", "--install-completion", "bash"],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "installed" in done.stdout
    [script] = (tmp_path / ".bash_completions").iterdir()
    assert "_MIEN_COMPLETE=complete_bash" in script.read_text()
    assert script.name in (tmp_path / ".bashrc").read_text()


def test_help_and_import_load_no_model_code():
    code = "import sys, mien; import mien.cli.main; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"onnxruntime", "cv2", "torch", "onnx", "matplotlib", "skimage", "scipy", "PIL", "av"}
    heavy |= {"pandas", "pyarrow"}
    assert heavy & set(done.stdout.split()) == set()

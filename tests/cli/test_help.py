"""Every command explains itself, quickly and with an example."""

import subprocess
import sys

import pytest


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
    assert f"mien {' '.join(words)}" in example


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_printed_at_80_columns(mien, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = mien(*words, "--help")
    assert code == 0
    assert "Example:" in out
    assert max(map(len, out.splitlines())) <= 80


def test_help_and_import_load_no_model_code():
    code = "import sys, mien; import mien.cli.main; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"onnxruntime", "cv2", "torch", "onnx", "matplotlib", "skimage", "scipy", "PIL", "av"}
    heavy |= {"pandas", "pyarrow"}
    assert heavy & set(done.stdout.split()) == set()

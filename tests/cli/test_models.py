import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from mien.cli import terminal
from mien.cli.models import app
from mien.errors import LicenceError, UnknownModelError, WeightsError
from mien.zoo import cards, folder
from mien.zoo.weights import cache as weights
from mien.zoo.weights.cache import store

OWN = {
    name
    for name, card in cards().items()
    if all(file.source.startswith("repo:") for file in card.files)
}
COMMANDS = ("list", "show", "pull", "verify", "ledger")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "home"


def run(*arguments, code=0):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result


def rows(*arguments, code=0):
    return [json.loads(line) for line in run(*arguments, code=code).stdout.splitlines()]


def error(*arguments):
    """What a command raises; main() puts it into one line on stderr."""
    return CliRunner().invoke(app, arguments).exception


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The cache holds a card, as if it had been fetched: a few bytes count as its files."""
    real, digests = weights.sha256_of, {}
    monkeypatch.setattr(
        weights, "sha256_of", lambda path: digests.get(path.read_bytes()) or real(path)
    )

    def put(name):
        card = cards()[name]
        made = []
        for file in card.files:
            made.append(tmp_path / file.ready)
            made[-1].write_bytes(file.ready.encode() * 9)
            digests[made[-1].read_bytes()] = file.sha256
        store(card, made)
        return folder(card)

    return put


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command):
    assert f"Example: mien models {command}" in run(command, "--help").stdout


def test_list_gives_a_line_of_json_a_model(stored):
    stored("yunet")
    got = {row["name"]: row for row in rows("list")}
    assert list(got) == list(cards())
    assert got["mtcnn"]["licence"] == "MIT"
    assert (got["yunet"]["fetched"], got["mtcnn"]["fetched"]) == (True, False)


def test_list_keeps_to_a_task_and_to_what_may_be_sold():
    got = rows("list", "--task", "embed", "--commercial-only")
    assert {row["task"] for row in got} == {"embed"}
    assert {row["commercial"] for row in got} == {True}
    assert "arcface-r50" not in {row["name"] for row in got}


@pytest.mark.parametrize("command", [("list",), ("show", "mtcnn"), ("show", "sface")])
def test_tables_fit_80_columns_and_lose_nothing(command):
    lines = run(*command, "--table").stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    joined = re.sub(r"\s", "", "".join(lines))
    if command == ("list",):
        assert all(name in joined for name in cards())
    else:
        assert cards()[command[1]].files[0].sha256 in joined


def test_show_tells_all(cache):
    (got,) = rows("show", "mtcnn")
    card = cards()["mtcnn"]
    assert got["digest"] == card.digest
    assert [file["sha256"] for file in got["files"]] == [file.sha256 for file in card.files]
    assert got["folder"] == str(cache / "models" / f"mtcnn-{card.digest}")


@pytest.mark.parametrize("command", ["show", "pull", "verify"])
def test_an_unknown_name_is_an_error(command):
    assert isinstance(error(command, "mtcn"), UnknownModelError)


def test_pull_finds_what_is_there(stored):
    stored("yunet")
    (got,) = rows("pull", "yunet")
    assert got["files"] == [str(folder(cards()["yunet"]) / "yunet_n_dynamic.onnx")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "mien models list"),
        (("mtcnn", "--all"), "mien models list"),
        (("mtcnn", "--into", "x", "--from-dir", "."), "give one of them"),
    ],
)
def test_pull_wants_to_know_what_and_where(arguments, says):
    words = run("pull", *arguments, code=2).stderr.replace("│", " ").split()
    assert says in " ".join(words)


def test_pull_refuses_what_may_not_be_sold():
    refused = error("pull", "scrfd-10g", "--commercial-only")
    assert isinstance(refused, LicenceError)


def test_pull_from_a_folder_says_what_to_bring(tmp_path):
    assert isinstance(error("pull", "yunet", "--from-dir", str(tmp_path)), WeightsError)


def test_pull_goes_on_after_a_model_that_is_missing(stored, tmp_path):
    stored("yunet")
    result = run("pull", "sface", "yunet", "--from-dir", str(tmp_path), code=1)
    assert json.loads(result.stdout)["name"] == "yunet"
    assert "lacks files of 'sface'" in result.stderr
    assert "1 of 2 models" in result.stderr


@pytest.mark.weights
def test_pull_gathers_here_and_uses_there(tmp_path, monkeypatch):
    stick = str(tmp_path / "stick")
    run("pull", "mtcnn", "--into", stick)
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (got,) = rows("pull", "mtcnn", "--from-dir", stick)
    names = [Path(path).name for path in got["files"]]
    assert names == ["pnet.onnx", "rnet.onnx", "onet.onnx"]
    assert rows("verify")[0]["status"] == "whole"


def test_verify_finds_damage_and_says_so_with_its_exit_code(stored):
    stored("sface")
    harmed = stored("yunet") / "yunet_n_dynamic.onnx"
    assert {row["status"] for row in rows("verify")} == {"whole"}
    harmed.write_bytes(harmed.read_bytes()[::-1])  # same length
    got = {row["name"]: row for row in rows("verify", code=1)}
    assert (got["sface"]["status"], got["yunet"]["status"]) == ("whole", "damaged")
    assert str(harmed) in got["yunet"]["why"]


def test_verify_tells_absent_from_damaged():
    # What is not fetched is not looked at; weights that come with the project are always there.
    assert {row["name"] for row in rows("verify")} == OWN
    assert [row["status"] for row in rows("verify", "mtcnn")] == ["absent"]


def test_ledger_in_three_forms():
    with_weights = {name for name, card in cards().items() if card.files}
    assert {row["name"] for row in rows("ledger")} == with_weights
    assert run("ledger", "--markdown").stdout.startswith("| Model | Task |")
    assert "Commercial use  unknown" in run("ledger", "--table").stdout
    assert "unknown" not in run("ledger", "--table", "--commercial-only").stdout


def test_a_json_line_has_null_for_missing_and_plain_numbers_for_arrays(capsys, tmp_path):
    row = {"a": float("nan"), "b": np.float32(0.5), "c": np.array([1, 2]), "d": (tmp_path,)}
    terminal.print_json_line(row)
    line = capsys.readouterr().out
    assert json.loads(line) == {"a": None, "b": 0.5, "c": [1, 2], "d": [str(tmp_path)]}
    assert line.count("\n") == 1


def test_a_json_line_keeps_letters_where_the_terminal_can_show_them(monkeypatch):
    shown = {}
    for encoding in ("utf-8", "ascii"):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        terminal.print_json_line({"person": "Zoë"})
        sys.stdout.flush()
        shown[encoding] = raw.getvalue()
    assert shown["utf-8"] == '{"person": "Zoë"}\n'.encode()
    assert json.loads(shown["ascii"]) == {"person": "Zoë"}


def test_infinity_is_no_json():
    with pytest.raises(ValueError, match="JSON"):
        terminal.print_json_line({"a": float("inf")})


def test_a_table_shows_brackets_and_tells_missing_from_no(capsys):
    terminal.print_table(("name", "n>"), [["[red]x[/red]", None], ["y", False]])
    out = capsys.readouterr().out.split()
    assert out == ["name", "n", "[red]x[/red]", "-", "y", "no"]


def test_progress_is_silent_where_nobody_watches(capsys):
    with terminal.progress() as on_step:
        on_step("toy", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_progress_draws_on_stderr_where_somebody_watches(monkeypatch, capsys):
    screen = io.StringIO()
    watched = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(terminal, "console", watched)
    with terminal.progress(in_bytes=True) as on_step:
        on_step("toy.onnx", 500_000, 2_000_000)
        on_step("unknown", 5, 0)
    assert "toy.onnx" in screen.getvalue()
    assert "0.5/2.0 MB" in screen.getvalue()
    assert capsys.readouterr().out == ""

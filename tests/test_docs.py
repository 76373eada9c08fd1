"""Every Python block of README and docs runs, and prints what it says; every command exists."""

import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


def blocks(page, *languages):
    return [
        text for language, text in BLOCK.findall(page.read_text("utf-8")) if language in languages
    ]


@pytest.fixture
def workplace(tmp_path, monkeypatch, astronaut, hopper):
    """A folder with the pictures that the examples speak of."""
    from mien.media import write_image

    monkeypatch.chdir(tmp_path)
    for name, image in (("Eileen", astronaut), ("Grace", hopper)):
        (tmp_path / "family" / name).mkdir(parents=True)
        write_image(tmp_path / "family" / name / "1.jpg", image)
    write_image(tmp_path / "party.jpg", np.hstack([astronaut, hopper[:512]]))
    write_image(tmp_path / "passport.jpg", astronaut)
    write_image(tmp_path / "selfie.jpg", (astronaut * 0.8).astype(np.uint8))
    return tmp_path


@pytest.mark.weights
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_python_runs_and_prints_what_it_says(page, workplace, capsys):
    names = {"__name__": "docs"}
    for text in blocks(page, "python"):
        capsys.readouterr()
        exec(compile(text, str(page), "exec"), names)
        told = re.findall(r"^\s*#> (.*)$", text, re.M)
        if told:
            assert capsys.readouterr().out.splitlines() == told


def test_commands_in_shell_blocks_exist_with_their_options():
    from typer.main import get_command

    from mien.cli.main import app

    top, seen = get_command(app), 0
    for page in PAGES:
        for line in "\n".join(blocks(page, "sh", "console")).splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] != ["mien"]:
                continue
            command, rest = top, words[1:]
            while hasattr(command, "commands") and rest:
                assert rest[0] in command.commands, f"{page.name}: {line}"
                command, rest = command.commands[rest[0]], rest[1:]
            known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            used = {word.split("=")[0] for word in rest if word.startswith("--")}
            assert used <= known, f"{page.name}: {line}"
            seen += 1
    assert seen > 10


def test_the_results_in_readme_are_those_of_the_cards():
    spec = importlib.util.spec_from_file_location("results", ROOT / "docs" / "results.py")
    results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(results)
    text = (ROOT / "README.md").read_text("utf-8")
    assert results.written(text) == text, "run: python docs/results.py --write"
    assert results.table().count("\n") > 5


def test_links_between_pages_lead_somewhere():
    made = {"models.md", "reference.md"}  # by docs/hooks.py, when the site is built
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert target in made or (page.parent / target).exists(), f"{page.name}: {target}"

"""Run the blocks of README and docs, and compare what they print with the pages.

Every `python` block runs. A `sh` block runs if the line before it is `<!-- run -->`. Lines that
start with `#>` are compared with the output. A block after `<!-- needs: PACKAGE -->` runs where
that package is installed. A page whose first line is `<!-- page needs: PACKAGE ... -->` is skipped
where a package is missing. `MIEN_DOCS=write pytest tests/test_docs.py` writes the output of today
into the pages.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

import mien

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r"(?:<!-- (run|needs: [\w ]+) -->\n+)?^```(\w+)\n(.*?)^```", re.S | re.M)
SHOWN = re.compile(r"^(\s*)#> ?(.*)$", re.M)
PAGE_NEEDS = re.compile(r"<!-- page needs: ([\w ]+) -->")
WRITE = os.environ.get("MIEN_DOCS") == "write"


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    mark: str  # "run", "needs: PACKAGE" or nothing
    language: str
    text: str

    @property
    def runs(self) -> bool:
        """Whether the tests run it on this machine."""
        if self.mark.startswith("needs: "):
            return not missing(self.mark.removeprefix("needs: "))
        return self.language == "python" or self.mark == "run"


def blocks(page):
    return [Block(mark or "", *rest) for mark, *rest in BLOCK.findall(page.read_text("utf-8"))]


def missing(packages):
    return [name for name in packages.split() if importlib.util.find_spec(name) is None]


def skip_without(page):
    """Skip a page that needs a package which is not installed."""
    needs = PAGE_NEEDS.match(page.read_text("utf-8"))
    for name in missing(needs[1]) if needs else []:
        pytest.skip(f"{page.name} needs the package {name}, which is not installed")


@pytest.fixture
def terminal(tmp_path_factory):
    """Return run(text) -> stdout of a shell block, in which `mien` is this source."""
    if shutil.which("bash") is None:
        pytest.skip("shell blocks need bash")
    place = tmp_path_factory.mktemp("bin")
    command = place / "mien"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mien "$@"\n')
    command.chmod(0o755)
    source = str(Path(mien.__file__).parent.parent)
    env = {
        **os.environ,
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }

    def run(text):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        return done.stdout

    return run


def run_page(page, capsys, terminal=None):
    """Run the blocks of a page in their order, and compare or write what they print."""
    names, text = {"__name__": "docs"}, page.read_text("utf-8")
    for block in blocks(page):
        if not block.runs:
            continue
        if block.language == "python":
            capsys.readouterr()
            with warnings.catch_warnings():
                if block.mark.startswith("needs: "):  # the code of others may warn
                    warnings.simplefilter("ignore")
                exec(compile(block.text, str(page), "exec"), names)
            out = capsys.readouterr().out
        else:
            out = terminal(block.text)
        shown = [line for _, line in SHOWN.findall(block.text)]
        printed = [line.rstrip() for line in out.splitlines()]
        if WRITE and shown and len(shown) == len(printed):
            fresh = iter(printed)
            replaced = SHOWN.sub(lambda m: f"{m[1]}#> {next(fresh)}".rstrip(), block.text)  # noqa: B023
            text = text.replace(block.text, replaced)
        elif shown:
            assert printed == shown
    if WRITE:
        page.write_text(text, "utf-8")


def with_code(pages):
    return [p for p in pages if any(b.language == "python" for b in blocks(p))]


@pytest.mark.weights
@pytest.mark.parametrize(
    "page", [p for p in with_code(PAGES) if p not in TUTORIALS], ids=lambda p: p.name
)
def test_a_page_runs_and_prints_what_it_shows(page, workplace, capsys, terminal):
    skip_without(page)
    run_page(page, capsys, terminal)


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda p: p.name)
def test_a_tutorial_runs_from_an_empty_folder(page, tmp_path, monkeypatch, capsys, terminal):
    skip_without(page)
    monkeypatch.chdir(tmp_path)
    run_page(page, capsys, terminal)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda p: p.name)
def test_a_tutorial_runs_all_its_commands_and_ends_with_what_to_read(page):
    unmarked = [b.text for b in blocks(page) if b.language == "sh" and b.mark != "run"]
    assert len(unmarked) <= 1, "a tutorial shows at most one block that the tests do not run"
    assert "## Read next" in page.read_text("utf-8")


def test_commands_in_shell_blocks_exist_with_their_options():
    from typer.main import get_command

    from mien.cli.audits import BY_CARD
    from mien.cli.main import app
    from mien.zoo import cards

    top, seen = get_command(app), 0
    for page in PAGES:
        lines = "\n".join(b.text for b in blocks(page) if b.language in ("sh", "console"))
        for line in lines.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] != ["mien"]:
                continue
            command, rest = top, words[1:]
            while hasattr(command, "commands") and rest:
                name = rest[0]
                if name.startswith("-"):  # a flag of the group, or options of the group alone
                    flags = {o for p in command.params if p.is_flag for o in p.opts}
                    if name not in flags or len(rest) == 1 or rest[1].startswith("-"):
                        break
                    rest = rest[1:]
                    continue
                if BY_CARD in command.commands and name in cards():
                    name = BY_CARD
                assert name in command.commands, f"{page.name}: {line}"
                command, rest = command.commands[name], rest[1:]
            known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            used = {word.split("=")[0] for word in rest if word.startswith("--")}
            assert used <= known, f"{page.name}: {line}"
            seen += 1
    assert seen > 10


def test_commands_in_the_texts_of_the_page_and_the_server_exist():
    from typer.main import get_command

    from mien.cli.main import app

    top = get_command(app).commands
    texts = (*(ROOT / "web/src/words").glob("*.json"), *(ROOT / "src/mien/server").glob("*.py"))
    named = {
        (first, second)
        for text in texts
        for first, second in re.findall(r"mien ([a-z]+) ([a-z]+)", text.read_text("utf-8"))
        if hasattr(top.get(first), "commands")
    }
    assert ("models", "pull") in named
    assert not {(a, b) for a, b in named if b not in top[a].commands}


def imported(name):
    """A module of the folder docs."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_results_on_pages_are_those_of_the_cards():
    results = imported("results")
    for page, make in results.PAGES.items():
        text = page.read_text("utf-8")
        assert results.written(text, make()) == text, "run: python docs/results.py --write"
        assert results.PLACE.search(text), f"{page.name} has lost its marks"
    assert results.headlines().count("\n") == 2 + len(results.HEADLINES)
    assert results.table().count("\n") > 10


def anchor(heading):
    """The anchor that Markdown gives a heading."""
    plain = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"[\s]+", "-", plain)


def test_generated_pages_name_every_model_command_and_room():
    from mien.zoo import cards

    hooks = imported("hooks")
    assert all(f"## {name}\n" in hooks.on_page_markdown("<!-- models -->") for name in cards())
    assert "## mien gallery forget\n" in hooks.on_page_markdown("<!-- commands -->")
    reference = hooks.on_page_markdown("<!-- reference -->")
    rooms = {p.parent.name for p in Path(mien.__file__).parent.glob("*/__init__.py")}
    for room in rooms - hooks.ELSEWHERE:
        assert f"::: mien.{room}" in reference
    assert all(name in reference for name in mien.__all__)


GENERATED = {"models.md", "reference.md", "commands.md"}  # by docs/hooks.py, when the site is built


def test_links_between_pages_lead_to_a_page_and_a_heading():
    for page in PAGES:
        for target, place in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
            goal = page.parent / target if target else page
            assert goal.exists(), f"{page.name}: {target}"
            if place and goal.name not in GENERATED:
                headings = re.findall(r"^#+ (.*)$", goal.read_text("utf-8"), re.M)
                assert place in map(anchor, headings), f"{page.name}: {target}#{place}"


def test_every_page_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("nav:")[2]
    listed = set(re.findall(r"(\S+\.md)\s*$", nav, re.M))
    assert listed == {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}

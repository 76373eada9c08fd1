"""Parts of pages made from the code when the site is built, so that nobody types them twice."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import mien
from mien.decision import Calibration, calibrations
from mien.zoo import Card, cards, ledger

SOURCE = Path(mien.__file__).parent
# Rooms that are documented elsewhere: commands and systems have pages of their own.
ELSEWHERE = {"cli", "systems"}
MODULES = ("types", "contracts", "errors", "testing")  # rooms of one file


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace `<!-- models -->` and similar marks by the generated text."""
    for name, make in (("models", models), ("commands", commands), ("reference", reference)):
        mark = f"<!-- {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, make())
    return markdown


def table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table; vertical bars inside cells are escaped."""
    lines = [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    for row in rows:
        cells = " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append(f"| {cells} |")
    return [*lines, ""]


def models() -> str:
    """Return an overview, one section per card, and the ledger of licences."""
    every = cards().values()
    survey = (
        (f"[{c.name}](#{c.name})", c.task, c.licence, _allowed(c.commercial), f"{c.size / 1e6:.1f}")
        for c in every
    )
    headings = ("Model", "Task", "Licence of the weights", "Commercial use", "MB")
    parts = table(headings, survey)
    for card in every:
        parts += [f"## {card.name}", "", *_facts(card)]
        for each in calibrations().values():
            if each.contract.split("/")[:2] == [card.name, card.digest]:
                parts += _thresholds(each)
    parts += ["## Files", "", "The source and the SHA-256 of each file of weights.", ""]
    rows = ((row.name, f"`{row.source}`", f"`{row.sha256}`") for row in ledger())
    return "\n".join([*parts, *table(("Model", "Source", "SHA-256"), rows)])


def _facts(card: Card) -> list[str]:
    rows = {
        "Task": card.task,
        "Licence of the weights": card.licence,
        "Commercial use": _allowed(card.commercial),
        "Trained on": card.trained_on,
        "Paper": f"<{card.paper}>",
        "Size": f"{card.size / 1e6:.1f} MB",
        "Digest": f"`{card.digest}`",
    }
    for result in card.results:
        low, high = result.get("low"), result.get("high")
        interval = f" ({low} to {high})" if low is not None else ""
        value = f"{result['metric']} {result['value']}{interval} on {result['protocol']}"
        rows[f"Measured: {result['metric']}"] = f"{value}, `{result['command']}`"
    return table(("", ""), iter(rows.items()))


def _allowed(commercial: object) -> str:
    return {True: "yes", False: "no"}.get(commercial, "unknown")  # type: ignore[call-overload]


def _thresholds(one: Calibration) -> list[str]:
    """Return the thresholds of a calibration, with its checks on other people."""
    lines = [
        f"**Thresholds** of calibration `{one.name}` with detector `{one.detector}`: "
        f"{one.people:,} people, {one.genuine:,} mated comparisons and {one.impostors:,} non-mated "
        f"ones. {one.data}",
        "",
    ]
    tried = {rate.fmr: rate for rate in one.check.rates} if one.check else {}
    rows = []
    for point in one.points:
        rate = tried.get(point.fmr)
        rows.append(
            (
                f"{point.fmr:.2g}",
                f"{point.threshold:.4f}",
                f"{point.low:.4f} to {point.high:.4f}",
                f"{rate.measured:.2g} ({rate.low:.2g} to {rate.high:.2g})" if rate else "-",
                f"{rate.fnmr:.1%} ({rate.fnmr_low:.1%} to {rate.fnmr_high:.1%})" if rate else "-",
            )
        )
    headings = ("FMR", "Threshold", "95 % interval", "FMR on others", "FNMR on others")
    lines += table(headings, iter(rows))
    if one.check:
        lines += [
            f"Others: {one.check.people:,} people who are not part of the calibration, "
            f"{one.check.genuine:,} mated and {one.check.impostors:,} non-mated comparisons. "
            f"{one.check.data} Calibration error {one.check.ece:.3f}, Cllr {one.check.cllr:.3f} "
            "bit. A dash means that these people are too few for the rate.",
            "",
        ]
    return [*lines, "Command:", "", "```sh", one.command, "```", ""]


def commands() -> str:
    """Return every command with its arguments and options."""
    from typer.main import get_command

    from mien.cli.main import app

    return "\n".join(_command(get_command(app), "mien"))


def _command(command: Any, name: str) -> list[str]:
    inner = getattr(command, "commands", {}).items()
    below = [line for key, one in inner for line in _command(one, f"{name} {key}")]
    if below and not command.invoke_without_command:
        return below
    text = (command.help or "").replace("\\[", "[")  # escaped for the terminal
    about, _, examples = text.partition("Example:")
    lines = [f"## {name}", "", " ".join(about.split("\n\n")[0].split()), ""]
    lines += [" ".join(text.split()) + "\n" for text in about.split("\n\n")[1:] if text.strip()]
    if examples:
        kept = [" ".join(text.split()) for text in examples.split("Example:")]
        lines += ["```sh", *(text.split(" For ")[0] for text in kept), "```", ""]
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    return [*lines, *table(("", "Meaning", "Default"), map(_parameter, shown)), *below]


def _parameter(one: Any) -> tuple[str, str, str]:
    optional = one.param_type_name == "option"
    spelt = ", ".join(f"`{word}`" for word in one.opts) if optional else f"`{one.name.upper()}`"
    annotation = getattr(getattr(one, "type_descriptor", None), "annotation", None)
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    meaning = (one.help or "") + (f" One of: {', '.join(choices)}." if choices else "")
    if one.default is None or callable(one.default) or one.default in (False, "", ()):
        return spelt, meaning, "required" if one.required else ""
    return spelt, meaning, f"`{one.default}`"


def reference() -> str:
    """Return the directives for the front door and for every room behind it."""
    names = public_names(SOURCE / "__init__.py")
    parts = [f"::: mien\n    options:\n      members: [{', '.join(names)}]"]
    parts += [f"::: mien.{module}" for module in MODULES]
    for folder in sorted(SOURCE.iterdir()):
        init = folder / "__init__.py"
        if folder.name in ELSEWHERE or not init.is_file():
            continue
        if public_names(init):
            parts.append(f"::: mien.{folder.name}")
            continue
        files = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
        parts += [f"::: mien.{folder.name}.{name}" for name in files]
    return "\n\n".join(parts)


def public_names(path: Path) -> list[str]:
    """Read `__all__` of a file without importing it."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["__all__"]:
            return [str(name) for name in ast.literal_eval(node.value)]
    return []

"""Parts of pages made from the code when the site is built, so that nobody types them twice."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from mien.decision import Calibration, calibrations
from mien.zoo import Card, cards, ledger

# Of the front door; what else it has stands with its room.
DOOR = "find_faces, enroll, identify, verify, analyze, read_image, open_gallery, open_pipeline"
ROOMS = (
    "types contracts errors geometry metrics media quality.judge detect align embed gallery "
    "pipeline tables zoo runtime evaluate.calibrate report testing"
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace `<!-- models -->` and its kin by what they name."""
    for name, make in (("models", models), ("commands", commands), ("reference", reference)):
        mark = f"<!-- {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, make())
    return markdown


def table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    for row in rows:
        cells = " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append(f"| {cells} |")
    return [*lines, ""]


def models() -> str:
    """A survey, every card as a section, and the ledger of licences."""
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
    parts += ["## Files", "", "Each file of weights, where it is from, and its SHA-256.", ""]
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
        told = f"{result['metric']} {result['value']}{interval} on {result['protocol']}"
        rows[f"Measured: {result['metric']}"] = f"{told}, `{result['command']}`"
    return table(("", ""), iter(rows.items()))


def _allowed(commercial: object) -> str:
    return {True: "yes", False: "no"}.get(commercial, "unknown")  # type: ignore[call-overload]


def _thresholds(one: Calibration) -> list[str]:
    """What a cosine of this model means, as far as it was measured."""
    lines = [
        f"**Thresholds** of calibration `{one.name}`, with faces found by `{one.detector}`: "
        f"{one.people:,} people, {one.genuine:,} comparisons of one person, {one.impostors:,} of "
        f"two. {one.data}",
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
    headings = ("FMR asked", "Threshold", "95 % interval", "FMR on others", "Missed of others")
    lines += table(headings, iter(rows))
    if one.check:
        lines += [
            f"Others: {one.check.people:,} people who were not measured before, "
            f"{one.check.genuine:,} comparisons of one person, {one.check.impostors:,} of two. "
            f"{one.check.data} Calibration error {one.check.ece:.3f}, Cllr {one.check.cllr:.3f} "
            "bit. A dash: they are too few to show the rate.",
            "",
        ]
    return [*lines, "Made by", "", "```sh", one.command, "```", ""]


def commands() -> str:
    """Every command with its arguments and options."""
    from typer.main import get_command

    from mien.cli.main import app

    return "\n".join(_command(get_command(app), "mien"))


def _command(command: Any, name: str) -> list[str]:
    below = getattr(command, "commands", None)
    if below is not None:
        return [line for key, one in below.items() for line in _command(one, f"{name} {key}")]
    told, _, examples = (command.help or "").partition("Example:")
    lines = [f"## {name}", "", " ".join(told.split("\n\n")[0].split()), ""]
    lines += [" ".join(text.split()) + "\n" for text in told.split("\n\n")[1:] if text.strip()]
    if examples:
        kept = [" ".join(text.split()) for text in examples.split("Example:")]
        lines += ["```sh", *(text.split(" For ")[0] for text in kept), "```", ""]
    return [*lines, *table(("", "Meaning", "Default"), map(_parameter, command.params))]


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
    """The front door and the rooms behind it."""
    front = f"::: mien\n    options:\n      members: [{DOOR}]"
    return "\n\n".join([front, *(f"::: mien.{room}" for room in ROOMS.split())])

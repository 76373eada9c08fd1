"""Pages made from the code when the site is built: models from their cards, commands from help."""

from typing import Any

from mkdocs.structure.files import File, Files

from mien.zoo import Card, cards, ledger, ledger_markdown


def on_files(files: Files, config: Any) -> Files:
    """Add models.md and reference.md."""
    for name, text in (("models.md", models()), ("reference.md", reference())):
        files.append(File.generated(config, name, content=text))
    return files


def models() -> str:
    """Every card as a section, and the ledger of licences."""
    parts = ["# Models", "", "Made from the cards; `mien models list` prints the same.", ""]
    for card in cards().values():
        parts += [f"## {card.name}", "", *_facts(card), ""]
    return "\n".join([*parts, "## Licences", "", ledger_markdown(ledger())])


def _facts(card: Card) -> list[str]:
    commercial = {True: "yes", False: "no"}.get(card.commercial, "unknown")  # type: ignore[call-overload]
    rows = {
        "Kind": card.kind,
        "Licence of the weights": card.licence,
        "Commercial use": commercial,
        "Trained on": card.trained_on,
        "Paper": f"<{card.paper}>",
        "Size": f"{card.size / 1e6:.1f} MB",
        "Digest": f"`{card.digest}`",
    }
    lines = ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    for result in card.results:
        low, high = result.get("low"), result.get("high")
        interval = f" ({low} to {high})" if low is not None else ""
        told = f"{result['metric']} {result['value']}{interval} on {result['protocol']}"
        lines.append(f"| Measured | {told}, `{result['command']}` |")
    return lines


def reference() -> str:
    """The front door and the rooms behind it, from their docstrings."""
    rooms = (
        "types contracts errors geometry metrics media quality detect align embed gallery pipeline"
    )
    parts = ["# Reference", "", "::: mien", ""]
    for room in [*rooms.split(), "zoo", "runtime", "evaluate.calibrate", "report", "testing"]:
        parts += [f"::: mien.{room}", ""]
    return "\n".join(parts)

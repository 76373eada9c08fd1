"""The licence ledger: permitted use and source of every file of weights."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from mien.zoo.card import Card
from mien.zoo.systems import cards

CODE_LICENCE = "Apache-2.0"  # of all code in this package, also of the code that runs the weights
HEADINGS = ("Model", "Task", "Code", "Weights", "Commercial use", "Trained on", "Source", "SHA-256")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One file of weights."""

    name: str  # of its card
    task: str
    code_licence: str  # SPDX, of the code that runs it
    licence: str  # SPDX, of the weights
    commercial: bool | Literal["unknown"]  # whether that licence allows commercial use
    trained_on: str
    source: str
    sha256: str  # of the file as fetched


def ledger(*, commercial_only: bool = False) -> list[LedgerRow]:
    """One row per file, of all cards or of those whose licence allows commercial use."""
    chosen = (c for c in cards().values() if c.commercial is True or not commercial_only)
    return [row for card in chosen for row in _rows(card)]


def _rows(card: Card) -> list[LedgerRow]:
    facts = (card.name, card.task, CODE_LICENCE, card.licence, card.commercial, card.trained_on)
    return [LedgerRow(*facts, file.source, file.sha256) for file in card.fetched]


def ledger_json(rows: Iterable[LedgerRow]) -> str:
    """The ledger as one JSON array."""
    return json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)


def ledger_text(rows: Iterable[LedgerRow]) -> str:
    """The ledger as human-readable text: one paragraph per file."""
    return "\n\n".join(
        "\n".join(f"{key:<15} {value}" for key, value in zip(HEADINGS, _words(row), strict=True))
        for row in rows
    )


def ledger_markdown(rows: Iterable[LedgerRow]) -> str:
    """The ledger as a Markdown table."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|" + " --- |" * len(HEADINGS)]
    for row in rows:
        cells = (word.replace("|", "\\|") for word in _words(row))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(row: LedgerRow) -> tuple[str, ...]:
    allowed = {True: "yes", False: "no", "unknown": "unknown"}[row.commercial]
    return (
        row.name,
        row.task,
        row.code_licence,
        row.licence,
        allowed,
        row.trained_on,
        row.source,
        row.sha256,
    )

"""Write a card as TOML."""

import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from mien.zoo.card import HIDDEN, Card


def write_card(card: Card, path: Path) -> None:
    """Write a card completely or not at all; `read_card` reads the same facts from it.

    Raises:
        OSError: the file cannot be written.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        beside.write_text(card_text(card), "utf-8")
        os.replace(beside, path)  # several processes of one training may write it
    finally:
        beside.unlink(missing_ok=True)


def card_text(card: Card) -> str:
    """The TOML text of a card, without values that are defaults."""
    return "\n".join(_lines(_facts(card), "")).lstrip("\n") + "\n"


def _facts(record: Any) -> dict[str, Any]:
    """The keys of a record that a card states."""
    found = {}
    for one in fields(record):
        value = getattr(record, one.name)
        default = one.default if one.default_factory is MISSING else one.default_factory()
        if one.name == "ready":
            default = record.raw  # the name of a stored file defaults to that of its source
        if one.metadata == HIDDEN or value == default:
            continue
        found[one.name] = value
    return found


def _lines(table: Mapping[str, Any], place: str) -> Iterator[str]:
    """Plain values first, then tables, as TOML demands."""
    tables = {}
    for key, value in table.items():
        if is_dataclass(value) or isinstance(value, Mapping) or _of_tables(value):
            tables[key] = value
        else:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        many = _of_tables(value)
        for one in value if many else (value,):
            name = f"{place}{_key(key)}"
            yield f"\n[[{name}]]" if many else f"\n[{name}]"
            yield from _lines(_facts(one) if is_dataclass(one) else one, f"{name}.")


def _key(name: str) -> str:
    """A key, in quotes where TOML demands them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _of_tables(value: Any) -> bool:
    return isinstance(value, tuple | list) and any(
        is_dataclass(one) or isinstance(one, Mapping) for one in value
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):  # JSON escapes what TOML does, but for the character 127
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(_value(one) for one in value)}]"

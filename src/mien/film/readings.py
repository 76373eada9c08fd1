"""Readings of heads as columns of a table, with the names of their cards."""

from functools import lru_cache

from mien.types import Reading
from mien.zoo import Card, CardColumn, cards


def reading_columns(reading: Reading) -> dict[str, tuple[float, str]]:
    """Return column -> (number, unit) of a reading: values, interval ends, derived values."""
    found: dict[str, tuple[float, str]] = {}
    names = _names(reading)
    for label, value in reading.values.items():
        given = {"": value}
        if reading.low and label in reading.low:
            given["low"] = reading.low[label]
        if reading.high and label in reading.high:
            given["high"] = reading.high[label]
        for end, number in given.items():
            name = names.get((label, end), head_column(reading.task, label) + ENDS[end])
            found[name] = number, reading.unit
    for one in reading.derived:
        found |= reading_columns(one)
    return found


def head_column(task: str, label: str) -> str:
    """Return the default column: `expression_anger`; `age` if task and label are `age`."""
    stem = task.replace("-", "_")
    return stem if task == label else f"{stem}_{label}"


@lru_cache(maxsize=64)  # called for every reading of every frame
def card_of(model: str) -> Card | None:
    """Return the card of "name" or "name@digest"; None for a model without card."""
    return cards().get(model.partition("@")[0])


def card_columns(model: str) -> dict[str, CardColumn]:
    """Return the columns that the card of a model declares, by name."""
    card = card_of(model)
    return {column.name: column for column in card.columns} if card else {}


ENDS = {"": "", "low": "_lo", "high": "_hi"}


def _names(reading: Reading) -> dict[tuple[str, str], str]:
    """Return (label, end of the interval) -> column, from the card of the model."""
    card = card_of(reading.model)
    if card is None:
        return {}
    return {
        (column.value, column.end): column.name
        for column in card.columns
        if (column.task or card.task) == reading.task
    }

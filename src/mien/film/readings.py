"""Readings of heads as columns of a table, under the names that their cards give them."""

from functools import lru_cache

from mien.types import Reading
from mien.zoo import Card, CardColumn, cards


def reading_columns(reading: Reading) -> dict[str, tuple[float, str]]:
    """Column -> number and unit of all that a reading says: values, ends of intervals, derived."""
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
    """`expression_anger`; `age` for the label `age` of the task `age`; where no card says more."""
    stem = task.replace("-", "_")
    return stem if task == label else f"{stem}_{label}"


@lru_cache(maxsize=64)  # asked for every reading of every frame
def card_of(model: str) -> Card | None:
    """The card of "name" or "name@digest"; None of a model that has none."""
    return cards().get(model.partition("@")[0])


def card_columns(model: str) -> dict[str, CardColumn]:
    """The columns that the card of a model declares, by name."""
    card = card_of(model)
    return {column.name: column for column in card.columns} if card else {}


ENDS = {"": "", "low": "_lo", "high": "_hi"}


def _names(reading: Reading) -> dict[tuple[str, str], str]:
    """(label, end of the interval) -> column, as the card of the reading's model names it."""
    card = card_of(reading.model)
    if card is None:
        return {}
    return {
        (column.value, column.end): column.name
        for column in card.columns
        if (column.task or card.task) == reading.task
    }

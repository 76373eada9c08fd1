"""Readings of heads as columns of a table."""

from mien.types import Reading


def reading_columns(reading: Reading) -> dict[str, tuple[float, str]]:
    """Column -> number and unit of all that a reading says: values, ends of intervals, derived."""
    found: dict[str, tuple[float, str]] = {}
    for label, value in reading.values.items():
        name = head_column(reading.task, label)
        found[name] = value, reading.unit
        for end, given in (("_lo", reading.low), ("_hi", reading.high)):
            if given and label in given:
                found[name + end] = given[label], reading.unit
    for one in reading.derived:
        found |= reading_columns(one)
    return found


def head_column(task: str, label: str) -> str:
    """`expression_anger`; `age` for the label `age` of the task `age`."""
    stem = task.replace("-", "_")
    return stem if task == label else f"{stem}_{label}"

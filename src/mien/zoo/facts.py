"""Facts of a card beyond its weights: table columns, drawing, evaluation. Read and checked here.

Tables, annotated films, reports and `mien eval task` are built from these keys, so that a new
system needs no change elsewhere.
"""

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from mien.types import PARTS

Colour = Literal["measure", "head", "good", "warning"]  # meaning of a bar
Protocol = Literal["classes", "numbers", "clips"]
Cut = Literal["aligned", "whole", "crops"]
COLUMN = r"[a-z][a-z0-9_]*"
INPUT = r"(image|film|sound|mesh)(-[a-z0-9]+)?"  # "image-2": the second image of a maker
SUBJECTS = ("detector", "embedder", "chip-head", "clip-head")  # kinds that an audit can test


@dataclass(frozen=True, slots=True, kw_only=True)
class CardColumn:
    """One column of the table: the number of the reading that it holds."""

    name: str  # of the column
    unit: str  # as in the reading; "" for counts
    about: str  # its meaning, and when it is missing
    value: str  # label in Reading.values
    task: str = ""  # of the reading, also of a derived one; default: the card's
    end: Literal["", "low", "high"] = ""  # an end of the reading's interval instead of the value
    range: tuple[float, float] | None = None  # limits of its values; None: not bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One bar beside a face: on a frame, in a report."""

    column: str  # one of the card's columns
    label: str  # short
    low: float  # value at which the bar is empty
    high: float  # value at which it is full
    colour: Colour = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eval:
    """The default evaluation of `mien eval task NAME`."""

    protocol: Protocol  # classes or numbers from images; classes from clips
    layout: str  # of the data set, as in mien.datasets
    task: str = ""  # label of the data set; default: the card's task
    split: str = ""  # "": all
    cut: Cut = "aligned"  # of images; see mien.evaluate.attributes
    classes: tuple[str, ...] = ()  # images of other classes are left out, and counted
    limits: tuple[float, float] | None = None  # range of numbers
    bands: tuple[float, ...] = ()  # edges of the bands that errors are reported in


def columns_fault(columns: tuple[CardColumn, ...], draw: tuple[Draw, ...]) -> str | None:
    """The fault in the columns and bars of a card, or None."""
    names = [column.name for column in columns]
    for column in columns:
        if not re.fullmatch(COLUMN, column.name):
            return (
                f"a column must be named in lower-case letters, digits and _, got '{column.name}'"
            )
        if column.end not in ("", "low", "high"):
            return f"'end' of column '{column.name}' must be low or high, got '{column.end}'"
        if column.range is not None and not _rises(column.range, 2):
            return f"'range' of column '{column.name}' must be [low, high], got {column.range}"
    double = next((name for name in names if names.count(name) > 1), None)
    if double:
        return f"two columns are named '{double}'"
    for bar in draw:
        if bar.column not in names:
            return f"'draw' names the column '{bar.column}', which 'columns' does not have"
        if not bar.label or not _rises((bar.low, bar.high), 2):
            return f"the bar of '{bar.column}' needs a label and low < high"
        if bar.colour not in get_args(Colour):
            return f"'colour' must be one of {', '.join(get_args(Colour))}, got '{bar.colour}'"
    return None


def eval_fault(asked: Eval | None) -> str | None:
    """The fault in [eval], or None."""
    if asked is None:
        return None
    for key, given, allowed in (
        ("protocol", asked.protocol, get_args(Protocol)),
        ("cut", asked.cut, get_args(Cut)),
    ):
        if given not in allowed:
            return f"'{key}' of [eval] must be one of {', '.join(allowed)}, got '{given}'"
    if not asked.layout:
        return "[eval] needs a 'layout', one of mien.datasets"
    if asked.protocol == "numbers" and asked.classes:
        return "[eval] of numbers has no 'classes'"
    if asked.limits is not None and not _rises(asked.limits, 2):
        return f"'limits' of [eval] must be [low, high], got {asked.limits}"
    if asked.bands and not _rises(asked.bands, 2):
        return f"'bands' of [eval] must rise, got {asked.bands}"
    if not all(isinstance(name, str) and name for name in asked.classes):
        return f"'classes' of [eval] must be words, got {asked.classes}"
    return None


def needs_fault(kind: str, needs: tuple[str, ...]) -> str | None:
    """The fault in `needs`, or None; allowed values depend on the kind."""
    if len(set(needs)) < len(needs):
        return f"'needs' names something twice: {', '.join(needs)}"
    if kind == "clip-head":
        return _named(needs, PARTS, "a clip head needs parts of a clip")
    if kind == "audit":
        return _named(needs, SUBJECTS, "an audit needs kinds of models")
    if kind == "maker":
        odd = next((need for need in needs if not re.fullmatch(INPUT, need)), None)
        return odd and (
            f"'needs' of a maker must be image, film, sound or mesh, or image-2 for a second one, "
            f"got '{odd}'"
        )
    return f"'needs' is for clip heads, makers and audits, not for a {kind}" if needs else None


def timing_fault(
    kind: str, window: float | None, hop: float | None, rate: float | None
) -> str | None:
    """The fault in the seconds and frames of a clip head, or None."""
    times = {"window": window, "hop": hop, "rate": rate}
    if kind != "clip-head":
        given = next((name for name, value in times.items() if value is not None), None)
        return f"'{given}' is for clip heads, not for a {kind}" if given else None
    for name, value in times.items():
        right = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        if not right:
            return f"a clip head needs '{name}', a number above 0, got {value}"
    if window and hop and hop > window:
        return f"'hop' ({hop:g} s) must not be longer than 'window' ({window:g} s)"
    return None


def _named(needs: tuple[str, ...], allowed: tuple[str, ...], what: str) -> str | None:
    odd = next((need for need in needs if need not in allowed), None)
    if odd or not needs:
        return f"{what} ({', '.join(allowed)}): 'needs' has {odd or 'none'}"
    return None


def _rises(numbers: tuple[float, ...], least: int) -> bool:
    """Whether these are numbers, enough of them, and each larger than the one before."""
    plain = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    return (
        plain
        and len(numbers) >= least
        and all(map(math.isfinite, numbers))
        and all(a < b for a, b in pairwise(numbers))
    )

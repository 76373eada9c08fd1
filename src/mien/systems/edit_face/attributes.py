"""Attributes of a trained editor as data: a name, and what its label must be."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import OptionError
from mien.types import Floats

READ = "expression"  # a column that a head reads, where the data set does not label it
RULE = re.compile(r"([a-z][a-z0-9_-]*):([A-Za-z0-9_ -]+?)(<=|>=|=)(.+)")
TONE = "tone"  # the name of the skin tone, which is measured, not labelled


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name, and the rule by which a label has it."""

    name: str  # what users type
    column: str  # of the labels of the data set
    sign: str  # "=", "<=" or ">="
    value: str

    def of(self, labels: Mapping[str, str]) -> bool | None:
        """Whether a face has it; None without that label, or where a number is needed."""
        given = labels.get(self.column)
        if given is None:
            return None
        if self.sign == "=":
            return given == self.value
        try:
            number, bound = float(given), float(self.value)
        except ValueError:
            return None
        return number <= bound if self.sign == "<=" else number >= bound


def parsed(rules: Sequence[str]) -> tuple[Attribute, ...]:
    """Attributes from settings such as "female:gender=female" or "senior:age>=60".

    Raises:
        OptionError: another form, a number that is none, or a name twice.
    """
    found: list[Attribute] = []
    for rule in rules:
        match = RULE.fullmatch(rule)
        if match is None:
            raise OptionError(
                f"'{rule}' is no attribute: write NAME:COLUMN=LABEL, NAME:COLUMN>=NUMBER or "
                "NAME:COLUMN<=NUMBER, with a name in lower case."
            )
        one = Attribute(*match.groups())
        if one.name == TONE or one.name in {other.name for other in found}:
            raise OptionError(f"The attribute '{one.name}' is there already; take another name.")
        if one.sign != "=":
            try:
                float(one.value)
            except ValueError:
                raise OptionError(f"'{rule}' compares with a number, got '{one.value}'.") from None
        found.append(one)
    return tuple(found)


def contradictory(has: NDArray[np.bool_], fewest: int = 1) -> Floats:
    """(K, K) 1 where no face has both attributes, though each occurs `fewest` times; (N, K) in."""
    both = has.astype(np.float64).T @ has
    often = has.sum(0) >= fewest
    return np.asarray((both == 0) & often[:, None] & often[None], np.float32)


def changes_of(text: str, names: Sequence[str], contrary: Floats) -> Floats:
    """Changes (K,) from text such as "senior:1,smiling:-0.5".

    Args:
        text: names with numbers from -1 (remove) to 1 (add).
        names: of the K attributes.
        contrary: (K, K) 1 where two attributes exclude each other.

    Raises:
        OptionError: an unknown name, a number outside the range, or two that exclude each other.
    """
    change = np.zeros(len(names), np.float32)
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, number = part.partition(":")
        if name not in names:
            raise OptionError(
                f"'{name}' is no attribute of this editor; it has "
                f"{', '.join(names) or 'none: see README.md for how to train one'}."
            )
        try:
            value = float(number)
        except ValueError:
            value = np.nan
        if not -1 <= value <= 1:
            raise OptionError(f"'{part}' is no change: write {name}:NUMBER, from -1 to 1.")
        change[names.index(name)] = value
    added = np.flatnonzero(change > 0).tolist()
    for row in added:
        for other in added:
            if contrary[row, other]:
                raise OptionError(
                    f"'{names[row]}' and '{names[other]}' exclude each other: no face of the "
                    "training had both. Add one of them."
                )
    return change

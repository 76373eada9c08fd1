"""The plan of a balanced data set: which cells there are, and how many images each lacks."""

import math
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Any

from mien.errors import OptionError
from mien.metrics import TONES

Cell = tuple[str, ...]  # the bin of the skin tone, then one label for each column


@dataclass(frozen=True, slots=True)
class BalancePlan:
    """What a balanced set must have; from a TOML file with these keys."""

    labels: tuple[str, ...] = ()  # columns of the data set that divide cells, beside the tone
    tones: tuple[str, ...] = ("very light", "light", "intermediate", "tan", "brown")
    least: float = 1.0  # share of the largest cell that each cell must reach, in (0, 1]
    counts: Mapping[str, int] = field(default_factory=dict)  # "brown/female" -> images, instead
    per_source: int = 5  # edited images of one source at most

    def __post_init__(self) -> None:
        unknown = [name for name in self.tones if name not in TONES]
        if unknown or len(self.tones) < 2:
            raise OptionError(
                f"A plan needs two tones or more of {', '.join(TONES)}; got "
                f"{', '.join(self.tones) or 'none'}."
            )
        if not 0 < self.least <= 1 or self.per_source < 1:
            raise OptionError(
                f"least must be in (0, 1] and per_source at least 1, got {self.least:g} and "
                f"{self.per_source}."
            )

    def deficits(self, present: Mapping[Cell, int]) -> dict[Cell, int]:
        """Images that each cell lacks; a balanced set gives an empty answer.

        Args:
            present: images of each cell, with all labels that occur.

        Raises:
            OptionError: `counts` names a cell that the data do not have.
        """
        kinds = [self.tones, *(sorted({cell[1 + k] for cell in present})
                               for k in range(len(self.labels)))]  # fmt: skip
        cells = list(product(*kinds))
        named = {name_of(cell): cell for cell in cells}
        if strange := [name for name in self.counts if name not in named]:
            raise OptionError(
                f"The plan counts '{strange[0]}', but the data have the cells {', '.join(named)}."
            )
        largest = max((present.get(cell, 0) for cell in cells), default=0)
        wanted = {cell: math.ceil(self.least * largest - 1e-9) for cell in cells}
        wanted |= {named[name]: count for name, count in self.counts.items()}
        return {
            cell: wanted[cell] - present.get(cell, 0)
            for cell in cells
            if wanted[cell] > present.get(cell, 0)
        }


def name_of(cell: Cell) -> str:
    """The cell as plans and reports write it."""
    return "/".join(cell)


def counted(cells: Sequence[Cell]) -> dict[Cell, int]:
    """Images of each cell."""
    return dict(Counter(cells))


def read_plan(path: Path) -> BalancePlan:
    """Read a plan from TOML.

    Raises:
        OptionError: the file cannot be read, or has an unknown key or a value of the wrong kind.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"{path} cannot be read as a plan in TOML ({error}).") from error
    known = {one.name for one in fields(BalancePlan)}
    if strange := sorted(set(table) - known):
        raise OptionError(
            f"{path}: '{strange[0]}' is no key of a plan; it may have {', '.join(sorted(known))}."
        )
    for name in ("labels", "tones"):
        value = table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise OptionError(f"{path}: {name} must be a list of words, got {value!r}.")
        if name in table:
            table[name] = tuple(value)
    counts = table.get("counts", {})
    if not isinstance(counts, dict) or not all(
        isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in counts.values()
    ):
        raise OptionError(f"{path}: counts must map cells to whole numbers, got {counts!r}.")
    for name in ("least", "per_source"):
        value = table.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OptionError(f"{path}: {name} must be a number, got {value!r}.")
    if not isinstance(table.get("per_source", 1), int):
        raise OptionError(f"{path}: per_source must be a whole number.")
    return BalancePlan(**table)

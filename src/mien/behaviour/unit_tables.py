"""Parameters of the action units, from units.json, which tools/fit_units.py writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("units.json")


@dataclass(frozen=True, slots=True)
class Unit:
    """The parameters of one action unit; see `mien.behaviour.action_units`."""

    name: str  # "AU12"
    sided: bool  # whether left and right are separate
    weights: Mapping[str, float]  # feature -> weight; the sum is the score
    curve: tuple[tuple[float, ...], tuple[float, ...]]  # scores, rising, and their intensities
    shown: float  # event threshold: 1 % of images of neutral faces exceed it
    presence: tuple[float, float] | None  # slope and intercept of the logit; None: not calibrated


@cache
def average() -> dict[str, tuple[float, float]]:
    """Return median and standard deviation of each measure over neutral faces."""
    rows = json.loads(FILE.read_text("utf-8"))["neutral"]
    return {name: (row[0], row[1]) for name, row in rows.items()}


@cache
def units() -> dict[str, Unit]:
    """Return the action units by name."""
    rows = json.loads(FILE.read_text("utf-8"))["units"]
    return {
        name: Unit(
            name,
            row["sided"],
            row["weights"],
            (tuple(row["curve"][0]), tuple(row["curve"][1])),
            row["shown"],
            tuple(row["presence"]) if row["presence"] else None,
        )
        for name, row in rows.items()
    }

"""Summarise results of several seeds with intervals, for the README of a system."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mien.errors import TooFewTrialsError
from mien.media import write_bytes


def over_seeds(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds, and the 95 % interval of the mean (Student's t, seeds are independent).

    Raises:
        TooFewTrialsError: fewer than two seeds.
    """
    from scipy.stats import t

    x = np.asarray(values, np.float64)
    if x.size < 2:
        raise TooFewTrialsError(f"{x.size} seeds are too few for an interval; run at least two.")
    half = float(t.ppf(0.975, x.size - 1)) * float(x.std(ddof=1)) / np.sqrt(x.size)
    return float(x.mean()), float(x.mean() - half), float(x.mean() + half)


def spread_of(values: Sequence[float], digits: int = 3) -> str:
    """Format such as "0.713 (0.702 to 0.724)"."""
    mean, low, high = over_seeds(values)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def kept(path: Path, make: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return the content of a file; if it is missing, write the result of `make` first.

    A proof of many trainings that was stopped resumes in this way. Another proof, or changed
    settings, need another folder.
    """
    if path.is_file():
        found: dict[str, float] = json.loads(path.read_text("utf-8"))
        return found
    found = make()
    write_bytes(path, json.dumps(found).encode())
    return found


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a table; a bar inside a cell is escaped."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines)

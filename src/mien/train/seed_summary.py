"""Summarise results of several seeds with intervals, for the README of a system."""

from collections.abc import Sequence

import numpy as np

from mien.errors import TooFewTrialsError


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


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a table; a bar inside a cell is escaped."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines)

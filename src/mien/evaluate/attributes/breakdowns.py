"""Tables of predictions by band and by group."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from mien.evaluate.attributes.predictions import Prediction, clusters_of
from mien.metrics import Clusters
from mien.metrics.findings import Cell, Kind, Table
from mien.types import Doubles

MOST_GROUPS = 12  # values of a label that count as groups


def inside_of(answer: Prediction, truth: float) -> float:
    """1 if the truth is in the stated interval, 0 if not, NaN if none is stated."""
    if answer.low is None or answer.high is None:
        return float("nan")
    return float(answer.low <= truth <= answer.high)


def by_bands(
    seen: Sequence[Prediction],
    values: Doubles,
    judged: tuple[Doubles, Doubles],
    edges: Doubles,
    what: str,
) -> Table:
    """Errors in bands of the truth, or of the answer; the last one includes its upper edge."""
    error, inside = judged
    rows: list[tuple[Cell, ...]] = []
    for low, high in pairwise(edges):
        part = np.flatnonzero((values >= low) & ((values < high) | (high == edges[-1])))
        if not part.size:
            continue
        some = clusters_of([seen[k] for k in part.tolist()])
        rows.append((f"{low:g} to {high:g}", part.size, some.mean(np.abs(error[part])),
                     some.mean(error[part]), *_held(some, inside[part])))  # fmt: skip
    columns: tuple[tuple[str, Kind], ...] = (
        (what.capitalize(), "text"), ("Pictures", "count"), ("Absolute error", "number"),
        ("Bias", "number"), *_HELD[: 0 if np.isnan(inside).all() else 1],
    )  # fmt: skip
    return Table(f"By {what}", columns, tuple(row[: len(columns)] for row in rows))


_HELD: tuple[tuple[str, Kind], ...] = (("Truth in the stated interval", "rate"),)


def _held(some: Clusters, inside: Doubles) -> tuple[Cell, ...]:
    return (some.share(inside > 0),) if not np.isnan(inside).any() else (None,)


def group_table(
    answers: Sequence[Prediction],
    values: Mapping[str, Doubles],
    kind: Kind,
    inside: Doubles | None = None,
) -> Table | None:
    """Means by the other labels of the images, such as race and gender; None without any.

    Args:
        answers: with groups.
        values: one for each answer, by the heading of its column.
        kind: how they are shown.
        inside: whether the truth is in the stated interval; NaN: not stated.
    """
    names = sorted({name for a in answers for name in a.groups})
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        of = np.array([a.groups.get(name, "") for a in answers])
        words = sorted(set(of.tolist()) - {""})
        if not 2 <= len(words) <= MOST_GROUPS:  # a number, or the same for all
            continue
        for word in words:
            part = np.flatnonzero(of == word)
            some = clusters_of([answers[k] for k in part.tolist()])
            means = [some.share(v[part] > 0) if kind == "rate" else some.mean(v[part])
                     for v in values.values()]  # fmt: skip
            held = () if inside is None else _held(some, inside[part])
            rows.append((name, word, part.size, *means, *held))
    if not rows:
        return None
    stated = () if inside is None or np.isnan(inside).all() else _HELD
    heads: list[tuple[str, Kind]] = [(key, kind) for key in values]
    columns: tuple[tuple[str, Kind], ...] = (
        ("Label", "text"), ("Group", "text"), ("Pictures", "count"), *heads, *stated,
    )  # fmt: skip
    return Table("By group", columns, tuple(row[: len(columns)] for row in rows))

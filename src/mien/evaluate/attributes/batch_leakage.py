"""Does a head look at one face at a time? An audit of answers that leak within a batch.

Some published programs let the faces of a batch see each other, by attention over the wrong axis
or by statistics of the batch. Then answers depend on who else is asked about, and a test set
that is sorted by class tells the head what it should not know.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.contracts import ChipHead
from mien.errors import TooFewTrialsError
from mien.metrics import Estimate
from mien.metrics.findings import Fact, Findings, Table
from mien.types import Doubles, Pixels

TOLERANCE = 1e-4  # sums in another order differ by less; a leak by much more
BATCH = 32


def batch_leak(
    head: ChipHead,
    chips: Pixels,
    labels: Sequence[str] = (),
    *,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
) -> Findings:
    """Compare answers about a face alone, in a shuffled batch and in one of its own class.

    Args:
        head: answers with numbers.
        chips: (N, S, S, 3) as the head wants them, N at least 8.
        labels: (N,) classes to sort by; default: brightness, which sorts made-up chips as well.
        data: which pictures these are, in a sentence.
        basis: models, command line, ...

    Raises:
        TooFewTrialsError: fewer than 8 chips.
    """
    count = len(chips)
    if count < 8:
        raise TooFewTrialsError(f"{count} faces tell too little about a batch; give 8 or more.")
    keys = list(labels) if len(labels) else chips.mean((1, 2, 3)).tolist()
    orders = {
        "shuffled": np.random.default_rng(0).permutation(count),
        "sorted by class" if len(labels) else "sorted by brightness": np.argsort(
            np.asarray(keys), kind="stable"
        ),
    }
    alone, names = _answers(head, chips, np.arange(count), 1)
    rows: list[tuple[str, float, float, float | None]] = []
    for name, order in orders.items():
        batched, _ = _answers(head, chips, order, BATCH, names)
        apart = _apart(batched, alone)
        changed = _first(batched, alone)
        rows.append((name, float(apart.max()), float(np.mean(apart)), changed))
    worst = max(row[1] for row in rows)
    leaks = not worst <= TOLERANCE
    verdict = (
        f"Answers change by up to {worst:.2g} with the rest of the batch: the head mixes faces. "
        "No figure that was measured in batches holds."
        if leaks
        else ""
    )
    return Findings(
        "One face at a time?",
        f"{count} faces of {data}, each asked about alone and in batches of {BATCH}.",
        (
            Fact("largest change", Estimate(worst), "number", f"a leak above {TOLERANCE:g}"),
            Fact("leaks", Estimate(float(leaks)), "count", "1: faces of a batch are mixed"),
        ),
        (
            Table(
                "Against the answer alone",
                (("Batch", "text"), ("Largest change", "number"), ("Mean change", "number"),
                 ("Other first answer", "rate")),
                tuple(rows),
            ),
        ),
        warnings=(verdict,) if verdict else (),
        basis=basis,
    )  # fmt: skip


def _first(one: Doubles, two: Doubles) -> float | None:
    """Share of faces whose largest number has another name; None where there is one name."""
    if one.shape[1] < 2:
        return None
    filled = [np.where(np.isnan(x), -np.inf, x).argmax(1) for x in (one, two)]
    return float((filled[0] != filled[1]).mean())


def _apart(one: Doubles, two: Doubles) -> Doubles:
    """(N,) largest difference; infinite where only one of them has an answer."""
    gap = np.abs(one - two)
    gap[np.isnan(one) & np.isnan(two)] = 0.0
    gap[np.isnan(one) ^ np.isnan(two)] = np.inf
    return np.asarray(gap.max(1))


def _answers(
    head: ChipHead,
    chips: Pixels,
    order: NDArray[np.int64],
    size: int,
    names: Sequence[str] = (),
) -> tuple[Doubles, Sequence[str]]:
    """(N, K) the numbers of each chip's reading, in the order of the chips; and their names."""
    found: list[dict[str, float]] = [{} for _ in order]
    for start in range(0, len(order), size):
        part = order[start : start + size]
        for place, reading in zip(part.tolist(), head(chips[part]), strict=True):
            found[place] = reading.values
    names = names or sorted({name for values in found for name in values})
    return np.array([[values.get(n, np.nan) for n in names] for values in found]), names

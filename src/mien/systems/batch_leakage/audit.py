"""Audit whether answers of a head leak between the faces of a batch.

In some published programs the faces of a batch affect each other, by attention over the wrong axis
or by statistics of the batch. Answers then depend on the other faces, and a test set sorted by
class reveals the class to the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.audit import counted, read_chips
from mien.contracts import ChipHead, Samples, Scope, Subject, silent
from mien.errors import TooFewTrialsError
from mien.metrics import Clusters, Estimate
from mien.metrics.findings import Fact, Findings, Risk, Table
from mien.types import Device, Doubles, OnStep, Pixels

LEAST = 8  # faces; fewer do not make a useful batch


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit batch-leakage --set KEY=VALUE`."""

    batch: int = 32  # faces per batch
    tolerance: float = 1e-4  # sums in another order differ by less; a leak by much more
    task: str = ""  # label by which the sorted batch is sorted; default: the first, else brightness


class BatchLeakage:
    """Compares answers for a face alone, in a shuffled batch and in one of its own class."""

    needs = frozenset({"chip-head"})
    options = Options

    def __init__(self, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

    def __call__(
        self,
        subject: Subject,
        data: Samples,
        scope: Scope,
        options: Options,
        /,
        on_step: OnStep = silent,
    ) -> Findings:
        """Run the head on every face three times: alone, in a shuffled and in a sorted batch.

        Raises:
            TooFewTrialsError: fewer than 8 faces.
        """
        asked, counter = counted(subject, scope)
        head: ChipHead = counter
        cut = read_chips(asked, data, counter.crop, on_step)
        count = len(cut.chips)
        if count < LEAST:
            raise TooFewTrialsError(f"{count} faces are too few for a batch; give {LEAST} or more.")
        rows = cut.rows
        order, sorted_by = _order(data, options.task, cut.chips, rows)
        orders = {"shuffled": np.random.default_rng(scope.seed).permutation(count),
                  f"sorted by {sorted_by}": order}  # fmt: skip
        alone, names = _answers(head, cut.chips, np.arange(count), 1)
        on_step("orders", 1, 1 + len(orders))
        lines: list[tuple[str, float, float, float | None]] = []
        worst: Doubles = np.zeros(count)  # (N,) largest change of each face
        for done, (name, chosen) in enumerate(orders.items(), 2):
            batched, _ = _answers(head, cut.chips, chosen, options.batch, names)
            apart = _apart(batched, alone)
            worst = np.maximum(worst, apart)
            changed = _first(batched, alone)
            lines.append((name, float(apart.max()), float(np.mean(apart)), changed))
            on_step("orders", done, 1 + len(orders))
        people = [data.people[row] for row in rows] if data.people else list(range(count))
        share = Clusters(people).share(worst > options.tolerance)
        return _findings(subject, data, scope, options, tuple(lines), share, counter.asked)


def _order(
    data: Samples, task: str, chips: Pixels, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str]:
    """The faces sorted by class, and the sort key; by brightness where there are no classes."""
    known = task or next(iter(data.labels), "")
    if known in data.labels:
        keys = np.array([data.labels[known][row] for row in rows])
        return np.argsort(keys, kind="stable"), "class"
    return np.argsort(chips.mean((1, 2, 3)), kind="stable"), "brightness"


def _findings(
    subject: Subject,
    data: Samples,
    scope: Scope,
    options: Options,
    lines: tuple[tuple[str, float, float, float | None], ...],
    share: Estimate,
    asked: int,
) -> Findings:
    worst = max(line[1] for line in lines)
    leaks = not worst <= options.tolerance
    verdict = (
        f"Answers change by up to {worst:.2g} with the rest of the batch: the head mixes faces. "
        "Results measured in batches are not valid."
    )
    sound = (
        f"No answer changes by more than {options.tolerance:g} with the rest of the batch; at most "
        f"{share.high:.2g} of faces could (95 %)."
    )
    risk = Risk("high", verdict) if leaks else Risk("none found", sound)
    lost = len(data.pictures) - share.trials
    left_out = (f"{lost} of {len(data.pictures)} images show no face and are left out.",)
    return Findings(
        "Batch leakage: does an answer depend on the other faces?",
        f"{share.trials} faces of {data.name}, each alone and in batches of "
        f"{options.batch}.",
        (
            Fact("largest change", Estimate(worst), "number",
                 f"a leak above {options.tolerance:g}"),
            Fact("leaks", Estimate(float(leaks)), "count", "1: faces of a batch are mixed"),
            Fact("faces whose answer changes", share, "rate", "with the rest of the batch"),
        ),
        (
            Table(
                "Difference from the answer alone",
                (("Batch", "text"), ("Largest change", "number"), ("Mean change", "number"),
                 ("Other first answer", "rate")),
                lines,
            ),
        ),
        warnings=((verdict,) if leaks else ()) + (left_out if lost else ()),
        basis=(
            ("Read by", subject.label),
            ("Data", data.name),
            ("Purpose", scope.purpose or "not stated"),
            ("Pictures shown to the head", f"{asked:,}"),
        ),
        risk=risk,
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
    return np.asarray(gap.max(1, initial=0.0))


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

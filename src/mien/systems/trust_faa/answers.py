"""The answers of a head beside the labels: what every section of the report reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.contracts import Samples
from mien.errors import MienError
from mien.metrics import Estimate, bootstrap_weights
from mien.types import Doubles, Reading

LEAST = 30  # images of a group; smaller groups are pooled as "others"
OTHERS = "others"
RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers of a head for N images, with labels, groups and people."""

    classes: tuple[str, ...]  # () for numbers
    output: Doubles  # (N, K) probabilities, or (N, 1) numbers
    truth: NDArray[np.int64] | Doubles  # (N,) number of the class, or the value
    people: NDArray[np.str_]  # (N,) who; an image of its own where nobody is named
    groups: Mapping[str, NDArray[np.str_]]  # name -> (N,) group
    interval: Doubles | None = None  # (N, 2) low and high, of numbers

    @property
    def loss(self) -> Doubles:
        """(N,) 1 for a wrong class, or the absolute error; NaN without an answer."""
        if not self.classes:
            return np.abs(self.output[:, 0] - self.truth)
        wrong = np.asarray(self.output.argmax(1) != self.truth, np.float64)
        return np.where(np.isnan(self.output).any(1), np.nan, wrong)

    def rows(self, keep: NDArray[np.bool_]) -> "Answers":
        """Those images."""
        groups = {name: values[keep] for name, values in self.groups.items()}
        inside = None if self.interval is None else self.interval[keep]
        return Answers(
            self.classes, self.output[keep], self.truth[keep], self.people[keep], groups, inside
        )


def outputs(readings: list[Reading], classes: tuple[str, ...], task: str) -> Doubles:
    """(N, K) numbers of the readings; NaN where a reading is empty.

    Raises:
        MienError: probabilities do not sum to 1.
    """
    names = classes or (task,)
    found = np.array([[one.values.get(name, np.nan) for name in names] for one in readings])
    sums = found.sum(1)
    if classes and (np.abs(sums[~np.isnan(sums)] - 1) > 1e-3).any():
        worst = float(sums[np.nanargmax(np.abs(sums - 1))])
        raise MienError(
            f"The probabilities of {', '.join(classes)} sum to {worst:.3f} for one image; a trust "
            "report needs probabilities that sum to 1."
        )
    return np.asarray(found, np.float64)


def group_columns(
    data: Samples, rows: NDArray[np.int64], task: str, wanted: tuple[str, ...]
) -> dict[str, NDArray[np.str_]]:
    """Group columns of the images that were read; small groups are pooled as "others".

    Args:
        data: with labels; "person" stands for its people.
        rows: of the images that show a face.
        task: its column is no group.
        wanted: names of columns; (): all label columns, or the people if there are none.
    """
    columns: dict[str, tuple[str, ...]] = {n: v for n, v in data.labels.items() if n != task}
    if data.people and (not columns or "person" in wanted):
        columns["person"] = data.people
    for name in wanted:
        if name not in columns:
            raise MienError(
                f"There is no column '{name}' to group by; there are: "
                f"{', '.join(columns) or 'none'}."
            )
    found = {}
    for name in wanted or columns:
        values = np.array([columns[name][row] or "not labelled" for row in rows])
        found[name] = pooled(values)
    return found


def pooled(values: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return groups in which those of fewer than LEAST images are one group."""
    names, number, count = np.unique(values, return_inverse=True, return_counts=True)
    small = count[number] < LEAST
    return np.where(small, OTHERS, names[number])


def large(groups: NDArray[np.str_]) -> list[str]:
    """Return the groups that are large enough to be compared, without the pooled one."""
    names, count = np.unique(groups, return_counts=True)
    return [str(n) for n, c in zip(names, count, strict=True) if c >= LEAST and n != OTHERS]


def bands(values: Doubles, count: int = 5) -> NDArray[np.str_]:
    """(N,) name of the band of each value: `count` bands with about the same number of images."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{a:g} to {b:g}" for a, b in pairwise(edges)] or [f"{edges[0]:g}"]
    return np.array(names)[place]


def people_weights(people: NDArray[np.str_], seed: int, resamples: int = RESAMPLES) -> Doubles:
    """(R, N) how often each image is drawn when people are drawn with repetition."""
    names, who = np.unique(people, return_inverse=True)
    return np.asarray(bootstrap_weights(len(names), resamples, seed)[:, who], np.float64)


def with_interval(value: float, drawn: Doubles, people: NDArray[np.str_]) -> Estimate:
    """An estimate with the interval of draws of people, reflected about the value.

    A largest difference is never below 0, so its draws lie above it; the reflected (basic)
    interval takes that away, the percentile interval does not.

    Source: Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 5.2.
    """
    units = len(np.unique(people))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    ends = max(0.0, 2 * value - float(high)), max(value, 2 * value - float(low))
    return Estimate(value, *ends, len(people), units)

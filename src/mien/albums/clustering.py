"""Clustering of embeddings: one group per person, without names.

Average linkage on log-likelihood ratios instead of distances. Two groups are merged if the mean
cosine of their embeddings supports one person strongly enough, given that among many groups two
are rarely the same person. No distance must be set. The mean cosine of two groups is the product
of their mean embeddings, so no matrix of all pairs is needed.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.types import Doubles, Floats, OnStep

Ints = NDArray[np.int64]

# Cosines in, natural logarithms of likelihood ratios out, rising; as `Calibration.llr`.
Evidence = Callable[[Any], Any]

NEIGHBOURS = 32  # per group; merged groups get new neighbours, so more do not change the result
CELLS = 16_000_000  # cosines in memory at once, 64 MB


class ContradictionError(MienError, ValueError):
    """Constraints state that two faces are one person and two people."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(
            f"Faces {first} and {second} must not be in one group (cannot), but other constraints "
            "put them into one group (must); remove one of these constraints."
        )
        self.pair = (first, second)


def cluster(
    vectors: Floats,
    evidence: Evidence,
    *,
    weights: Floats | None = None,
    cannot: Iterable[tuple[int, int]] = (),
    must: Iterable[tuple[int, int]] = (),
    on_step: OnStep | None = None,
) -> Ints:
    """Group embeddings by person.

    Args:
        vectors: (N, D) of length 1; or means of such, which are shorter (mien.track.mean).
        evidence: cosines -> log-likelihood ratios, natural logarithm, rising with the cosine;
            `Calibration.llr` is one.
        weights: (N,) number of independent observations per vector, above 0; default 1.
        cannot: pairs of rows of two people, at any similarity.
        must: pairs of rows of one person, at any similarity.
        on_step: called with "groups", the number merged so far, and the maximum.

    Returns:
        (N,) group of each row, numbered from 0 in the order of their first members. The same
        input gives the same groups.

    Raises:
        ContradictionError: names two rows with contradictory constraints.
        MienError: a vector is not of length 1, or a weight or a row is invalid.
    """
    rows = _checked(vectors, weights)
    groups = _Groups(rows, np.ones(len(rows)) if weights is None else np.asarray(weights), evidence)
    _apply(groups, must, cannot)
    fresh = groups.alive()
    while fresh.size:  # grown groups may have new neighbours
        groups.connect(*_neighbours(groups, fresh))
        fresh = _join_all(groups, on_step)
    return np.unique(_first_rows(groups.label), return_inverse=True)[1].astype(np.int64)


class _Groups:
    """The state of a run. The name of a group is one of its rows."""

    def __init__(self, rows: Floats, weights: NDArray[Any], evidence: Evidence) -> None:
        count = len(rows)
        self.sums = rows * np.asarray(weights, np.float64)[:, None]  # (N, D), by group
        self.observations = np.asarray(weights, np.float64).copy()  # (N,) sums of weights, by group
        self.label: Ints = np.arange(count)  # (N,) row -> its group
        self.version: Ints = np.zeros(count, np.int64)  # (N,) number of changes of a group
        self.members: dict[int, Ints] = {i: np.array([i]) for i in range(count)}
        self.beside: dict[int, Ints] = {}  # group -> rows of its neighbours
        self.apart: dict[int, Ints] = {}  # group -> rows of other people
        self.heap: list[tuple[float, int, int, int, int]] = []  # -evidence, pair, its versions
        self.evidence = evidence

    def alive(self) -> Ints:
        """Return the names of all groups, rising."""
        return np.flatnonzero(self.label == np.arange(len(self.label)))

    def means(self, names: Ints) -> Doubles:
        """Return mean vectors (G, D); their products are mean cosines."""
        means: Doubles = self.sums[names] / self.observations[names, None]
        return means

    def join(self, a: int, b: int) -> int:
        """Merge two groups; the name is that of the larger one."""
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        self.label[self.members[b]] = a
        self.sums[a] += self.sums[b]
        self.observations[a] += self.observations[b]
        self.version[[a, b]] += 1
        for table in (self.members, self.beside, self.apart):
            if b in table:
                parts = [table[a], table.pop(b)] if a in table else [table.pop(b)]
                table[a] = np.concatenate(parts)
        return a

    def connect(self, first: Ints, second: Ints) -> None:
        """Make pairs of groups neighbours, and queue the best partner of each."""
        one, others = np.concatenate([first, second]), np.concatenate([second, first])
        order = np.argsort(one, kind="stable")
        one, others = one[order], others[order]
        names, starts, counts = np.unique(one, return_index=True, return_counts=True)
        for name, start, size in zip(names.tolist(), starts, counts, strict=True):
            rows = others[start : start + size]
            known = self.beside.get(name)
            self.beside[name] = rows if known is None else np.concatenate([known, rows])
            self.queue(name)

    def queue(self, a: int) -> None:
        """Put the best partner of a group into the queue, if a merge is permitted."""
        names = np.unique(self.label[self.beside[a]])
        barred = [a, *self.label[self.apart[a]].tolist()] if a in self.apart else [a]
        names = names[~np.isin(names, barred)]
        self.beside[a] = names
        if names.size:
            [mean] = self.means(np.array([a]))
            llr = np.asarray(self.evidence(self.means(names) @ mean))
            best = int(llr.argmax())
            b = int(names[best])
            versions = int(self.version[a]), int(self.version[b])
            heapq.heappush(self.heap, (-float(llr[best]), a, b, *versions))


def _join_all(groups: _Groups, on_step: OnStep | None) -> Ints:
    """Merge groups, best first, until no pair exceeds the threshold; return those that grew.

    A pair whose partner has changed is evaluated again when it is next in the queue. This is early
    enough: a mean of two is never above the larger of them, so no partner has improved meanwhile.
    """
    count, alive, grown = len(groups.label), groups.alive().size, set[int]()
    while groups.heap and -groups.heap[0][0] > merge_threshold(alive):
        _, a, b, version_a, version_b = heapq.heappop(groups.heap)
        if groups.version[a] != version_a:
            continue
        if groups.version[b] != version_b:
            groups.queue(a)
            continue
        grown -= {a, b}
        name = groups.join(a, b)
        grown.add(name)
        groups.queue(name)
        alive -= 1
        if on_step:
            on_step("groups", count - alive, count)
    return np.array(sorted(grown), np.int64)


def merge_threshold(groups: int) -> float:
    """Return the log-likelihood ratio above which two of `groups` groups are merged.

    Among K people, two random groups are one person with probability of about 1 / K, so log(K)
    would be required. The threshold is lower, since the straight line of a calibration
    understates high cosines, and slightly higher in small folders, where one wrong merge has
    a large effect. It was set on folds 0-2 of LFW and strangers, from 15 images of 10 people
    to 9,999 of 9,000, always within 0.02 of the best B-cubed F of any threshold there.
    """
    return 0.75 + 0.4 * math.log(groups)


def _neighbours(groups: _Groups, fresh: Ints) -> tuple[Ints, Ints]:
    """Return pairs of groups: each of `fresh` with the most similar groups of all.

    The result is exact: all cosines are computed, CELLS at once. Pairs with evidence against one
    person are omitted.
    """
    alive = groups.alive()
    means = groups.means(alive).astype(np.float32)
    place = np.full(len(groups.label), -1)
    place[alive] = np.arange(alive.size)
    least, rows = _least(groups.evidence), max(1, CELLS // alive.size)
    pairs: list[tuple[Ints, Ints]] = []
    for start in range(0, fresh.size, rows):
        names = fresh[start : start + rows]
        cosines = means[place[names]] @ means.T  # (rows, G)
        near = cosines > least
        near[np.arange(len(names)), place[names]] = False
        for crowded in np.flatnonzero(near.sum(axis=1) > NEIGHBOURS):
            some = np.flatnonzero(near[crowded])
            far = np.argpartition(-cosines[crowded, some], NEIGHBOURS)[NEIGHBOURS:]
            near[crowded, some[far]] = False
        row, column = np.nonzero(near)
        pairs.append((names[row], alive[column]))
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return first, second


def _least(evidence: Evidence) -> float:
    """Find the cosine above which the evidence supports one person, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if evidence(middle) > 0 else (middle, high)
    return low


def _apply(
    groups: _Groups, must: Iterable[tuple[int, int]], cannot: Iterable[tuple[int, int]]
) -> None:
    """Apply the must constraints, and record the cannot constraints."""
    count = len(groups.label)
    for a, b in _pairs(must, count):
        first, second = int(groups.label[a]), int(groups.label[b])
        if first != second:
            groups.join(first, second)
    others: dict[int, list[int]] = {}
    for a, b in _pairs(cannot, count):
        first, second = int(groups.label[a]), int(groups.label[b])
        if first == second:
            raise ContradictionError(a, b)
        others.setdefault(first, []).append(b)
        others.setdefault(second, []).append(a)
    groups.apart = {name: np.array(rows) for name, rows in others.items()}


def _pairs(constraints: Iterable[tuple[int, int]], count: int) -> Iterator[tuple[int, int]]:
    for a, b in constraints:
        if not (0 <= a < count and 0 <= b < count):
            raise MienError(
                f"Pair ({a}, {b}) is not valid: expected two different faces of 0 to {count - 1}."
            )
        yield int(a), int(b)


def _first_rows(label: Ints) -> Ints:
    """Return the first row of the group of each row, (N,)."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rows: Ints = first[inverse]
    return rows


def _checked(vectors: Floats, weights: Floats | None) -> Floats:
    rows = np.asarray(vectors, np.float32)
    if rows.ndim != 2:
        raise MienError(f"Embeddings must have shape (N, D), got {rows.shape}.")
    lengths = np.linalg.norm(rows, axis=1)
    off = np.flatnonzero(~((lengths < 1 + 1e-3) & (lengths > 0)))  # NaN too
    if off.size:
        raise MienError(
            f"Vector {off[0]} does not have length 1, nor is it a mean; give embeddings of a model."
        )
    if weights is not None:
        given = np.asarray(weights)
        if given.shape != (len(rows),) or not (np.isfinite(given).all() and (given > 0).all()):
            raise MienError(f"Weights are not valid: expected {len(rows)} finite numbers above 0.")
    return rows

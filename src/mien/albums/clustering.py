"""Who belongs together, without names: groups of vectors that show one person each.

Average linkage on evidence instead of distances: two groups join if the mean cosine between their
vectors speaks for one person strongly enough to overcome that among many groups two are rarely
the same. There is no distance to set by hand. The mean cosine of two groups is the product of
their mean vectors, so no matrix of all pairs is ever needed.
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

NEIGHBOURS = 32  # of each group; merged groups look for new ones, so more do not change the result
CELLS = 16_000_000  # cosines held at once, 64 MB


class ContradictionError(MienError, ValueError):
    """Two faces are told to be one person and two people."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(
            f"Faces {first} and {second} are told apart (cannot), but other facts make them one "
            "person (must); take one of these facts back."
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
    """Put vectors of one person into one group.

    Args:
        vectors: (N, D) of length 1; or means of such, which are shorter (mien.track.mean).
        evidence: cosines -> log-likelihood ratios, natural logarithm, rising with the cosine;
            `Calibration.llr` is one.
        weights: (N,) how many independent looks each vector stands for, above 0; default 1.
        cannot: pairs of rows that show two people, whatever they look like.
        must: pairs of rows that show one person, whatever they look like.
        on_step: called with "groups", the number joined so far, and at most.

    Returns:
        (N,) group of each row, numbered from 0 in the order of their first members. The same
        input gives the same groups.

    Raises:
        ContradictionError: naming two rows that `must` joins and `cannot` parts.
        MienError: a vector is not of length 1, or a weight or a row is impossible.
    """
    rows = _checked(vectors, weights)
    groups = _Groups(rows, np.ones(len(rows)) if weights is None else np.asarray(weights), evidence)
    _apply(groups, must, cannot)
    fresh = groups.alive()
    while fresh.size:  # groups that grew look around once more: they may have new neighbours
        groups.connect(*_neighbours(groups, fresh))
        fresh = _join_all(groups, on_step)
    return np.unique(_first_rows(groups.label), return_inverse=True)[1].astype(np.int64)


class _Groups:
    """The state of a run. A group is named by one of its rows."""

    def __init__(self, rows: Floats, weights: NDArray[Any], evidence: Evidence) -> None:
        count = len(rows)
        self.sums = rows * np.asarray(weights, np.float64)[:, None]  # (N, D), by group
        self.observations = np.asarray(weights, np.float64).copy()  # (N,) sums of weights, by group
        self.label: Ints = np.arange(count)  # (N,) row -> its group
        self.version: Ints = np.zeros(count, np.int64)  # (N,) how often a group changed
        self.members: dict[int, Ints] = {i: np.array([i]) for i in range(count)}
        self.beside: dict[int, Ints] = {}  # group -> rows of its neighbours
        self.apart: dict[int, Ints] = {}  # group -> rows that show other people
        self.heap: list[tuple[float, int, int, int, int]] = []  # -evidence, pair, its versions
        self.evidence = evidence

    def alive(self) -> Ints:
        """The names of all groups, rising."""
        return np.flatnonzero(self.label == np.arange(len(self.label)))

    def means(self, names: Ints) -> Doubles:
        """(G, D) mean vectors; their products are mean cosines."""
        means: Doubles = self.sums[names] / self.observations[names, None]
        return means

    def join(self, a: int, b: int) -> int:
        """Make one group of two; its name is that of the larger one."""
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
        """Make pairs of groups neighbours, and queue the surest partner of each."""
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
        """Put the surest partner of a group into the queue, if any may join it."""
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
    """Join groups, surest first, until no two neighbours are sure enough; give those that grew.

    A pair whose partner has changed is looked at again when its turn comes. That is soon enough:
    a mean of two is never above the larger of them, so no partner became surer meanwhile.
    """
    count, alive, grown = len(groups.label), groups.alive().size, set[int]()
    while groups.heap and -groups.heap[0][0] > bar(alive):
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


def bar(groups: int) -> float:
    """The evidence that two of so many groups must exceed to be one person.

    Among K people two random groups are one person with odds of about 1 / K, so evidence of
    log(K) would be due. Less is asked for, since the straight line of a calibration understates
    what high cosines say, and a little more in small folders, where one wrong join spoils much.
    Set on folds 0-2 of LFW and strangers: one rule from 15 pictures of 10 people to 9,999 of
    9,000, each time within 0.02 of the best B-cubed F of any bar there.
    """
    return 0.75 + 0.4 * math.log(groups)


def _neighbours(groups: _Groups, fresh: Ints) -> tuple[Ints, Ints]:
    """Pairs of groups: each of `fresh` with those of all that are most alike.

    Exact: every cosine is looked at, CELLS at once. Pairs that speak against one person are left
    out.
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
    """The cosine above which evidence speaks for one person, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if evidence(middle) > 0 else (middle, high)
    return low


def _apply(
    groups: _Groups, must: Iterable[tuple[int, int]], cannot: Iterable[tuple[int, int]]
) -> None:
    """Join what is told to be one person, and note who is told to be two."""
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


def _pairs(told: Iterable[tuple[int, int]], count: int) -> Iterator[tuple[int, int]]:
    for a, b in told:
        if not (0 <= a < count and 0 <= b < count):
            raise MienError(f"There is no pair ({a}, {b}) among {count} faces, numbered from 0.")
        yield int(a), int(b)


def _first_rows(label: Ints) -> Ints:
    """(N,) the first row of each row's group."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rows: Ints = first[inverse]
    return rows


def _checked(vectors: Floats, weights: Floats | None) -> Floats:
    rows = np.asarray(vectors, np.float32)
    if rows.ndim != 2:
        raise MienError(f"Vectors to group have the shape (N, D), got {rows.shape}.")
    lengths = np.linalg.norm(rows, axis=1)
    off = np.flatnonzero(~((lengths < 1 + 1e-3) & (lengths > 0)))  # NaN too
    if off.size:
        raise MienError(
            f"Vector {off[0]} is not of length 1, nor a mean of such; give those of an embedder."
        )
    if weights is not None:
        given = np.asarray(weights)
        if given.shape != (len(rows),) or not (np.isfinite(given).all() and (given > 0).all()):
            raise MienError(f"{len(rows)} vectors need as many weights, finite and above 0.")
    return rows

"""Clustering of embeddings: one group per person, without names.

Average linkage on scores instead of distances. Two groups are merged if the mean normalised
similarity of their embeddings is above a bar that follows from the data: of the pairs above it, a
promised share at most are two people. No distance must be set. The mean similarity of two groups
is a product of two means, so no matrix of all pairs is needed.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.decision import Calibration
from mien.decision.cohort import normalise
from mien.errors import MienError
from mien.types import Doubles, Floats, OnStep

Ints = NDArray[np.int64]

Evidence = Callable[[Any], Any]  # mean normalised similarities in, evidence for one person out
Bar = Callable[[Any], Any]  # number of pairs of faces in, evidence that a merge needs out

MIXED = 0.05  # default: of 20 groups one at most mixes two people
# On folds 0-2 of LFW twice as many groups are mixed as the similarities of strangers predict: some
# photos resemble each other. So the bar is set for half of what is permitted.
PRUDENT = 0.5
# The mean similarity of several pairs is rarely high by accident, so the bar falls with their
# number, to the power of RELIEF. Chosen on folds 0-2 of LFW: see benchmarks/cluster.py.
RELIEF, ENOUGH = 0.1, 16.0
PERHAPS = 0.5  # two groups may be one person if half of such pairs are; a person must decide
DOUBT = 2.0  # least score of two such groups: 1 in 100 strangers is this similar
TOLD = 1000  # undecided pairs that are told, most similar first
FINE = 100  # steps of a score in the count of pairs
HIGHEST = 40.0  # scores are counted up to this one
NEIGHBOURS = 32  # per group; merged groups get new neighbours, so more do not change the result
CELLS = 4_000_000  # similarities in memory at once, 32 MB
FARTHEST = 1000.0  # beyond every normalised similarity


class ContradictionError(MienError, ValueError):
    """Constraints state that two faces are one person and two people."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(
            f"Faces {first} and {second} must not be in one group (cannot), but other constraints "
            "put them into one group (must); remove one of these constraints."
        )
        self.pair = (first, second)


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Embeddings by person."""

    labels: Ints  # (N,) group of each row, from 0 in the order of their first members
    undecided: tuple[tuple[int, int, float], ...]  # two groups that may be one, and their score


def cluster_people(
    vectors: Floats,
    calibration: Calibration,
    *,
    mixed: float = MIXED,
    cannot: Iterable[tuple[int, int]] = (),
    must: Iterable[tuple[int, int]] = (),
    on_step: OnStep | None = None,
) -> Grouping:
    """Group embeddings by person at a promised rate of mixed groups.

    Args:
        vectors: (N, D) of length 1; or means of such, which are shorter (mien.track.mean).
        calibration: of their embedder.
        mixed: permitted share of groups that mix two people, in (0, 1).
        cannot: pairs of rows of two people, at any similarity.
        must: pairs of rows of one person, at any similarity.
        on_step: called with "groups", the number merged so far, and the maximum.

    Raises:
        ContradictionError: names two rows with contradictory constraints.
        MienError: a vector is not of length 1, or a row or the rate is invalid.
    """
    if not 0 < mixed < 1:
        raise MienError(f"A share of mixed groups must be in (0, 1), got {mixed:g}; try 0.05.")
    rows, cannot = _checked(vectors, None), list(cannot)
    if not len(rows):
        return Grouping(np.empty(0, np.int64), ())
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    norms = calibration.norms(rows / lengths)
    counts = count_scores(rows, norms, calibration)
    bar = merge_bar(counts, mixed * PRUDENT)
    labels = cluster(
        rows,
        calibration.score,
        norms=norms,
        bar=lambda pairs: bar / np.minimum(pairs, ENOUGH) ** RELIEF,
        cannot=cannot,
        must=must,
        on_step=on_step,
    )
    return Grouping(labels, _undecided(_sided(rows, norms), labels, cannot, calibration))


def _undecided(
    rows: Doubles,
    labels: Ints,
    cannot: Sequence[tuple[int, int]],
    calibration: Calibration,
) -> tuple[tuple[int, int, float], ...]:
    """Pairs of groups that may be one person, most similar first.

    Of them a share PERHAPS at most are strangers. Pairs that may not be one person are left out.
    """
    counts = np.bincount(labels)
    means = np.zeros((counts.size, rows.shape[1]))
    np.add.at(means, labels, rows)
    means /= counts[:, None]
    facing = _facing(means)
    apart = {tuple(sorted((int(labels[a]), int(labels[b])))) for a, b in cannot}
    found: list[tuple[int, int, float]] = []
    pairs = np.zeros(int(HIGHEST * FINE), np.int64)
    step = max(1, CELLS // counts.size)
    for start in range(0, counts.size, step):
        scores = calibration.score(means[start : start + step] @ facing.T)
        upper = np.arange(counts.size) > np.arange(start, start + len(scores))[:, None]
        pairs += _counted(scores[upper])
        one, other = np.nonzero(upper & (scores >= DOUBT))
        for a, b in zip((one + start).tolist(), other.tolist(), strict=True):
            if (a, b) not in apart:
                found.append((a, b, float(scores[a - start, b])))
    low = merge_bar(pairs, PERHAPS)
    found = sorted((pair for pair in found if pair[2] >= low), key=lambda pair: -pair[2])
    return tuple(found[:TOLD])


def count_scores(vectors: Floats, norms: Doubles, calibration: Calibration) -> Ints:
    """Count the pairs of rows by their score, in steps of 1 / FINE from 0 to HIGHEST."""
    counts = np.zeros(int(HIGHEST * FINE), np.int64)
    rows = max(1, CELLS // max(1, len(vectors)))
    for start in range(0, len(vectors), rows):
        block = vectors[start : start + rows] @ vectors[start:].T
        similarity = normalise(block, norms[start : start + rows, None], norms[None, start:])
        upper = np.arange(block.shape[1]) > np.arange(len(block))[:, None]
        counts += _counted(calibration.score(similarity[upper]))
    return counts


def _counted(scores: Doubles) -> Ints:
    size = int(HIGHEST * FINE)
    steps = np.minimum((scores * FINE).astype(np.int64), size - 1)
    return np.bincount(steps, minlength=size)


def merge_bar(counts: Ints, mixed: float) -> float:
    """Return the lowest score above which at most a share of the pairs are two people.

    Of P pairs of strangers, P * 10^-s have a score above s, by the definition of a score. So the
    bar rises with the number of pairs, and falls with the number of pairs that are more similar
    than strangers are.

    Args:
        counts: of pairs by score, from `count_scores`.
        mixed: permitted share, in (0, 1).

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc. B
    57, 1995, with 10^-s as the p-value of a pair.
    """
    pairs = int(counts.sum())
    above = np.cumsum(counts[::-1])[::-1]  # pairs with at least the score of a step
    scores = np.arange(len(counts)) / FINE
    fine = np.flatnonzero(pairs * 10.0**-scores <= mixed * above)
    if pairs and fine.size:
        return float(scores[fine[0]])
    return math.log10(max(pairs, 1) / mixed)


def cluster(
    vectors: Floats,
    evidence: Evidence,
    *,
    bar: Bar,
    norms: Doubles | None = None,
    weights: Floats | None = None,
    cannot: Iterable[tuple[int, int]] = (),
    must: Iterable[tuple[int, int]] = (),
    on_step: OnStep | None = None,
) -> Ints:
    """Group embeddings by person.

    Args:
        vectors: (N, D) of length 1; or means of such, which are shorter (mien.track.mean).
        evidence: mean normalised similarities -> evidence for one person, rising.
        bar: evidence that a merge needs, by the number of pairs of rows (not rising).
        norms: (N, 2) of the rows (`Calibration.norms`); None: similarities are cosines.
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
    each = np.ones(len(rows)) if weights is None else np.asarray(weights)
    groups = _Groups(_sided(rows, norms), each, evidence, bar)
    _apply(groups, must, cannot)
    fresh = groups.alive()
    while fresh.size:  # grown groups may have new neighbours
        groups.connect(*_neighbours(groups, fresh))
        fresh = _join_all(groups, on_step)
    return np.unique(_first_rows(groups.label), return_inverse=True)[1].astype(np.int64)


class _Groups:
    """The state of a run. The name of a group is one of its rows."""

    def __init__(self, rows: Doubles, weights: NDArray[Any], evidence: Evidence, bar: Bar) -> None:
        count = len(rows)
        self.sums = rows * np.asarray(weights, np.float64)[:, None]  # (N, E), by group
        self.observations = np.asarray(weights, np.float64).copy()  # (N,) sums of weights, by group
        self.label: Ints = np.arange(count)  # (N,) row -> its group
        self.version: Ints = np.zeros(count, np.int64)  # (N,) number of changes of a group
        self.members: dict[int, Ints] = {i: np.array([i]) for i in range(count)}
        self.beside: dict[int, Ints] = {}  # group -> rows of its neighbours
        self.apart: dict[int, Ints] = {}  # group -> rows of other people
        self.heap: list[tuple[float, int, int, int, int]] = []  # -evidence, pair, its versions
        self.evidence, self.bar = evidence, bar

    def alive(self) -> Ints:
        """Return the names of all groups, rising."""
        return np.flatnonzero(self.label == np.arange(len(self.label)))

    def means(self, names: Ints) -> Doubles:
        """Return mean rows (G, E); their products with `_facing` rows are mean similarities."""
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
            needed = self.bar(self.observations[names] * self.observations[a])
            found = self.evidence(self.means(names) @ _facing(mean[None])[0]) - needed
            best = int(found.argmax())
            b = int(names[best])
            versions = int(self.version[a]), int(self.version[b])
            heapq.heappush(self.heap, (-float(found[best]), a, b, *versions))

    def hopeless(self) -> float:
        """Find the similarity below which no merge is possible, by bisection."""
        lowest = float(self.bar(math.inf))
        low, high = -FARTHEST, FARTHEST
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self.evidence(middle) > lowest else (middle, high)
        return low


def _join_all(groups: _Groups, on_step: OnStep | None) -> Ints:
    """Merge groups, best first, until no pair exceeds the threshold; return those that grew.

    A pair whose partner has changed is evaluated again when it is next in the queue. This is early
    enough: a mean of two is never above the larger of them, so no partner has improved meanwhile.
    """
    count, alive, grown = len(groups.label), groups.alive().size, set[int]()
    while groups.heap and groups.heap[0][0] < 0:
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


def _neighbours(groups: _Groups, fresh: Ints) -> tuple[Ints, Ints]:
    """Return pairs of groups: each of `fresh` with the most similar groups of all.

    The result is exact: all cosines are computed, CELLS at once. Pairs with evidence against one
    person are omitted.
    """
    alive = groups.alive()
    means = groups.means(alive).astype(np.float32)
    facing = _facing(means)
    place = np.full(len(groups.label), -1)
    place[alive] = np.arange(alive.size)
    least, rows = groups.hopeless(), max(1, CELLS // alive.size)
    pairs: list[tuple[Ints, Ints]] = []
    for start in range(0, fresh.size, rows):
        names = fresh[start : start + rows]
        similarity = means[place[names]] @ facing.T  # (rows, G)
        near = similarity > least
        near[np.arange(len(names)), place[names]] = False
        for crowded in np.flatnonzero(near.sum(axis=1) > NEIGHBOURS):
            some = np.flatnonzero(near[crowded])
            far = np.argpartition(-similarity[crowded, some], NEIGHBOURS)[NEIGHBOURS:]
            near[crowded, some[far]] = False
        row, column = np.nonzero(near)
        pairs.append((names[row], alive[column]))
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return first, second


def _sided(vectors: Floats, norms: Doubles | None) -> Doubles:
    """Return (N, E) rows u whose products with `_facing` rows are normalised similarities.

    The normalised similarity of v and w with means m, n and spreads s, t is half of
    (v/s).w + v.(w/t) - m/s - n/t: the product of (v/s, v, -m/s, 1) with (w, w/t, 1, -n/t).
    """
    rows = vectors.astype(np.float64)
    mean, spread = np.tile([0.0, 1.0], (len(rows), 1)).T if norms is None else norms.T
    ends = np.stack([-mean / spread, np.ones(len(rows))], 1)
    sided: Doubles = np.concatenate([rows / spread[:, None], rows, ends], axis=1) / math.sqrt(2)
    return sided


def _facing(rows: Any) -> Any:
    """Return the other side of (N, E) rows: their two halves exchanged, and so their ends."""
    half = (rows.shape[1] - 2) // 2
    parts = (rows[:, half:-2], rows[:, :half], rows[:, -1:], rows[:, -2:-1])
    return np.concatenate(parts, axis=1)


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

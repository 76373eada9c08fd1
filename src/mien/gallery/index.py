"""Index of unit vectors in memory: exact search, grouped by person."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles, Floats

Ints = NDArray[np.int64]

ROWS = 16384  # rows of one block of the matrix; appending copies at most one block
SCORES = 16_000_000  # similarities in memory at once, 64 MB: limits the queries per batch
CHUNK = 64  # neighbouring rows that are pre-selected by their best score


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """An immutable snapshot, which threads search without a lock.

    It takes 4 D + 16 bytes per template; a new snapshot shares the unchanged blocks.
    Rows are in the order of the template numbers and need not be sorted by person.
    """

    ids: Ints  # (N,) template numbers, ascending
    people: Ints  # (N,) person ids
    blocks: tuple[Floats, ...]  # together (N, D)

    @staticmethod
    def empty() -> "Index":
        """Create an empty index; its dimension is that of the first rows."""
        nothing = np.empty(0, dtype=np.int64)
        return Index(nothing, nothing, ())

    def extended(self, ids: Ints, people: Ints, vectors: Floats) -> "Index":
        """Return an index with (M, D) more rows, with numbers above the present ones."""
        blocks = list(self.blocks)
        if blocks and len(blocks[-1]) < ROWS:
            room = ROWS - len(blocks[-1])
            blocks[-1] = np.concatenate([blocks[-1], vectors[:room]])
            vectors = vectors[room:]
        blocks += [vectors[i : i + ROWS].copy() for i in range(0, len(vectors), ROWS)]
        return Index(
            np.concatenate([self.ids, ids]), np.concatenate([self.people, people]), tuple(blocks)
        )

    def regrouped(self, ids: Ints, people: Ints) -> "Index":
        """Return an index of the rows that are among `ids`, with their new people.

        Args:
            ids: (M,) template numbers, ascending; unknown numbers are ignored.
            people: (M,) person id of each.
        """
        known = np.isin(ids, self.ids, assume_unique=True)
        keep = np.isin(self.ids, ids, assume_unique=True)
        blocks, start = [], 0
        for block in self.blocks:
            part = keep[start : start + len(block)]
            start += len(block)
            if part.any():
                blocks.append(block if part.all() else block[part])
        return Index(ids[known], people[known], tuple(blocks))

    def search(self, vectors: Floats, k: int) -> Iterator[list[tuple[int, int, float]]]:
        """Find the k most similar people for each of (Q, D) unit vectors.

        Yields:
            For each query: template number, person id and cosine in [-1, 1], best first.
        """
        if not len(self.ids):
            yield from ([] for _ in vectors)
            return
        together = max(1, SCORES // len(self.ids))
        for first in range(0, len(vectors), together):
            part = vectors[first : first + together]
            scores = np.empty((len(part), len(self.ids)), dtype=np.float32)
            start = 0
            for block in self.blocks:
                np.matmul(part, block.T, out=scores[:, start : start + len(block)])
                start += len(block)
            for query, row in zip(part, scores, strict=True):
                yield self._best(query, self._candidates(row, k), k)

    def _candidates(self, scores: Floats, k: int) -> Ints:
        """Return rows that include the best templates of the k best people with certainty.

        The fast product deviates by at most `D * 2**-24` for unit vectors (Higham, Accuracy and
        Stability of Numerical Algorithms, 3.5), and differently for each batch shape. It therefore
        only pre-selects candidates; `_best` decides.
        """
        slack = 1.01 * scores_error(self.blocks[0].shape[1])
        tops = np.maximum.reduceat(scores, np.arange(0, len(scores), CHUNK))  # (N / CHUNK,)
        wanted = k
        while wanted < len(tops):
            bound = np.partition(tops, len(tops) - wanted)[len(tops) - wanted]
            rows = np.flatnonzero(scores >= bound)
            if len(np.unique(self.people[rows])) >= k:
                return np.flatnonzero(scores >= bound - slack)
            wanted *= 4
        return np.arange(len(scores))

    def _best(self, query: Floats, rows: Ints, k: int) -> list[tuple[int, int, float]]:
        """Sort candidate rows by their cosine in double precision, and keep one per person."""
        exact = np.concatenate([self._cosines(query, part) for part in parts(rows)])
        order = np.argsort(
            -exact, kind="stable"
        )  # rows ascend, so the lower number has priority at a tie
        people = self.people[rows[order]]
        first = np.sort(np.unique(people, return_index=True)[1])[:k]  # best row of each person
        return [
            (int(self.ids[rows[i]]), int(self.people[rows[i]]), float(exact[i].clip(-1, 1)))
            for i in order[first]
        ]

    def _cosines(self, query: Floats, rows: Ints) -> Doubles:
        """Compute cosines in double precision (M,), independent of the other rows."""
        starts = np.cumsum([0] + [len(block) for block in self.blocks])
        which = np.searchsorted(starts, rows, side="right") - 1
        found = np.empty((len(rows), len(query)), dtype=np.float64)
        for b in np.unique(which):
            here = which == b
            found[here] = self.blocks[b][rows[here] - starts[b]]
        found *= query
        cosines: Doubles = found.sum(axis=1)
        return cosines


def parts(rows: Ints) -> list[Ints]:
    """Split rows into parts of at most one block, to bound memory."""
    return [rows[i : i + ROWS] for i in range(0, len(rows), ROWS)]


def scores_error(dimension: int) -> float:
    """Return the maximum joint error of two float32 dot products of unit vectors."""
    return 2 * dimension * 2.0**-24

"""Index of unit vectors in memory: exact search, grouped by person."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mien.gallery.codes import Codes, centre_of, encode, encode_queries
from mien.types import Doubles, Floats

Ints = NDArray[np.int64]
Fetch = Callable[[Ints], Floats]  # ascending template numbers -> their stored (N, D) vectors
Hit = tuple[int, int, float]  # template number, person id, cosine

ROWS = 16384  # rows of one block of codes; appending copies at most one block
SCORES = 16_000_000  # similarities in memory at once, 64 MB: limits the queries per batch
CHUNK = 64  # rows that are pre-selected by their best score
NOBODY = 0  # person of a removed row; ids of people start at 1
BELOW = -9.0  # below every cosine


@dataclass(frozen=True, eq=False)
class Index:
    """An immutable snapshot, which threads search without a lock.

    It takes D + 28 bytes per template; a new snapshot shares the unchanged blocks. Rows are in the
    order of the template numbers and need not be sorted by person. A removed row keeps its place.
    """

    ids: Ints  # (N,) template numbers, ascending
    people: Ints  # (N,) person ids, or NOBODY
    blocks: tuple[Codes, ...]  # together N rows
    centre: Floats  # (D,) of the codes
    removed: Ints = field(init=False)  # rows of NOBODY

    def __post_init__(self) -> None:
        object.__setattr__(self, "removed", np.flatnonzero(self.people == NOBODY))

    @staticmethod
    def empty() -> "Index":
        """Create an empty index; its dimension is that of the first rows."""
        nothing = np.empty(0, dtype=np.int64)
        return Index(nothing, nothing, (), np.empty(0, dtype=np.float32))

    def __len__(self) -> int:
        """Return the number of rows that are not removed."""
        return len(self.ids) - len(self.removed)

    @cached_property
    def enrolled(self) -> int:
        """The number of people with rows."""
        return len(np.unique(self.people[self.people != NOBODY]))

    def extended(self, ids: Ints, people: Ints, vectors: Floats) -> "Index":
        """Return an index with (M, D) more rows, with numbers above the present ones."""
        blocks = list(self.blocks)
        centre = self.centre if blocks else centre_of(vectors[:ROWS])
        if blocks and len(blocks[-1]) < ROWS and len(vectors):
            room = ROWS - len(blocks[-1])
            blocks[-1] += encode(vectors[:room], centre)
            vectors = vectors[room:]
        blocks += [encode(vectors[i : i + ROWS], centre) for i in range(0, len(vectors), ROWS)]
        return Index(
            np.concatenate([self.ids, ids]),
            np.concatenate([self.people, people]),
            tuple(blocks),
            centre,
        )

    def regrouped(self, ids: Ints, people: Ints) -> "Index":
        """Return an index of the rows that are among `ids`, with their new people.

        The codes of the other rows are overwritten, also in earlier snapshots: what is erased shall
        not stay in memory.

        Args:
            ids: (M,) template numbers, ascending; unknown numbers are ignored.
            people: (M,) person id of each.
        """
        known = np.isin(ids, self.ids, assume_unique=True)
        now = np.full(len(self.ids), NOBODY)
        now[np.searchsorted(self.ids, ids[known])] = people[known]
        gone = np.flatnonzero((now == NOBODY) & (self.people != NOBODY))
        for block, start in zip(self.blocks, range(0, len(now), ROWS), strict=True):
            first, last = np.searchsorted(gone, [start, start + len(block)])
            if last > first:
                block.erase(gone[first:last] - start)
        return replace(self, people=now)

    def hiding(self, people: Ints) -> "Index":
        """Return an index that does not find these people; their codes stay in memory."""
        return replace(self, people=np.where(np.isin(self.people, people), NOBODY, self.people))

    def compact(self) -> "Index":
        """Return an index without the removed rows; its blocks are full again."""
        if not len(self.removed):
            return self
        keep = self.people != NOBODY
        parts = [
            block.part(keep[start : start + len(block)])
            for block, start in zip(self.blocks, range(0, len(keep), ROWS), strict=True)
        ]
        blocks: list[Codes] = []
        for part in parts:
            if blocks and len(blocks[-1]) < ROWS:
                room = ROWS - len(blocks[-1])
                blocks[-1] += part.part(slice(room))
                part = part.part(slice(room, None))
            if len(part):
                blocks.append(part)
        return Index(self.ids[keep], self.people[keep], tuple(blocks), self.centre)

    def search(self, vectors: Floats, k: int, fetch: Fetch) -> Iterator[list[Hit]]:
        """Find the k most similar people for each of (Q, D) unit vectors.

        Args:
            vectors: the queries.
            k: maximum number of people.
            fetch: reads stored vectors, of which exact cosines are computed.

        Yields:
            For each query: template number, person id and cosine in [-1, 1], best first.
        """
        if not len(self):
            yield from ([] for _ in vectors)
            return
        together = max(1, SCORES // len(self.ids))
        for first in range(0, len(vectors), together):
            part = vectors[first : first + together]
            queries = encode_queries(part, self.centre)
            scores = np.empty((len(part), len(self.ids)), dtype=np.float32)
            start = 0
            for block in self.blocks:
                queries.similarities(block, scores[:, start : start + len(block)])
                start += len(block)
            scores[:, self.removed] = BELOW
            errors = queries.bounds(
                max(block.error for block in self.blocks),
                max(block.radius for block in self.blocks),
            )
            rows = self._candidates(part, scores, errors, k, fetch)
            for each, exact in zip(rows, self._cosines(part, rows, fetch), strict=True):
                yield self._best(each, exact, k)

    def _candidates(
        self, queries: Floats, scores: Floats, errors: Floats, k: int, fetch: Fetch
    ) -> list[Ints]:
        """Return for each query rows that include the best templates of the k best people.

        The exact cosines of the k people whose codes score best are a lower bound of the k-th best.
        A row whose code scores lower than that by more than `errors` cannot be among the best.
        """
        leading = [self._leading(row, k) for row in scores]
        found = []
        for row, rows, exact, error in zip(
            scores, leading, self._cosines(queries, leading, fetch), errors, strict=True
        ):
            best = self._best(rows, exact, k)
            least = best[-1][2] - float(error) if len(best) == k else BELOW + 1
            found.append(np.flatnonzero(row >= least))
        return found

    def _leading(self, scores: Floats, k: int) -> Ints:
        """Return rows with high scores that belong to at least k people; all rows if k is large."""
        whole = len(scores) // CHUNK * CHUNK
        tops = scores[:whole].reshape(CHUNK, -1).max(axis=0, initial=BELOW)  # (N / CHUNK,)
        wanted = k
        while wanted < len(tops):
            bound = np.partition(tops, len(tops) - wanted)[len(tops) - wanted]
            rows = np.flatnonzero(scores >= max(bound, BELOW + 1))
            if len(np.unique(self.people[rows])) >= k:
                return rows
            wanted *= 4
        return np.flatnonzero(self.people != NOBODY)

    def _best(self, rows: Ints, exact: Doubles, k: int) -> list[Hit]:
        return best_people(self.ids[rows], self.people[rows], exact, k)

    def _cosines(self, queries: Floats, rows: Sequence[Ints], fetch: Fetch) -> list[Doubles]:
        """Compute the cosines of each query and its rows, in double precision.

        A cosine does not depend on the other rows and queries. Vectors are read once for all
        queries, and a block at a time to bound memory.
        """
        found = [np.empty(len(each)) for each in rows]
        needed = np.unique(np.concatenate(rows)) if len(rows) > 1 else rows[0]
        for first in range(0, len(needed), ROWS):
            part = needed[first : first + ROWS]
            vectors = fetch(self.ids[part])
            for query, each, cosines in zip(queries, rows, found, strict=True):
                a, b = np.searchsorted(each, [part[0], part[-1] + 1])
                cosines[a:b] = cosines_of(vectors[np.searchsorted(part, each[a:b])], query)
        return found


def cosines_of(vectors: Floats, query: Floats) -> Doubles:
    """Return the (N,) cosines of (N, D) unit vectors, in double precision; each on its own."""
    cosines: Doubles = (vectors.astype(np.float64) * query).sum(axis=1)
    return cosines


def best_people(ids: Ints, people: Ints, exact: Doubles, k: int) -> list[Hit]:
    """Sort templates by their cosine, and keep one per person: the k best.

    Args:
        ids: (N,) template numbers, ascending, so that the lower one has priority at a tie.
        people: (N,) person ids.
        exact: (N,) cosines.
        k: maximum number of people.
    """
    order = np.argsort(-exact, kind="stable")
    first = np.sort(np.unique(people[order], return_index=True)[1])[:k]  # best row of each person
    return [(int(ids[i]), int(people[i]), float(exact[i].clip(-1, 1))) for i in order[first]]

"""Exact search of an engine that stores tables, with an index in memory."""

from collections.abc import Collection
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from mien.errors import GalleryError
from mien.gallery.checks import check_vectors
from mien.gallery.index import ROWS, Hit, Index, Ints
from mien.gallery.questions import PAGE, Questions
from mien.gallery.rows import STORED, vectors_of
from mien.gallery.schema import damaged_file
from mien.types import Candidate, Floats


class _RemovedError(Exception):
    """Templates were removed or regrouped since the snapshot of a search."""


class Searching(Questions):
    """The part of an engine that searches; see `mien.gallery.engine.Engine`.

    A search uses a snapshot of the index, and holds no lock while it compares codes.
    """

    _columns, _dimension = "vector, crc", "dimension"  # which vectors: see `besides`

    def __init__(self, *given: Any, **more: Any) -> None:
        """Search a database; for the arguments see `Questions`."""
        super().__init__(*given, **more)
        self._index, self._epoch, self._last = Index.empty(), -1, 0

    def search(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people by exact search; see `mien.gallery.engine.Engine`."""
        if k < 1:
            raise GalleryError(f"k = {k} is not valid: expected 1 or more.")
        while True:
            index, epoch, dimension = self._refresh()
            vectors = check_vectors(vectors, dimension, self.where)
            fetch = partial(self._vectors, epoch, dimension)
            if without:
                index = index.hiding(np.fromiter(without, dtype=np.int64))
            with suppress(_RemovedError):  # by others, since the snapshot: search again
                return self._named(list(index.search(vectors, k, fetch)), epoch)

    def enrolled(self) -> int:
        """Return the number of people with templates; see `mien.gallery.Gallery`."""
        index, _, _ = self._refresh()
        return index.enrolled

    def _refresh(self) -> tuple[Index, int, int | None]:
        """Update the index from the database; return it, its epoch and D."""
        with self._store.reading(alone=True):
            dimension, epoch = self._must(f"SELECT {self._dimension}, epoch FROM about")
            last, index, covered = self._store.last(), self._index, self._last
            if not covered:
                index, covered = self._kept(epoch, last, dimension) or (index, covered)
            elif epoch != self._epoch and len(index):
                cursor = self._run("SELECT id, person FROM templates")
                pairs = np.fromiter(chain.from_iterable(cursor), dtype=np.int64).reshape(-1, 2)
                pairs = pairs[np.argsort(pairs[:, 0])]
                index = index.regrouped(pairs[:, 0], pairs[:, 1])
            while covered < last:
                rows = self._run(
                    f"SELECT id, person, {self._columns} FROM templates WHERE id > ? "
                    f"AND {self._columns.split(',')[0]} IS NOT NULL ORDER BY id LIMIT {ROWS}",
                    covered,
                ).fetchall()
                if not rows:
                    break
                numbers = np.array([row[:2] for row in rows], dtype=np.int64)
                vectors = vectors_of(self._sealing.open_vectors(rows), dimension, self.where)
                index = index.extended(numbers[:, 0], numbers[:, 1], vectors)
                if numbers[-1, 0] <= covered:  # a damaged tree whose numbers do not go up
                    raise GalleryError(damaged_file(self.where, "templates are out of order"))
                covered = int(numbers[-1, 0])
            self._index, self._epoch, self._last = index, epoch, last
            return index, epoch, dimension

    def _kept(self, epoch: int, last: int, dimension: int | None) -> tuple[Index, int] | None:
        """Return a stored index of this state, and the number of its last template."""
        return None

    def _vectors(self, epoch: int, dimension: int | None, numbers: Ints) -> Floats:
        """Read the vectors of templates in the order of their numbers."""
        found: list[Any] = []
        with self._store.reading():
            self._unchanged(epoch)
            for first in range(0, len(numbers), PAGE):
                part = numbers[first : first + PAGE].tolist()
                found += self._run(
                    f"SELECT id, person, {self._columns} FROM templates "
                    f"WHERE id IN ({', '.join('?' * len(part))}) ORDER BY id",
                    *part,
                ).fetchall()
            found = self._sealing.open_vectors(found)
        if [row[0] for row in found] != numbers.tolist():
            raise GalleryError(damaged_file(self.where, "a template of its index is missing"))
        return vectors_of(found, dimension, self.where)

    def _unchanged(self, epoch: int) -> None:
        if self._must("SELECT epoch FROM about")[0] != epoch:
            raise _RemovedError

    def _named(self, found: list[list[Hit]], epoch: int) -> list[list[Candidate]]:
        """Add names to template numbers."""
        numbers = sorted({number for hits in found for number, _, _ in hits})
        rows: dict[int, tuple[str, str | None, Floats]] = {}
        with self._store.reading():
            self._unchanged(epoch)
            (dimension,) = self._must(f"SELECT {self._dimension} FROM about")
            for first in range(0, len(numbers), PAGE):
                part = numbers[first : first + PAGE]
                stored = STORED.replace("vector, crc", self._columns)
                marks = ", ".join("?" * len(part))
                found_rows = self._run(f"{stored} WHERE templates.id IN ({marks})", *part)
                for row in self._sealing.open_stored(found_rows.fetchall()):
                    [vector] = vectors_of([row], dimension, self.where)
                    rows[row[0]] = row[4], row[5], vector
        if len(rows) < len(numbers):
            raise GalleryError(damaged_file(self.where, "a row is missing"))
        return [
            [
                Candidate(rows[t][0], similarity, t, rows[t][1], vector=rows[t][2])
                for t, _, similarity in hits
            ]
            for hits in found
        ]

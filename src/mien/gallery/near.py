"""Exact search of an engine whose server compares: in float32 there, in double precision here."""

from collections.abc import Sequence

import numpy as np

from mien.gallery.index import Hit, best_people, cosines_of
from mien.gallery.moving import Moving
from mien.types import Floats

ROWS = 64  # templates that are read at first for one query
TURNING = 1e-5  # deviation of a cosine of rotated float32 vectors; measured: below 1e-6
ROUNDING = 2.0**-24  # of float32, in which servers add


class Near(Moving):
    """The part of an engine that lets its server compare; an index is used if its recall is good.

    A class states how in `_rows` and `_approximate`.
    """

    def _nearest(self, query: Floats, k: int, hidden: Sequence[int]) -> list[Hit]:
        """Return the best templates of the k nearest people, inside `reading`."""
        if self.recall is None or not self.recall.good:
            return self._exact(query, k, hidden)
        found = self._approximate(query, k, hidden)
        if not self.recall.due():
            return found
        exact = self._exact(query, k, hidden)
        self.recall.add({p for _, p, _ in found}, {p for _, p, _ in exact})
        return exact

    def _exact(self, query: Floats, k: int, hidden: Sequence[int]) -> list[Hit]:
        """Compare with all templates.

        Servers add in float32. All templates are read whose similarity there is within its error of
        that of the k-th person, and their cosines are computed in double precision.
        """
        error, limit = 2 * len(query) * ROUNDING, max(ROWS, 4 * k)
        error += TURNING if self.protected else 0.0
        while True:
            rows = self._rows(query, hidden, limit)
            best: dict[int, float] = {}
            for _, person, similarity in rows:
                best.setdefault(person, similarity)
            least = sorted(best.values(), reverse=True)[:k][-1] - error if len(best) >= k else -9.0
            if len(rows) < limit or rows[-1][2] < least:
                return self._hits([row for row in rows if row[2] >= least], query, k)
            limit *= 8

    def _hits(self, rows: Sequence[tuple[int, int, float]], query: Floats, k: int) -> list[Hit]:
        """Return the k best people of some templates, by their stored vectors."""
        if not rows:
            return []
        pairs = np.array(sorted(row[:2] for row in rows), dtype=np.int64).reshape(-1, 2)
        (epoch,) = self._must("SELECT epoch FROM about")
        vectors = self._vectors(epoch, len(query), pairs[:, 0])
        return best_people(pairs[:, 0], pairs[:, 1], cosines_of(vectors, query), k)

    def _asked_for(self, query: Floats) -> Floats:
        """Return the (D,) query for vectors as the server has them, which may be protected."""
        transform = self._sealing.transform
        return query if transform is None else transform.query(query[None])[0]

    def _rows(
        self, query: Floats, hidden: Sequence[int], limit: int
    ) -> list[tuple[int, int, float]]:
        """Return template, person and similarity of the nearest templates, best first.

        Args:
            query: (D,) unit vector.
            hidden: people who must not be found.
            limit: maximum number of templates.
        """
        raise NotImplementedError

    def _approximate(self, query: Floats, k: int, hidden: Sequence[int]) -> list[Hit]:
        """Return the best templates of the k nearest people by an approximate index."""
        raise NotImplementedError

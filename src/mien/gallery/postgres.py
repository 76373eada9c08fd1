"""Galleries in PostgreSQL: pgvector compares in the database, exactly unless an index is asked for.

`postgresql://USER@HOST/DATABASE?gallery=NAME`; with `&index=hnsw`, an approximate index answers,
and its recall is measured by comparison with exact searches.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import GalleryError
from mien.gallery.checks import check_vectors
from mien.gallery.index import Hit
from mien.gallery.migrating import migrate
from mien.gallery.moving import PAGE, Row
from mien.gallery.near import Near
from mien.gallery.postgres_store import PostgresStore
from mien.gallery.recall import Recall
from mien.gallery.records import Receipt, Template
from mien.gallery.sqlite import SqliteGallery
from mien.types import Candidate, Floats

FEW = 100  # queries; to read all templates takes about as long: benchmarks/engines.py
BREADTH = 200  # hnsw.ef_search: templates that an approximate search visits
LARGEST = 2000  # D; pgvector cannot index more, and a row must fit into a page of 8 kB


class PostgresGallery(Near):
    """People in a schema of a PostgreSQL database; thread-safe and process-safe.

    A plain gallery is searched in the database; a large one in memory, by whoever asks much. An
    encrypted one is opened and searched in memory: the server never sees plain vectors.
    """

    _store: PostgresStore

    def __init__(
        self,
        url: str,
        embedder: str | None,
        *,
        create: bool = False,
        read_only: bool = False,
        key: bytes | None = None,
    ) -> None:
        """Open a gallery.

        Args:
            url: its address.
            embedder: contract id; None accepts any.
            create: whether a missing gallery is created.
            read_only: whether changes are refused.
            key: of an encrypted one; None: it is taken from where `find_key` finds it.
        """
        store = PostgresStore(url, embedder, create=create, read_only=read_only)
        try:
            super().__init__(store, key, armour=True)
            self._enrolled = (-1, 0)  # stamp, people with templates
            self._asked = 0  # queries
            self.recall = Recall() if store.address.approximate and not self.encrypted else None
            if self.recall and not self.read_only:
                self._make_index()
        except BaseException:
            store.close()
            raise

    def _make_index(self) -> None:
        """Build the approximate index, if there are templates; other programs wait meanwhile."""
        with self._store.change(counts=False):
            (dimension,) = self._must("SELECT dimension FROM about")
            if dimension:
                self._run(
                    "CREATE INDEX IF NOT EXISTS near ON search USING hnsw "
                    f"((embedding::vector({dimension})) vector_ip_ops)"
                )

    def _insert(self, person: int, template: Template, vector: Floats) -> int:
        number = super()._insert(person, template, vector)
        if not self.encrypted:
            if len(vector) > LARGEST:
                raise GalleryError(
                    f"Gallery {self.where} cannot search vectors of {len(vector)} numbers, at most "
                    f"{LARGEST}; use a file."
                )
            query = "INSERT INTO search VALUES (?, ?, ?) ON CONFLICT (template) DO NOTHING"
            self._run(query, number, person, self.shield(vector))
        return number

    def _rewritten(self, number: int, blob: bytes) -> None:
        vector = np.frombuffer(blob, "<f4").astype(np.float32)
        self._run("UPDATE search SET embedding = ? WHERE template = ?", vector, number)

    def _swapped(self) -> None:
        if self.encrypted:
            return
        self._run("DROP INDEX IF EXISTS near")
        last = 0
        while rows := self._run(
            f"SELECT id, vector FROM templates WHERE id > ? ORDER BY id LIMIT {PAGE}", last
        ).fetchall():
            vectors = [(np.frombuffer(blob, "<f4").astype(np.float32), i) for i, blob in rows]
            self._store.many("UPDATE search SET embedding = ? WHERE template = ?", vectors)
            last = rows[-1][0]

    def _drop_plain(self) -> None:
        self._run("DELETE FROM search")
        self.recall = None

    def _taken(self, table: str, rows: Sequence[Row]) -> None:
        if table == "templates":
            query = "SELECT wrapped IS NOT NULL FROM people WHERE id = ?"
            (sealed,) = self._must(query, rows[0][1])
            if not sealed:
                vectors = [np.frombuffer(row[2], "<f4").astype(np.float32) for row in rows]
                values = [(r[0], r[1], v) for r, v in zip(rows, vectors, strict=True)]
                self._store.many("INSERT INTO search VALUES (?, ?, ?)", values)

    def backup(self, target: Path) -> None:
        """Write one state to a new file of the engine sqlite, encrypted as this is."""
        with SqliteGallery(target, self.embedder, create=True) as copy:
            migrate(self, copy)

    def scrub(self) -> Receipt:
        """Rewrite the tables, also without what a broken connection has left in them."""
        with self._store.change(erases=True):
            pass
        return super().scrub()

    # ------------------------------------------------------------------ search

    def search(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people; see `mien.gallery.engine.Engine`.

        The first queries are answered in the database. Whoever asks more reads the templates into
        memory once, where a search takes a third of the time; the answers are the same.
        """
        self._asked += len(vectors)
        in_memory = self._asked > FEW and not self.recall
        if self.encrypted or self._last or in_memory or k < 1:
            return super().search(vectors, k, without=without)
        with self._store.reading():
            dimension, epoch = self._must("SELECT dimension, epoch FROM about")
            vectors = check_vectors(vectors, dimension, self.where)
            if dimension is None:
                return [[] for _ in vectors]
            hidden = sorted(without)
            return self._named([self._nearest(one, k, hidden) for one in vectors], epoch)

    def _approximate(self, query: Floats, k: int, hidden: Sequence[int]) -> list[Hit]:
        """Compare with the templates that the index leads to; with all if these are too few."""
        column = f"(embedding::vector({len(query)}))"
        self._run("SET LOCAL enable_seqscan TO off")
        self._run(f"SET LOCAL hnsw.ef_search TO {BREADTH}")
        rows = self._rows(query, hidden, BREADTH, column)
        self._run("SET LOCAL enable_seqscan TO on")
        if len({person for _, person, _ in rows}) < k:
            return self._exact(query, k, hidden)
        return self._hits(rows, query, k)

    def _rows(
        self, query: Floats, hidden: Sequence[int], limit: int, column: str = "embedding"
    ) -> list[tuple[int, int, float]]:
        """Return template, person and similarity of the nearest templates; see `Near`."""
        query = self._asked_for(query)
        where, values = "", (query,)
        filtered: list[Any] = []
        if hidden:
            where, filtered = "WHERE person <> ALL(?) ", [list(hidden)]
        return list(
            self._run(
                f"SELECT template, person, -({column} <#> ?) FROM search {where}"
                f"ORDER BY {column} <#> ? LIMIT {limit}",
                *values,
                *filtered,
                query,
            ).fetchall()
        )

    def enrolled(self) -> int:
        """Return the number of people with templates; see `mien.gallery.Gallery`."""
        if self.encrypted or self._last:
            return super().enrolled()
        with self._store.reading():
            (stamp,) = self._must("SELECT changes FROM about")
            if self._enrolled[0] != stamp:
                (count,) = self._must("SELECT count(DISTINCT person) FROM templates")
                self._enrolled = stamp, int(count)
            return self._enrolled[1]

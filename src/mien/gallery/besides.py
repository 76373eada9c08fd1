"""Second vectors of the templates of a gallery, while its model changes.

Each template can have a vector of a second embedder beside its own. It is sealed, moved and erased
with its template. The switch exchanges both vectors of all templates in one transaction, and is
refused while a template has only one: so each template can be found before and after it.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from mien.errors import GalleryError
from mien.gallery.changes import Changes
from mien.gallery.checks import check_vectors
from mien.gallery.index import Index
from mien.gallery.questions import PAGE
from mien.gallery.records import Beside, Stored
from mien.gallery.rows import STORED, stored_of, vectors_of
from mien.gallery.sealing import Sealing
from mien.gallery.searching import Searching
from mien.types import Candidate, Floats


class Besides(Changes):
    """The part of an engine that keeps second vectors; see `mien.gallery.engine.Engine`."""

    _second: "Second | None" = None

    def beside(self) -> Beside | None:
        """Return what is known about second vectors; None if no change is under way."""
        with self._store.reading():
            contract, switched = self._must("SELECT beside, switched FROM about")
            if contract is None:
                return None
            counts = self._must("SELECT count(*), count(beside) FROM templates")
        return Beside(str(contract), int(counts[0]), int(counts[1]), bool(switched))

    def begin_beside(self, contract: str) -> None:
        """Let each template have a vector of another embedder beside its own."""
        transform = self._sealing.transform
        check = None if transform is None else transform.of(contract).check
        with self._store.change():
            query = "UPDATE about SET beside = ?, beside_check = ?, switched = 0"
            self._run(query, contract, check)

    def lacking(self, after: int = 0) -> list[Stored]:
        """Return templates without a second vector with higher numbers, a page of them."""
        with self._store.reading():
            rows = self._run(
                f"{STORED} WHERE beside IS NULL AND templates.id > ? "
                f"ORDER BY templates.id LIMIT {PAGE}",
                after,
            ).fetchall()
            rows = self._sealing.open_stored(rows)
        return stored_of(rows, self.embedder, self.where)

    def put_beside(self, vectors: Mapping[int, Floats]) -> int:
        """Store second vectors by numbers of templates; return how many templates there still are.

        A template that was erased meanwhile is left out.
        """
        with self._store.change():
            sealing = self._besides()
            (dimension,) = self._must("SELECT beside_dimension FROM about")
            count = 0
            for number, vector in vectors.items():
                check_vectors(vector[None], dimension, self.where)
                dimension = len(vector)
                row = self._one("SELECT person FROM templates WHERE id = ?", number)
                if row:
                    values = sealing.vector(row[0], vector.astype("<f4").tobytes())
                    query = "UPDATE templates SET beside = ?, beside_crc = ? WHERE id = ?"
                    self._run(query, *values, number)
                    count += 1
            self._run("UPDATE about SET beside_dimension = ?", dimension)
        return count

    def second_vectors(self, after: int = 0) -> dict[int, Floats]:
        """Return the second vectors of templates with higher numbers, a page of them."""
        with self._store.reading():
            sealing = self._besides()
            (dimension,) = self._must("SELECT beside_dimension FROM about")
            rows = self._run(
                "SELECT id, person, beside, beside_crc FROM templates "
                f"WHERE beside IS NOT NULL AND id > ? ORDER BY id LIMIT {PAGE}",
                after,
            ).fetchall()
            rows = list(sealing.open_vectors(rows))
        if not rows:
            return {}
        vectors = vectors_of(rows, dimension, self.where)
        return {row[0]: vector for row, vector in zip(rows, vectors, strict=True)}

    def search_beside(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people by second vectors, by exact search in memory."""
        with self._store.reading():
            sealing = self._besides()
            (contract,) = self._must("SELECT beside FROM about")
        if self._second is None or self._second.embedder != contract:
            self._second = Second(self, str(contract))
        self._second.follow(sealing)
        return self._second.search(vectors, k, without=without)

    def swap(self) -> None:
        """Exchange both vectors of all templates, in one transaction.

        Raises:
            GalleryError: a template has only one vector.
        """
        with self._store.change(erases=True):
            self._besides()
            (left,) = self._must("SELECT count(*) FROM templates WHERE beside IS NULL")
            if left:
                raise GalleryError(
                    f"Gallery {self.where} has {left} templates without a vector of the other "
                    "model, which no search could find; nothing was changed. Embed them first: "
                    "mien gallery model embed"
                )
            self._run(
                "UPDATE templates SET vector = beside, crc = beside_crc, "
                "beside = vector, beside_crc = crc"
            )
            self._run(
                "UPDATE about SET embedder = beside, beside = embedder, "
                "dimension = beside_dimension, beside_dimension = dimension, "
                "protect_check = beside_check, beside_check = protect_check, "
                "origin = coalesce(origin, embedder), switched = 1 - switched"
            )
            self._swapped()

    def adopt(self, contract: str) -> None:
        """Use the embedder of the store after a switch."""
        self._store.embedder = self.embedder = contract
        transform = self._sealing.transform and self._sealing.transform.of(contract)
        self._sealing = replace(self._sealing, transform=transform, vectors=self._kind(contract))
        self._index, self._epoch, self._last = Index.empty(), -1, 0
        self._second = None

    def _swapped(self) -> None:
        """Take note that the vectors of all templates are others, inside the transaction."""

    def drop_beside(self) -> None:
        """Delete all second vectors; the change of the model is over. Then `scrub`."""
        with self._store.change(erases=True):
            self._besides()
            self._run("UPDATE templates SET beside = NULL, beside_crc = NULL")
            self._run(
                "UPDATE about SET beside = NULL, beside_dimension = NULL, beside_check = NULL, "
                "switched = 0"
            )
        self._second = None

    def check(self) -> list[str]:
        """Verify all stored data, also second vectors; see `mien.gallery.Gallery`."""
        faults = super().check()
        if self.beside() is None:
            return faults
        try:
            last = 0
            while page := self.second_vectors(last):
                last = max(page)
        except GalleryError as error:
            faults.append(str(error))
        return faults


class Second(Searching):
    """Searches the second vectors of an engine, with an index of its own."""

    _columns, _dimension = "beside, beside_crc", "beside_dimension"

    def __init__(self, engine: Besides, contract: str) -> None:
        """Search beside an engine.

        Args:
            engine: the engine.
            contract: contract id of its second vectors.
        """
        self._store, self.where, self.read_only = engine._store, engine.where, engine.read_only
        self._run, self._one, self._must = engine._run, engine._one, engine._must
        self.embedder, self._stamp = contract, -1
        self._index, self._epoch, self._last = Index.empty(), -1, 0

    def follow(self, sealing: Sealing) -> None:
        """Read all vectors again if anything has changed: they arrive in any order."""
        self._sealing, stamp = sealing, self.stamp()
        if stamp != self._stamp:
            self._index, self._epoch, self._last = Index.empty(), -1, 0
            self._stamp = stamp

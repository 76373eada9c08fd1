"""What engines that store tables answer: who is there, with which templates and facts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery.checks import check_digest, clean_name
from mien.gallery.database import Database
from mien.gallery.keys import Vault, find_key
from mien.gallery.protecting import Transform, find_transform
from mien.gallery.recall import Recall
from mien.gallery.records import Fact, Person, Refusal, Seen, Stored
from mien.gallery.rows import STORED, damaged, moment, stored_of
from mien.gallery.schema import OutdatedError
from mien.gallery.sealing import Sealing, Texts
from mien.types import Floats

PAGE = 1000  # templates per read during iteration


class Questions:
    """The part of an engine that reads its tables; see `mien.gallery.engine.Engine`."""

    recall: Recall | None = None  # of an approximate search; None: it is exact

    def __init__(self, store: Database, key: bytes | None, *, armour: bool = False) -> None:
        """Answer from a database.

        Args:
            store: the database.
            key: of an encrypted one; None: it is taken from where `find_key` finds it.
            armour: whether sealed texts are stored as text.
        """
        self._store = store
        self.where, self.read_only = store.where, store.read_only
        self.embedder: str = store.embedder
        self._run, self._one, self._must = store.run, store.one, store.must
        with store.reading():
            (origin,) = self._must("SELECT origin FROM about")
        self._origin = str(origin or self.embedder)  # the contract that the keys name
        self._sealing = Sealing(
            self._vault(key),
            self._wrapped,
            armour=armour,
            transform=self._transform(),
            vectors=self._kind(self.embedder),
        )

    @property
    def encrypted(self) -> bool:
        """Whether the records are encrypted."""
        return self._sealing.vault is not None

    def _vault(self, key: bytes | None) -> Vault | None:
        """Return the keys of an encrypted file; None if it is plain."""
        with self._store.reading():
            lookup, generation, ident = self._must("SELECT lookup, generation, ident FROM about")
        if not generation:
            return None
        if key is None:
            key = find_key(str(ident), generation, self.where)
        return Vault(key, lookup, self._origin, self.where)

    def _kind(self, contract: str) -> str:
        """Return the kind of the records of vectors of an embedder, which seals are bound to."""
        return "vector" if contract == self._origin else f"vector|{contract}"

    def _fresh(self) -> Sealing:
        """Return the sealing as it is now, inside a transaction.

        Another program may have begun to change the model, or ended that.
        """
        (contract,) = self._must("SELECT beside FROM about")
        beside = None
        if contract is not None:
            transform = self._sealing.transform and self._sealing.transform.of(contract)
            kind = self._kind(contract)
            beside = replace(self._sealing, transform=transform, vectors=kind, beside=None)
        self._sealing = replace(self._sealing, beside=beside)
        return self._sealing

    def _besides(self) -> Sealing:
        """Return the sealing of second vectors, inside a transaction.

        Raises:
            GalleryError: the model of this gallery is not being changed.
        """
        beside = self._fresh().beside
        if beside is None:
            raise GalleryError(
                f"The model of gallery {self.where} is not being changed; begin with: "
                "mien gallery model begin"
            )
        return beside

    @property
    def protected(self) -> bool:
        """Whether the vectors are protected by a rotation."""
        return self._sealing.transform is not None

    def _transform(self) -> Transform | None:
        """Return the rotation of a gallery with protected templates."""
        with self._store.reading():
            (check,) = self._must("SELECT protect_check FROM about")
        return None if check is None else find_transform(str(check), self.embedder, self.where)

    def shield(self, vector: Floats) -> Floats:
        """Return what may be stored of a (D,) vector."""
        transform = self._sealing.transform
        return vector if transform is None else transform.protect(vector[None])[0]

    def unshield(self, stored: Floats) -> Floats:
        """Return a (D,) vector from what was stored of it."""
        transform = self._sealing.transform
        return stored if transform is None else transform.open(stored[None])[0]

    def _wrapped(self, person: int) -> object:
        """Return the wrapped data key of a person."""
        row = self._one("SELECT wrapped FROM people WHERE id = ?", person)
        return row[0] if row else None

    def key_name(self) -> tuple[str, int]:
        """Return how the keyring names the gallery, and the number of its key; 0: plain."""
        with self._store.reading():
            ident, generation = self._must("SELECT ident, generation FROM about")
        return str(ident or ""), int(generation)

    def facts(
        self, kind: str, after: int = 0, limit: int | None = None, person: int | None = None
    ) -> list[Fact]:
        """Return the facts of a kind; see `mien.gallery.engine.Engine`."""
        about = "" if person is None else "AND person = ? "
        page = "" if limit is None else f" LIMIT {int(limit)}"
        with self._store.reading():
            rows = self._run(
                "SELECT id, person, text FROM facts "
                f"WHERE kind = ? AND id > ? {about}ORDER BY id{page}",
                *(kind, after, *([] if person is None else [person])),
            ).fetchall()
            return [Fact(i, who, self._sealing.open_fact(who, text)) for i, who, text in rows]

    def latest(self, kind: str, before: int | None, limit: int) -> list[Fact]:
        """Return the newest facts of a kind; see `mien.gallery.records.Engine`."""
        older = "" if before is None else "AND id < ? "
        with self._store.reading():
            rows = self._run(
                "SELECT id, person, text FROM facts "
                f"WHERE kind = ? {older}ORDER BY id DESC LIMIT ?",
                *(kind, *([] if before is None else [before]), limit),
            ).fetchall()
            return [Fact(i, who, self._sealing.open_fact(who, text)) for i, who, text in rows]

    def number(self, person: str) -> int | None:
        """Return the id of a person; see `mien.gallery.engine.Engine`."""
        with self._store.reading():
            return self._known(clean_name(person))

    def names(self) -> dict[int, str]:
        """Return the names of all people; see `mien.gallery.engine.Engine`."""
        with self._store.reading():
            rows = self._run("SELECT id, name, sealed FROM people ORDER BY id").fetchall()
            return {row[0]: self._sealing.open_name(*row) for row in rows}

    def last(self) -> int:
        """Return the highest number of a template; see `mien.gallery.engine.Engine`."""
        with self._store.reading():
            return self._store.last()

    def current(self) -> bool:
        """Return whether key and model are those of the store; see `engine.Engine`."""
        try:
            with self._store.reading():
                return True
        except OutdatedError:
            return False

    def shadow(self) -> None:
        """Return None: a second model is tried by `mien.gallery.renewal`."""

    def settled(self, person: str, other: str) -> bool:
        """Return False: statements are those of `mien.gallery.review`."""
        return False

    def calibration(self) -> None:
        """Return None: a calibration is kept by `mien.gallery.watching`."""

    def observed(self, levels: Sequence[float], sharpness: Sequence[float] = ()) -> None:
        """Do nothing: levels are counted by `mien.gallery.watching`."""

    def decided(self, outcomes: Sequence[str], threshold: float | None) -> None:
        """Do nothing: the journal is kept by `mien.gallery.guarded`."""

    def refusal_of(self, person: str) -> None:
        """Return None: the rules are those of `mien.gallery.guarded`."""

    def whole(self, act: str) -> Self:
        """Return this gallery."""
        return self

    def people(self) -> list[Person]:
        """Return all people; see `mien.gallery.Gallery`."""
        with self._store.reading():
            rows = self._run(
                "SELECT people.id, name, sum(kind), min(added), sealed FROM people JOIN ("
                "SELECT person, 1 AS kind, added FROM templates UNION ALL "
                "SELECT person, 0, added FROM refusals) AS parts ON person = people.id "
                "GROUP BY people.id ORDER BY people.id"
            ).fetchall()
            return [
                Person(i, self._sealing.open_name(i, name, sealed), n, moment(added, self.where))
                for i, name, n, added, sealed in rows
            ]

    def templates(self, person: str) -> list[Stored]:
        """Return all templates of one person; see `mien.gallery.Gallery`."""
        with self._store.reading():
            number = self._sure(clean_name(person))
            rows = self._run(f"{STORED} WHERE person = ? ORDER BY templates.id", number).fetchall()
            rows = self._sealing.open_stored(rows)
        return stored_of(rows, self.embedder, self.where)

    def refusals(self) -> list[Refusal]:
        """Return all refusals; see `mien.gallery.Gallery`."""
        with self._store.reading():
            rows = self._run(
                "SELECT person, name, sealed, digest, reason, source, added FROM refusals "
                "JOIN people ON people.id = person ORDER BY refusals.id"
            ).fetchall()
            found = []
            for person, name, sealed, digest, reason, source, added in rows:
                name = self._sealing.open_name(person, name, sealed)
                texts = Texts(source, digest, reason=reason)
                texts = self._sealing.open_texts(person, "refusal", texts)
                time = moment(added, self.where)
                found.append(Refusal(name, str(texts.digest), texts.reason, texts.source, time))
        return found

    def seen(self, person: str, digest: str) -> Seen | None:
        """Return the result for an image; see `mien.gallery.Gallery`."""
        key = self._sealing.lookup(clean_name(person)), self._sealing.lookup(check_digest(digest))
        where = "JOIN people ON people.id = person WHERE name = ? AND digest = ?"
        with self._store.reading():
            row = self._one(f"SELECT templates.id, added FROM templates {where}", *key)
            if row:
                return Seen("enrolled", None, row[0], moment(row[1], self.where))
            query = "SELECT reason, added, person, source, digest FROM refusals"
            row = self._one(f"{query} {where}", *key)
            if not row:
                return None
            reason, added, owner, source, digest = row
            texts = Texts(source, digest, reason=reason)
            texts = self._sealing.open_texts(owner, "refusal", texts)
            return Seen("refused", texts.reason, None, moment(added, self.where))

    def stamp(self) -> int:
        """Return a number that differs after each change; see `mien.gallery.Gallery`."""
        with self._store.reading():
            return int(self._must("SELECT changes FROM about")[0])

    def check(self) -> list[str]:
        """Verify structure, references and all vectors; see `mien.gallery.Gallery`."""
        faults: list[str] = []
        try:
            with self._store.reading():
                faults += self._structure()
            for _ in self:
                pass  # reading a template verifies its checksum and length
        except GalleryError as error:
            faults.append(str(error))
        return faults

    def _structure(self) -> list[str]:
        """Return the faults that the database itself finds, inside `reading`."""
        return []

    def __iter__(self) -> Iterator[Stored]:
        """Yield all templates in the order of numbers, in pages to bound memory."""
        last = 0
        while True:
            with self._store.reading():
                rows = self._run(
                    f"{STORED} WHERE templates.id > ? ORDER BY templates.id LIMIT {PAGE}", last
                ).fetchall()
                rows = self._sealing.open_stored(rows)
            if not rows:
                return
            if rows[-1][0] <= last:  # a damaged tree whose numbers do not go up would never end
                raise GalleryError(damaged(last, self.where))
            last = rows[-1][0]
            yield from stored_of(rows, self.embedder, self.where)

    def __len__(self) -> int:
        """Return the number of templates."""
        with self._store.reading():
            return int(self._one("SELECT count(*) FROM templates")[0])

    def _known(self, name: str) -> int | None:
        """Return the id of a person, inside a transaction; None if unknown."""
        row = self._one("SELECT id FROM people WHERE name = ?", self._sealing.lookup(name))
        return int(row[0]) if row else None

    def _sure(self, name: str) -> int:
        """Return the id of a person, inside a transaction.

        Raises:
            UnknownPersonError: there is none.
        """
        known = self._known(name)
        if known is None:
            raise UnknownPersonError(name, self.where)
        return known

    def close(self) -> None:
        """Close the database; later use of the gallery is an error."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

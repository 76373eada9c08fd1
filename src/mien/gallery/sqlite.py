"""The default gallery: one SQLite file for storage, and a matrix in memory for search."""

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery.checks import (
    check_digest,
    check_refusal,
    check_template,
    check_vectors,
    clean_name,
    quality_text,
    stack,
    utc,
)
from mien.gallery.index import NOBODY, ROWS, Hit, Index, Ints
from mien.gallery.keys import Box, Vault, find_key
from mien.gallery.records import Fact, Person, Receipt, Refusal, Seen, Stored, Template
from mien.gallery.resealing import OWNED, convert, pass_on
from mien.gallery.rows import STORED, damaged, moment, stored_of, vectors_of
from mien.gallery.schema import damaged_file, new_epoch
from mien.gallery.sealing import Sealing, Texts
from mien.gallery.sidecar import Sidecar
from mien.gallery.store import Store
from mien.types import Candidate, Floats

PAGE = 1000  # templates per read during iteration


class _RemovedError(Exception):
    """Templates were removed or regrouped since the snapshot of a search."""


class SqliteGallery:
    """People in one file; exact search; thread-safe and process-safe.

    A lock guards the file. The search uses a snapshot and holds no lock while it compares codes.
    A large gallery has a file beside it with its index; see `mien.gallery.sidecar`.
    """

    def __init__(
        self,
        path: Path,
        embedder: str | None,
        *,
        create: bool = False,
        read_only: bool = False,
        key: bytes | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: of the file.
            embedder: contract id; None accepts any.
            create: whether a missing file is created.
            read_only: whether changes are refused.
            key: of an encrypted file; None: it is taken from where `find_key` finds it.
        """
        self._store = Store(path, embedder, create=create, read_only=read_only)
        self.where, self.read_only = self._store.where, self._store.read_only
        self.embedder: str = self._store.embedder
        self._run, self._one, self._must = self._store.run, self._store.one, self._store.must
        self._index, self._epoch, self._last = Index.empty(), -1, 0
        self._sidecar = Sidecar(path)
        try:
            self._sealing = Sealing(self._vault(key), self._wrapped)
        except BaseException:
            self._store.close()
            raise
        if not self.read_only:
            with self._store.reading():
                (epoch,) = self._must("SELECT epoch FROM about")
            with suppress(OSError):  # forget and scrub report it
                self._sidecar.tidy(epoch)

    def _vault(self, key: bytes | None) -> Vault | None:
        """Return the keys of an encrypted file; None if it is plain."""
        with self._store.reading():
            lookup, generation, ident = self._must("SELECT lookup, generation, ident FROM about")
        if not generation:
            return None
        if key is None:
            key = find_key(str(ident), generation, self.where)
        return Vault(key, lookup, self.embedder, self.where)

    def _wrapped(self, person: int) -> object:
        """Return the wrapped data key of a person."""
        row = self._one("SELECT wrapped FROM people WHERE id = ?", person)
        return row[0] if row else None

    # ------------------------------------------------------------------ keys

    @property
    def encrypted(self) -> bool:
        """Whether the records are encrypted."""
        return self._sealing.vault is not None

    def key_name(self) -> tuple[str, int]:
        """Return how the keyring names the gallery, and the number of its key; 0: plain."""
        with self._store.reading():
            ident, generation = self._must("SELECT ident, generation FROM about")
        return str(ident or ""), int(generation)

    def name_key(self) -> str:
        """Return how the keyring names the gallery; a plain one gets a name."""
        with self._store.change(counts=False):
            (ident,) = self._must("SELECT ident FROM about")
            ident = ident or secrets.token_hex(16)
            self._run("UPDATE about SET ident = ?", ident)
        return str(ident)

    def encrypt(self, key: bytes) -> Receipt:
        """Seal all records of a plain file, in one transaction; see `GuardedGallery.encrypt`."""
        if self.encrypted:
            raise GalleryError(f"Gallery {self.where} is encrypted already; for a new key: rekey.")
        lookup = Vault.new_lookup(key, self.embedder)
        vault = Vault(key, lookup, self.embedder, self.where)
        sealing = Sealing(vault, self._wrapped)
        with self._store.change(erases=True):
            for person, name in self._run("SELECT id, name FROM people").fetchall():
                self._run("UPDATE people SET wrapped = ? WHERE id = ?", vault.add(person), person)
                self._set_name(person, name, sealing)
            for table in OWNED:
                convert(self._run, table, self._sealing, sealing)
            self._run("UPDATE about SET lookup = ?, generation = 1", lookup)
        self._sealing, self._store.generation = sealing, 1
        return self._receipt(0, 0, 0)

    def rekey(self, key: bytes) -> Receipt:
        """Wrap all data keys with a new key, in one transaction; see `GuardedGallery.rekey`."""
        vault = self._sealing.vault
        if vault is None:
            raise GalleryError(f"Gallery {self.where} is not encrypted; encrypt it first.")
        box, (_, generation) = Box(key), self.key_name()
        with self._store.change(erases=True):
            (lookup,) = self._must("SELECT lookup FROM about")
            lookup = vault.rewrapped(0, lookup, box)
            for person, wrapped in self._run("SELECT id, wrapped FROM people").fetchall():
                new = vault.rewrapped(person, wrapped, box)
                self._run("UPDATE people SET wrapped = ? WHERE id = ?", new, person)
            self._run("UPDATE about SET lookup = ?, generation = ?", lookup, generation + 1)
        self._store.generation = generation + 1
        self._sealing.vault = Vault(key, lookup, self.embedder, self.where)
        return self._receipt(0, 0, 0)

    def backup(self, target: Path) -> None:
        """Write a copy of one state of the file; an encrypted one stays encrypted."""
        with self._store.reading():
            pass  # the file is in its place
        self._store.copy(target)

    def _set_name(self, person: int, name: str, sealing: Sealing) -> None:
        """Store the name of a person."""
        values = sealing.lookup(name), sealing.name(person, name), person
        self._run("UPDATE people SET name = ?, sealed = ? WHERE id = ?", *values)

    # ------------------------------------------------------------------ changes

    def add(self, templates: Iterable[Template], refusals: Iterable[Refusal] = ()) -> list[int]:
        """Enrol templates and store refusals; see `mien.gallery.Gallery`."""
        new = [check_template(t, self.embedder, self.where) for t in templates]
        notes = [check_refusal(r) for r in refusals]
        vectors = stack(new, None, self.where) if new else np.empty((0, 0), dtype=np.float32)
        given = [t.person for t in new] + [r.person for r in notes]
        names = {name: clean_name(name) for name in dict.fromkeys(given)}
        with self._store.change():
            if new:
                (dimension,) = self._must("SELECT dimension FROM about")
                check_vectors(vectors, dimension, self.where)
                self._run("UPDATE about SET dimension = ?", vectors.shape[1])
            ids = {name: self._person(name, make=True) for name in names.values()}
            numbers = [
                self._insert(ids[names[t.person]], t, v) for t, v in zip(new, vectors, strict=True)
            ]
            for note in notes:
                self._refuse(ids[names[note.person]], note)
        return numbers

    def _insert(self, person: int, template: Template, vector: Floats) -> int:
        """Add one row unless its image exists already; return its number."""
        digest = self._sealing.lookup_digest(template.source_digest)
        if digest is not None:
            row = self._one(
                "SELECT id FROM templates WHERE person = ? AND digest = ?", person, digest
            )
            if row:
                return int(row[0])
            self._run("DELETE FROM refusals WHERE person = ? AND digest = ?", person, digest)
        box = None if template.box is None else template.box.astype("<f4").tobytes()
        quality = quality_text(template.quality)
        texts = Texts(template.source, template.source_digest, quality, box)
        texts = self._sealing.texts(person, "template", texts)
        blob, crc = self._sealing.vector(person, vector.astype("<f4").tobytes())
        cursor = self._run(
            "INSERT INTO templates (person, vector, crc, source, digest, quality, box, added) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(person, blob, crc, texts.source, texts.digest),
            *(texts.quality, texts.box, utc(template.added)),
        )
        return int(cursor.lastrowid or 0)

    def note(self, person: str, digest: str, reason: str, source: str | None = None) -> None:
        """Store a refusal of an image; see `mien.gallery.Gallery`."""
        self.add((), [Refusal(person, digest, reason, source)])

    def _refuse(self, person: int, refusal: Refusal) -> None:
        """Store a refusal unless the image is enrolled for this person."""
        texts = Texts(refusal.source, refusal.source_digest, reason=refusal.reason)
        texts = self._sealing.texts(person, "refusal", texts)
        key = (person, texts.digest)
        if not self._one("SELECT 1 FROM templates WHERE person = ? AND digest = ?", *key):
            self._run(
                "INSERT INTO refusals (person, digest, reason, source, added) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (person, digest) DO UPDATE SET "
                "reason = excluded.reason, source = excluded.source, added = excluded.added",
                *(*key, texts.reason, texts.source, utc(refusal.added)),
            )

    def forget(self, *people: str) -> Receipt:
        """Erase people and overwrite their bytes; see `mien.gallery.Gallery`."""
        templates = refusals = 0
        names = {clean_name(name) for name in people}
        if not names:
            return Receipt(0, 0, 0, complete=True)
        with self._erasing() as moved:
            for name in names:
                person = self._person(name)
                moved.update(dict.fromkeys(self._numbers(person), NOBODY))
                templates += self._run("DELETE FROM templates WHERE person = ?", person).rowcount
                refusals += self._run("DELETE FROM refusals WHERE person = ?", person).rowcount
                self._run("DELETE FROM people WHERE id = ?", person)
                if self._sealing.vault:
                    self._sealing.vault.forget(person)
        return self._receipt(len(names), templates, refusals)

    def rename(self, old: str, new: str) -> Receipt:
        """Rename a person; see `mien.gallery.Gallery`."""
        old, new = clean_name(old), clean_name(new)
        with self._erasing():
            person = self._person(old)
            if old != new and self._known(new) is not None:
                raise GalleryError(
                    f"Gallery {self.where} already has a person named {new!r}; choose another "
                    f"name for {old!r}, or merge them if both are one person."
                )
            self._set_name(person, new, self._sealing)
        return self._receipt(int(old != new), 0, 0)

    def merge(self, source: str, into: str) -> Receipt:
        """Move the data of one person to another; see `mien.gallery.Gallery`."""
        source, into = clean_name(source), clean_name(into)
        if source == into:
            raise GalleryError(f"{source!r} cannot be merged with itself; give two people.")
        with self._erasing() as moved:
            gone, stays = self._person(source), self._person(into)
            numbers = self._numbers(gone)
            # An image of both is kept once.
            pictures = "digest IN (SELECT digest FROM templates WHERE person = ?)"
            templates = self._run(
                f"DELETE FROM templates WHERE person = ? AND {pictures}", gone, stays
            ).rowcount
            kept = set(self._numbers(gone))
            moved.update({number: stays if number in kept else NOBODY for number in numbers})
            others = {table: self._numbers(gone, table) for table in OWNED}
            self._run("UPDATE templates SET person = ? WHERE person = ?", stays, gone)
            self._run("UPDATE facts SET person = ? WHERE person = ?", stays, gone)
            self._run("UPDATE OR IGNORE refusals SET person = ? WHERE person = ?", stays, gone)
            for table, ids in others.items():
                now = set(self._numbers(stays, table))
                mine = [each for each in ids if each in now]
                pass_on(self._run, table, mine, gone, stays, self._sealing)
            refusals = self._run(
                f"DELETE FROM refusals WHERE person = ? OR person = ? AND {pictures}",
                *(gone, stays, stays),
            ).rowcount
            self._run("DELETE FROM people WHERE id = ?", gone)
        return self._receipt(1, templates, refusals)

    def remove(self, *templates: int) -> Receipt:
        """Erase templates by their numbers; see `mien.gallery.Gallery`."""
        if not templates:
            return Receipt(0, 0, 0, complete=True)
        with self._erasing() as moved:
            owners = {number: self._owner(number) for number in templates}
            for number in owners:
                self._run("DELETE FROM templates WHERE id = ?", number)
            moved.update(dict.fromkeys(owners, NOBODY))
            people = self._drop_empty(owners.values())
        return self._receipt(people, len(owners), 0)

    def move(self, *templates: int, into: str) -> Receipt:
        """Move templates to a person; see `mien.gallery.Gallery`."""
        into, erased, refusals = clean_name(into), 0, 0
        if not templates:
            return Receipt(0, 0, 0, complete=True)
        with self._erasing() as moved:
            owners = {number: self._owner(number) for number in templates}
            person = self._person(into, make=True)
            for number, owner in owners.items():
                if owner == person:
                    continue
                (digest,) = self._must("SELECT digest FROM templates WHERE id = ?", number)
                where = "WHERE person = ? AND digest = ?"
                if self._one(f"SELECT 1 FROM templates {where}", person, digest):
                    self._run("DELETE FROM templates WHERE id = ?", number)
                    moved[number], erased = NOBODY, erased + 1
                    continue
                self._run("UPDATE templates SET person = ? WHERE id = ?", person, number)
                pass_on(self._run, "templates", [number], owner, person, self._sealing)
                refusals += self._run(f"DELETE FROM refusals {where}", person, digest).rowcount
                moved[number] = person
            people = self._drop_empty(owners.values())
        return self._receipt(people, erased, refusals)

    def _owner(self, template: int) -> int:
        """Return the person of a template, inside a transaction."""
        known = 0 < template < 2**63  # the largest number of SQLite
        row = known and self._one("SELECT person FROM templates WHERE id = ?", template)
        if not row:
            raise GalleryError(
                f"Gallery {self.where} has no template {template}; the numbers of the templates of "
                "a person are listed by: mien gallery show NAME"
            )
        return int(row[0])

    def _drop_empty(self, people: Iterable[int]) -> int:
        """Delete those people who have no template and no refusal; return their number."""
        return sum(
            self._run(
                "DELETE FROM people WHERE id = ? "
                "AND NOT EXISTS (SELECT 1 FROM templates WHERE person = people.id) "
                "AND NOT EXISTS (SELECT 1 FROM refusals WHERE person = people.id)",
                person,
            ).rowcount
            for person in set(people)
        )

    def scrub(self) -> Receipt:
        """Overwrite deleted data that remain in the file; see `mien.gallery.Gallery`."""
        return self._receipt(0, 0, 0)

    @contextmanager
    def _erasing(self) -> Iterator[dict[int, int]]:
        """Run a transaction that removes or regroups rows; the file beside follows it.

        Yields:
            To be filled: template number -> new person, or NOBODY if it is removed.
        """
        moved: dict[int, int] = {}
        with self._store.change(erases=True):
            (before,) = self._must("SELECT epoch FROM about")
            yield moved
        with self._store.reading():
            (after,) = self._must("SELECT epoch FROM about")
        with suppress(OSError):  # the epoch in that file is now wrong: it is not used again
            self._sidecar.amend(before, after, moved)

    def _numbers(self, person: int, table: str = "templates") -> list[int]:
        """Return the numbers of the rows of a person, inside a transaction."""
        rows = self._run(f"SELECT id FROM {table} WHERE person = ? ORDER BY id", person)
        return [number for (number,) in rows]

    def _receipt(self, people: int, templates: int, refusals: int) -> Receipt:
        """Scrub, and return what was erased."""
        reason = self._store.scrub()
        with self._store.reading():
            (epoch,) = self._must("SELECT epoch FROM about")
        try:
            self._sidecar.tidy(epoch)
        except OSError as error:
            reason = reason or (
                f"{self._sidecar.path} cannot be overwritten ({error.strerror}); delete it."
            )
        return Receipt(people, templates, refusals, complete=reason is None, reason=reason)

    # ------------------------------------------------------------------ questions

    def search(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people by exact search; see `mien.gallery.records.Engine`."""
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

    def _vectors(self, epoch: int, dimension: int | None, numbers: Ints) -> Floats:
        """Read the vectors of templates in the order of their numbers."""
        found = []
        with self._store.reading():
            self._unchanged(epoch)
            for first in range(0, len(numbers), PAGE):
                part = numbers[first : first + PAGE].tolist()
                found += self._run(
                    "SELECT id, person, vector, crc FROM templates "
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
            (dimension,) = self._must("SELECT dimension FROM about")
            for first in range(0, len(numbers), PAGE):
                part = numbers[first : first + PAGE]
                marks = ", ".join("?" * len(part))
                found_rows = self._run(f"{STORED} WHERE templates.id IN ({marks})", *part)
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

    def _refresh(self) -> tuple[Index, int, int | None]:
        """Update the index from the file; return it, its epoch and D."""
        with self._store.reading():
            dimension, epoch = self._must("SELECT dimension, epoch FROM about")
            last, index, covered = self._store.last(), self._index, self._last
            if not covered and last >= ROWS and not self.encrypted:
                index, covered = self._sidecar.load(epoch, last, dimension) or (index, covered)
            elif epoch != self._epoch and len(index):
                cursor = self._run("SELECT id, person FROM templates")
                pairs = np.fromiter(chain.from_iterable(cursor), dtype=np.int64).reshape(-1, 2)
                pairs = pairs[np.argsort(pairs[:, 0])]
                index = index.regrouped(pairs[:, 0], pairs[:, 1])
            if last > covered:
                cursor = self._run(
                    "SELECT id, person, vector, crc FROM templates WHERE id > ? ORDER BY id",
                    covered,
                )
                while rows := cursor.fetchmany(ROWS):
                    numbers = np.array([row[:2] for row in rows], dtype=np.int64)
                    opened = self._sealing.open_vectors(rows)
                    vectors = vectors_of(opened, dimension, self.where)
                    index = index.extended(numbers[:, 0], numbers[:, 1], vectors)
            self._index, self._epoch, self._last = index, epoch, last
            return index, epoch, dimension

    # ------------------------------------------------------------------ facts

    def inside(self, manager: AbstractContextManager[None]) -> AbstractContextManager[None]:
        """Include this in the transaction of a change; see `mien.gallery.records.Engine`."""
        return self._store.inside(manager)

    def together(self) -> AbstractContextManager[None]:
        """Store facts in one transaction; see `mien.gallery.records.Engine`."""
        return self._store.change(counts=False)

    def put(
        self, kind: str, text: str, person: str | None = None, *, instead: int | None = None
    ) -> int:
        """Store a fact; see `mien.gallery.records.Engine`."""
        with self._store.change(counts=person is not None):
            if instead is not None:
                self._run("UPDATE facts SET text = ? WHERE id = ?", text, instead)
                return instead
            owner = None if person is None else self._person(clean_name(person), make=True)
            values = (kind, owner, self._sealing.fact(owner, text))
            cursor = self._run("INSERT INTO facts (kind, person, text) VALUES (?, ?, ?)", *values)
            return int(cursor.lastrowid or 0)

    def facts(
        self, kind: str, after: int = 0, limit: int | None = None, person: int | None = None
    ) -> list[Fact]:
        """Return the facts of a kind; see `mien.gallery.records.Engine`."""
        about = "" if person is None else "AND person = ? "
        with self._store.reading():
            rows = self._run(
                "SELECT id, person, text FROM facts "
                f"WHERE kind = ? AND id > ? {about}ORDER BY id LIMIT ?",
                *(kind, after, *([] if person is None else [person])),
                -1 if limit is None else limit,
            ).fetchall()
            return [Fact(i, who, self._sealing.open_fact(who, text)) for i, who, text in rows]

    def number(self, person: str) -> int | None:
        """Return the id of a person; see `mien.gallery.records.Engine`."""
        with self._store.reading():
            return self._known(clean_name(person))

    def names(self) -> dict[int, str]:
        """Return the names of all people; see `mien.gallery.records.Engine`."""
        with self._store.reading():
            rows = self._run("SELECT id, name, sealed FROM people ORDER BY id").fetchall()
            return {row[0]: self._sealing.open_name(*row) for row in rows}

    def last(self) -> int:
        """Return the highest number of a template; see `mien.gallery.records.Engine`."""
        with self._store.reading():
            return self._store.last()

    def decided(self, outcomes: Sequence[str], threshold: float | None) -> None:
        """Do nothing: the journal is kept by `mien.gallery.guarded`."""

    def refusal_of(self, person: str) -> None:
        """Return None: the rules are those of `mien.gallery.guarded`."""

    def whole(self, act: str) -> Self:
        """Return this gallery."""
        return self

    def _keep_index(self) -> None:
        """Write the file beside a large gallery if many templates are not in it."""
        if self.encrypted:
            return
        with self._store.reading():
            last = self._store.last()
        kept = self._index
        if last - self._sidecar.last() < ROWS and len(kept) * 4 >= len(kept.ids) * 3:
            return
        if not self._sidecar.last():  # codes with the centre of many templates are better
            self._index, self._epoch, self._last = Index.empty(), -1, 0
        index, epoch, _ = self._refresh()
        if len(index) >= ROWS:
            after = new_epoch()
            try:
                self._sidecar.write(index.compact(), after, self._last)
                if self._store.renew(epoch, self._last, after):
                    self._sidecar.publish()
            finally:
                self._sidecar.discard()

    def enrolled(self) -> int:
        """Return the number of people with templates; see `mien.gallery.Gallery`."""
        index, _, _ = self._refresh()
        return index.enrolled

    def people(self) -> list[Person]:
        """Return all people; see `mien.gallery.Gallery`."""
        with self._store.reading():
            rows = self._run(
                "SELECT people.id, name, sum(kind), min(added), sealed FROM people JOIN ("
                "SELECT person, 1 AS kind, added FROM templates UNION ALL "
                "SELECT person, 0, added FROM refusals) ON person = people.id "
                "GROUP BY people.id ORDER BY people.id"
            ).fetchall()
            return [
                Person(i, self._sealing.open_name(i, name, sealed), n, moment(added, self.where))
                for i, name, n, added, sealed in rows
            ]

    def templates(self, person: str) -> list[Stored]:
        """Return all templates of one person; see `mien.gallery.Gallery`."""
        with self._store.reading():
            number = self._person(clean_name(person))
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
        """Verify structure, references and all vectors of the file; see `mien.gallery.Gallery`."""
        faults: list[str] = []
        try:
            with self._store.reading():
                for (line,) in self._run("PRAGMA integrity_check"):
                    faults += [] if line == "ok" else [f"Gallery {self.where}: {line}."]
                for table, row, *_ in self._run("PRAGMA foreign_key_check"):
                    faults.append(f"Gallery {self.where}: row {row} of {table} has no person.")
            for _ in self:
                pass  # reading a template verifies its checksum and length
        except GalleryError as error:
            faults.append(str(error))
        return faults

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
        if self._last:  # counting the rows of a large file takes longer
            return len(self._refresh()[0])
        with self._store.reading():
            return int(self._one("SELECT count(*) FROM templates")[0])

    def _known(self, name: str) -> int | None:
        """Return the id of a person, inside a transaction; None if unknown."""
        row = self._one("SELECT id FROM people WHERE name = ?", self._sealing.lookup(name))
        return int(row[0]) if row else None

    def _person(self, name: str, *, make: bool = False) -> int:
        """Return the id of a person; create the person if `make` is set."""
        known = self._known(name)
        if known is not None:
            return known
        if not make:
            raise UnknownPersonError(name, self.where)
        values = (self._sealing.lookup(name),)
        person = int(self._run("INSERT INTO people (name) VALUES (?)", *values).lastrowid or 0)
        if self._sealing.vault:
            key = self._sealing.vault.add(person)
            self._run("UPDATE people SET wrapped = ? WHERE id = ?", key, person)
            self._set_name(person, name, self._sealing)
        return person

    def close(self) -> None:
        """Close the file; later use of the gallery is an error."""
        if not self.read_only and not self._store.closed:
            # The file beside is only a matter of speed: without it, opening takes longer.
            with suppress(GalleryError, OSError):
                self._keep_index()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._store.close()

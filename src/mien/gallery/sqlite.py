"""The default gallery: one SQLite file for storage, and a matrix in memory for search."""

import zlib
from collections.abc import Iterable, Iterator
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
from mien.gallery.index import ROWS, Index
from mien.gallery.records import Person, Receipt, Refusal, Seen, Stored, Template
from mien.gallery.rows import STORED, damaged, moment, stored_of, vectors_of
from mien.gallery.store import Store
from mien.types import Candidate, Floats

PAGE = 1000  # templates per read during iteration


class SqliteGallery:
    """People in one file; exact search; thread-safe and process-safe.

    A lock guards the file. The search uses a snapshot and holds no lock.
    """

    def __init__(
        self, path: Path, embedder: str | None, *, create: bool = False, read_only: bool = False
    ) -> None:
        self._store = Store(path, embedder, create=create, read_only=read_only)
        self.where, self.read_only = self._store.where, self._store.read_only
        self.embedder: str = self._store.embedder
        self._run, self._one, self._must = self._store.run, self._store.one, self._store.must
        self._index, self._epoch, self._last = Index.empty(), 0, 0

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
        digest = template.source_digest
        if digest is not None:
            row = self._one(
                "SELECT id FROM templates WHERE person = ? AND digest = ?", person, digest
            )
            if row:
                return int(row[0])
            self._run("DELETE FROM refusals WHERE person = ? AND digest = ?", person, digest)
        blob = vector.astype("<f4").tobytes()
        box = None if template.box is None else template.box.astype("<f4").tobytes()
        cursor = self._run(
            "INSERT INTO templates (person, vector, crc, source, digest, quality, box, added) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(person, blob, zlib.crc32(blob), template.source, digest),
            *(quality_text(template.quality), box, utc(template.added)),
        )
        return int(cursor.lastrowid or 0)

    def note(self, person: str, digest: str, reason: str, source: str | None = None) -> None:
        """Store a refusal of an image; see `mien.gallery.Gallery`."""
        self.add((), [Refusal(person, digest, reason, source)])

    def _refuse(self, person: int, refusal: Refusal) -> None:
        """Store a refusal unless the image is enrolled for this person."""
        key = (person, refusal.source_digest)
        if not self._one("SELECT 1 FROM templates WHERE person = ? AND digest = ?", *key):
            self._run(
                "INSERT INTO refusals (person, digest, reason, source, added) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (person, digest) DO UPDATE SET "
                "reason = excluded.reason, source = excluded.source, added = excluded.added",
                *(*key, refusal.reason, refusal.source, utc(refusal.added)),
            )

    def forget(self, *people: str) -> Receipt:
        """Erase people and overwrite their bytes; see `mien.gallery.Gallery`."""
        templates = refusals = 0
        names = {clean_name(name) for name in people}
        if not names:
            return Receipt(0, 0, 0, complete=True)
        with self._store.change(erases=True):
            for name in names:
                person = self._person(name)
                templates += self._run("DELETE FROM templates WHERE person = ?", person).rowcount
                refusals += self._run("DELETE FROM refusals WHERE person = ?", person).rowcount
                self._run("DELETE FROM people WHERE id = ?", person)
        return self._receipt(len(names), templates, refusals)

    def rename(self, old: str, new: str) -> Receipt:
        """Rename a person; see `mien.gallery.Gallery`."""
        old, new = clean_name(old), clean_name(new)
        with self._store.change(erases=True):
            person = self._person(old)
            if old != new and self._one("SELECT 1 FROM people WHERE name = ?", new):
                raise GalleryError(
                    f"Gallery {self.where} already has a person named {new!r}; choose another "
                    f"name for {old!r}, or merge them if both are one person."
                )
            self._run("UPDATE people SET name = ? WHERE id = ?", new, person)
        return self._receipt(int(old != new), 0, 0)

    def merge(self, source: str, into: str) -> Receipt:
        """Move the data of one person to another; see `mien.gallery.Gallery`."""
        source, into = clean_name(source), clean_name(into)
        if source == into:
            raise GalleryError(f"{source!r} cannot be merged with itself; give two people.")
        with self._store.change(erases=True):
            gone, stays = self._person(source), self._person(into)
            # An image of both is kept once.
            pictures = "digest IN (SELECT digest FROM templates WHERE person = ?)"
            templates = self._run(
                f"DELETE FROM templates WHERE person = ? AND {pictures}", gone, stays
            ).rowcount
            self._run("UPDATE templates SET person = ? WHERE person = ?", stays, gone)
            self._run("UPDATE OR IGNORE refusals SET person = ? WHERE person = ?", stays, gone)
            refusals = self._run(
                f"DELETE FROM refusals WHERE person = ? OR person = ? AND {pictures}",
                *(gone, stays, stays),
            ).rowcount
            self._run("DELETE FROM people WHERE id = ?", gone)
        return self._receipt(1, templates, refusals)

    def scrub(self) -> Receipt:
        """Overwrite deleted data that remain in the file; see `mien.gallery.Gallery`."""
        return self._receipt(0, 0, 0)

    def _receipt(self, people: int, templates: int, refusals: int) -> Receipt:
        """Scrub, and return what was erased."""
        reason = self._store.scrub()
        return Receipt(people, templates, refusals, complete=reason is None, reason=reason)

    # ------------------------------------------------------------------ questions

    def search(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k most similar people by exact search; see `mien.gallery.Gallery`."""
        if k < 1:
            raise GalleryError(f"k = {k} is not valid: expected 1 or more.")
        while True:
            index, epoch, dimension = self._refresh()
            vectors = check_vectors(vectors, dimension, self.where)
            found = list(index.search(vectors, k))
            answer = self._named(found, epoch)
            if answer is not None:
                return answer

    def _named(
        self, found: list[list[tuple[int, int, float]]], epoch: int
    ) -> list[list[Candidate]] | None:
        """Add names to template numbers; None if rows were removed since the snapshot."""
        query = (
            "SELECT name, source FROM templates JOIN people ON people.id = person "
            "WHERE templates.id = ?"
        )
        with self._store.reading():
            if self._must("SELECT epoch FROM about")[0] != epoch:
                return None
            rows = {t: self._must(query, t) for t in {t for hits in found for t, _, _ in hits}}
        return [
            [Candidate(rows[t][0], similarity, t, rows[t][1]) for t, _, similarity in hits]
            for hits in found
        ]

    def _refresh(self) -> tuple[Index, int, int | None]:
        """Update the matrix from the file; return it, its epoch and D."""
        with self._store.reading():
            dimension, epoch = self._must("SELECT dimension, epoch FROM about")
            row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'templates'")
            last = row[0] if row else 0
            index = self._index
            if epoch != self._epoch:
                cursor = self._run("SELECT id, person FROM templates")
                pairs = np.fromiter(chain.from_iterable(cursor), dtype=np.int64).reshape(-1, 2)
                pairs = pairs[np.argsort(pairs[:, 0])]
                index = index.regrouped(pairs[:, 0], pairs[:, 1])
            if last > self._last:
                cursor = self._run(
                    "SELECT id, person, vector, crc FROM templates WHERE id > ? ORDER BY id",
                    self._last,
                )
                while rows := cursor.fetchmany(ROWS):
                    numbers = np.array([row[:2] for row in rows], dtype=np.int64)
                    vectors = vectors_of(rows, dimension, self.where)
                    index = index.extended(numbers[:, 0], numbers[:, 1], vectors)
            self._index, self._epoch, self._last = index, epoch, last
            return index, epoch, dimension

    def people(self) -> list[Person]:
        """Return all people; see `mien.gallery.Gallery`."""
        with self._store.reading():
            rows = self._run(
                "SELECT people.id, name, sum(kind), min(added) FROM people JOIN ("
                "SELECT person, 1 AS kind, added FROM templates UNION ALL "
                "SELECT person, 0, added FROM refusals) ON person = people.id "
                "GROUP BY people.id ORDER BY people.id"
            ).fetchall()
        return [Person(i, name, n, moment(added, self.where)) for i, name, n, added in rows]

    def templates(self, person: str) -> list[Stored]:
        """Return all templates of one person; see `mien.gallery.Gallery`."""
        with self._store.reading():
            number = self._person(clean_name(person))
            rows = self._run(f"{STORED} WHERE person = ? ORDER BY templates.id", number).fetchall()
        return stored_of(rows, self.embedder, self.where)

    def refusals(self) -> list[Refusal]:
        """Return all refusals; see `mien.gallery.Gallery`."""
        with self._store.reading():
            rows = self._run(
                "SELECT name, digest, reason, source, added FROM refusals "
                "JOIN people ON people.id = person ORDER BY refusals.id"
            ).fetchall()
        return [
            Refusal(name, digest, reason, source, moment(added, self.where))
            for name, digest, reason, source, added in rows
        ]

    def seen(self, person: str, digest: str) -> Seen | None:
        """Return the result for an image; see `mien.gallery.Gallery`."""
        key = clean_name(person), check_digest(digest)
        where = "JOIN people ON people.id = person WHERE name = ? AND digest = ?"
        with self._store.reading():
            row = self._one(f"SELECT templates.id, added FROM templates {where}", *key)
            if row:
                return Seen("enrolled", None, row[0], moment(row[1], self.where))
            row = self._one(f"SELECT reason, added FROM refusals {where}", *key)
        return Seen("refused", row[0], None, moment(row[1], self.where)) if row else None

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

    def _person(self, name: str, *, make: bool = False) -> int:
        """Return the id of a person; create the person if `make` is set."""
        row = self._one("SELECT id FROM people WHERE name = ?", name)
        if row:
            return int(row[0])
        if not make:
            raise UnknownPersonError(name, self.where)
        return int(self._run("INSERT INTO people (name) VALUES (?)", name).lastrowid or 0)

    def close(self) -> None:
        """Close the file; later use of the gallery is an error."""
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

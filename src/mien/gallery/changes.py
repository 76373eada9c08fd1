"""What engines that store tables change: people, templates, refusals, facts and keys."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import numpy as np

from mien.errors import GalleryError
from mien.gallery.checks import (
    check_refusal,
    check_template,
    check_vectors,
    clean_name,
    quality_text,
    stack,
    utc,
)
from mien.gallery.index import NOBODY, Index
from mien.gallery.keys import Box, Vault
from mien.gallery.protecting import Transform, shielded
from mien.gallery.questions import PAGE
from mien.gallery.records import Receipt, Refusal, Template
from mien.gallery.resealing import OWNED, convert, pass_on
from mien.gallery.sealing import Sealing, Texts
from mien.gallery.searching import Searching
from mien.types import Floats


class Changes(Searching):
    """The part of an engine that writes its tables; see `mien.gallery.engine.Engine`."""

    def encrypt(self, key: bytes) -> Receipt:
        """Seal all records of a plain file, in one transaction; see `GuardedGallery.encrypt`."""
        if self.encrypted:
            raise GalleryError(f"Gallery {self.where} is encrypted already; for a new key: rekey.")
        lookup = Vault.new_lookup(key, self._origin)
        vault = Vault(key, lookup, self._origin, self.where)
        with self._store.change(erases=True):
            sealing = self._fresh().with_vault(vault)
            for person, name in self._run("SELECT id, name FROM people").fetchall():
                self._run("UPDATE people SET wrapped = ? WHERE id = ?", vault.add(person), person)
                self._set_name(person, name, sealing)
            self._drop_plain()
            for table in OWNED:
                convert(self._run, table, self._sealing, sealing)
            self._run("UPDATE about SET lookup = ?, generation = 1", lookup)
        self._sealing, self._store.generation = sealing, 1
        return self._receipt(0, 0, 0)

    def _drop_plain(self) -> None:
        """Delete plain copies of vectors, if the engine has any."""

    def protect(self, key: bytes) -> Receipt:
        """Protect all vectors with a key, in one transaction; see `GuardedGallery.protect`."""
        new = Transform(key, self.embedder)
        sealing = replace(self._sealing, transform=new)
        with self._store.change(erases=True):
            if self._fresh().beside:
                raise GalleryError(
                    f"The model of gallery {self.where} is being changed; end that before its "
                    "templates get another key: mien gallery model end"
                )
            last = 0
            while rows := self._run(
                "SELECT id, person, vector, crc FROM templates WHERE id > ? "
                f"ORDER BY id LIMIT {PAGE}",
                last,
            ).fetchall():
                last = rows[-1][0]
                for number, person, blob, _ in self._sealing.open_vectors(rows):
                    columns = sealing.vector(person, blob)
                    query = "UPDATE templates SET vector = ?, crc = ? WHERE id = ?"
                    self._run(query, *columns, number)
                    self._rewritten(number, shielded(new, blob))
            query = "UPDATE about SET protect_check = ?, protected = protected + 1"
            self._run(query, new.check)
        self._sealing, self._store.protected = sealing, self._store.protected + 1
        self._index, self._epoch, self._last = Index.empty(), -1, 0  # rounding moved all vectors
        return self._receipt(0, 0, 0)

    def _rewritten(self, number: int, blob: bytes) -> None:
        """Take note of the new stored vector of a template."""

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
        vault = Vault(key, lookup, self._origin, self.where)
        self._sealing = self._sealing.with_vault(vault)
        return self._receipt(0, 0, 0)

    def _set_name(self, person: int, name: str, sealing: Sealing) -> None:
        """Store the name of a person."""
        values = sealing.lookup(name), sealing.name(person, name), person
        self._run("UPDATE people SET name = ?, sealed = ? WHERE id = ?", *values)

    def name_key(self) -> str:
        """Return how the keyring names the gallery; a plain one gets a name."""
        with self._store.change(counts=False):
            (ident,) = self._must("SELECT ident FROM about")
            ident = ident or secrets.token_hex(16)
            self._run("UPDATE about SET ident = ?", ident)
        return str(ident)

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
        return self._store.insert(
            "templates",
            person=person,
            vector=blob,
            crc=crc,
            source=texts.source,
            digest=texts.digest,
            quality=texts.quality,
            box=texts.box,
            added=utc(template.added),
        )

    def note(self, person: str, digest: str, reason: str, source: str | None = None) -> None:
        """Store a refusal of an image; see `mien.gallery.Gallery`."""
        self.add((), [Refusal(person, digest, reason, source)])

    def _refuse(self, person: int, refusal: Refusal) -> None:
        """Store a refusal unless the image is enrolled for this person."""
        texts = Texts(refusal.source, refusal.source_digest, reason=refusal.reason)
        texts = self._sealing.texts(person, "refusal", texts)
        key = (person, texts.digest)
        if not self._one("SELECT 1 FROM templates WHERE person = ? AND digest = ?", *key):
            row = {"reason": texts.reason, "source": texts.source, "added": utc(refusal.added)}
            query = "UPDATE refusals SET reason = ?, source = ?, added = ? "
            where = "WHERE person = ? AND digest = ?"
            if not self._run(query + where, *row.values(), *key).rowcount:
                self._store.insert("refusals", person=person, digest=texts.digest, **row)

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
            self._run(
                "UPDATE refusals SET person = ? WHERE person = ? AND digest NOT IN "
                "(SELECT digest FROM refusals WHERE person = ?)",
                *(stays, gone, stays),
            )
            for table, ids in others.items():
                now = set(self._numbers(stays, table))
                mine = [each for each in ids if each in now]
                pass_on(self._run, table, mine, gone, stays, self._fresh())
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

    def move(self, *templates: int, into: str, facts: Sequence[int] = ()) -> Receipt:
        """Move templates and facts to a person; see `mien.gallery.records.Engine`."""
        into, erased, refusals = clean_name(into), 0, 0
        if not templates and not facts:
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
                pass_on(self._run, "templates", [number], owner, person, self._fresh())
                refusals += self._run(f"DELETE FROM refusals {where}", person, digest).rowcount
                moved[number] = person
            left = [*owners.values(), *(self._pass_fact(fact, person) for fact in facts)]
            people = self._drop_empty(left)
        return self._receipt(people, erased, refusals)

    def _pass_fact(self, fact: int, person: int) -> int:
        """Give a fact that is about somebody to another person; return the owner before."""
        (owner,) = self._must("SELECT person FROM facts WHERE id = ?", fact)
        if owner != person:
            self._run("UPDATE facts SET person = ? WHERE id = ?", person, fact)
            pass_on(self._run, "facts", [fact], owner, person, self._sealing)
        return int(owner)

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
        """Delete those people of whom nothing is left, also no fact; return their number."""
        return sum(
            self._run(
                "DELETE FROM people WHERE id = ? "
                "AND NOT EXISTS (SELECT 1 FROM templates WHERE person = people.id) "
                "AND NOT EXISTS (SELECT 1 FROM refusals WHERE person = people.id) "
                "AND NOT EXISTS (SELECT 1 FROM facts WHERE person = people.id)",
                person,
            ).rowcount
            for person in set(people)
        )

    def scrub(self) -> Receipt:
        """Overwrite deleted data that remain in the file; see `mien.gallery.Gallery`."""
        return self._receipt(0, 0, 0)

    @contextmanager
    def _erasing(self) -> Iterator[dict[int, int]]:
        """Run a transaction that removes or regroups rows.

        Yields:
            To be filled: template number -> new person, or NOBODY if it is removed.
        """
        moved: dict[int, int] = {}
        with self._store.change(erases=True) as before:
            yield moved
            (after,) = self._must("SELECT epoch FROM about")
        self._regrouped(before, after, moved)

    def _regrouped(self, before: int, after: int, moved: dict[int, int]) -> None:
        """Take note of a transaction that removed or regrouped rows.

        Args:
            before: epoch before it.
            after: epoch after it.
            moved: template number -> new person, or NOBODY if it is removed.
        """

    def _numbers(self, person: int, table: str = "templates") -> list[int]:
        """Return the numbers of the rows of a person, inside a transaction."""
        rows = self._run(f"SELECT id FROM {table} WHERE person = ? ORDER BY id", person)
        return [number for (number,) in rows]

    def _receipt(self, people: int, templates: int, refusals: int) -> Receipt:
        """Scrub, and return what was erased."""
        reason = self._scrubbed()
        return Receipt(people, templates, refusals, complete=reason is None, reason=reason)

    def inside(self, manager: AbstractContextManager[None]) -> AbstractContextManager[None]:
        """Include this in the transaction of a change; see `mien.gallery.engine.Engine`."""
        return self._store.inside(manager)

    def together(self, *, erases: bool = False) -> AbstractContextManager[int]:
        """Store facts in one transaction; see `mien.gallery.engine.Engine`."""
        return self._store.change(counts=erases, erases=erases)

    def discard(self, facts: Sequence[int]) -> None:
        """Delete facts; see `mien.gallery.engine.Engine`."""
        with self._store.change(erases=True):
            owners = [self._one("SELECT person FROM facts WHERE id = ?", each) for each in facts]
            for number in facts:
                self._run("DELETE FROM facts WHERE id = ?", number)
            self._drop_empty(row[0] for row in owners if row and row[0] is not None)

    def put(
        self, kind: str, text: str, person: str | None = None, *, instead: int | None = None
    ) -> int:
        """Store a fact; see `mien.gallery.engine.Engine`."""
        with self._store.change(counts=person is not None):
            if instead is not None:
                self._run("UPDATE facts SET text = ? WHERE id = ?", text, instead)
                return instead
            owner = None if person is None else self._person(clean_name(person), make=True)
            sealed = self._sealing.fact(owner, text)
            return self._store.insert("facts", kind=kind, person=owner, text=sealed)

    def _person(self, name: str, *, make: bool = False) -> int:
        """Return the id of a person; create the person if `make` is set."""
        if not make:
            return self._sure(name)
        known = self._known(name)
        if known is not None:
            return known
        person = self._store.insert("people", name=self._sealing.lookup(name))
        if self._sealing.vault:
            key = self._sealing.vault.add(person)
            self._run("UPDATE people SET wrapped = ? WHERE id = ?", key, person)
            self._set_name(person, name, self._sealing)
        return person

    def _scrubbed(self) -> str | None:
        """Overwrite deleted data; return the reason if that is incomplete."""
        return self._store.scrub()

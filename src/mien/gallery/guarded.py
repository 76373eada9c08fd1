"""What stands in front of every engine: the rules of a gallery, and its journal.

A personal gallery asks for no legal ground, and its journal has all changes. In a governed gallery,
nobody is enrolled without a ground, a search names its purpose and does not find people whose
grounds do not cover it, and the journal also has searches, views and exports. A search whose entry
cannot be stored returns nothing.
"""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery.checks import clean_name, utc
from mien.gallery.journal import Entry, Journal, sha256
from mien.gallery.keys import check_key
from mien.gallery.legal import (
    Due,
    LegalBasis,
    NoBasisError,
    Settings,
    check_basis,
    check_term,
    due,
    packed,
    read_basis,
    read_settings,
    read_withdrawal,
)
from mien.gallery.records import Engine, Gallery, Person, Receipt, Refusal, Seen, Stored, Template
from mien.types import Candidate, Floats

SETTINGS, BASIS, WITHDRAWAL = "settings", "basis", "withdrawal"  # kinds of facts


class GuardedGallery:
    """A gallery that keeps its rules; see `mien.gallery.Gallery`."""

    def __init__(
        self,
        engine: Engine,
        *,
        who: str | None = None,
        purpose: str | None = None,
        read_only: bool = False,
    ) -> None:
        """Guard an engine.

        Args:
            engine: stores the gallery.
            who: uses it, for the journal; default: the user of the operating system.
            purpose: code of the purpose of all searches; a governed gallery needs one.
            read_only: whether changes are refused; the journal is still written.
        """
        self.engine, self.journal = engine, Journal(engine, who)
        self.where, self.embedder = engine.where, engine.embedder
        self.read_only = read_only or engine.read_only
        self.purpose = purpose
        self._hidden: tuple[tuple[int, str], datetime | None, frozenset[int]] | None = None

    @property
    def settings(self) -> Settings:
        """The rules of this gallery."""
        found = self.engine.facts(SETTINGS)
        return read_settings(found[-1].text, self.where) if found else Settings()

    def start(self) -> None:
        """Begin the journal of a new gallery, which is personal; an old one is left as it is."""
        with self.engine.together():
            if not self.journal.head().number and not self.engine.last():
                text = packed(Settings())
                self.engine.put(SETTINGS, text)
                self.journal.append("create", record=text)

    # ------------------------------------------------------------------ changes

    def add(self, templates: Iterable[Template], refusals: Iterable[Refusal] = ()) -> list[int]:
        """Enrol templates and store refusals; see `mien.gallery.Gallery`."""
        new, notes = list(templates), list(refusals)
        people = [each.person for each in new] + [each.person for each in notes]
        counts = {"templates": len(new), "refusals": len(notes)}
        with self._changing("enroll" if new else "refuse", people, counts=counts, grounds=people):
            return self.engine.add(new, notes)

    def note(self, person: str, digest: str, reason: str, source: str | None = None) -> None:
        """Store a refusal of an image; see `mien.gallery.Gallery`."""
        self.add((), [Refusal(person, digest, reason, source)])

    def forget(self, *people: str) -> Receipt:
        """Erase people; see `mien.gallery.Gallery`."""
        with self._changing("forget", people):
            return self.engine.forget(*people)

    def rename(self, old: str, new: str) -> Receipt:
        """Rename a person; see `mien.gallery.Gallery`."""
        with self._changing("rename", [old]):
            return self.engine.rename(old, new)

    def merge(self, source: str, into: str) -> Receipt:
        """Move the data of one person to another; see `mien.gallery.Gallery`."""
        with self._changing("merge", [source, into], grounds=[into]):
            return self.engine.merge(source, into)

    def remove(self, *templates: int) -> Receipt:
        """Erase templates by their numbers; see `mien.gallery.Gallery`."""
        with self._changing("remove", templates=templates):
            return self.engine.remove(*templates)

    def move(self, *templates: int, into: str) -> Receipt:
        """Move templates to a person; see `mien.gallery.Gallery`."""
        with self._changing("move", [into], templates=templates, grounds=[into]):
            return self.engine.move(*templates, into=into)

    def scrub(self) -> Receipt:
        """Overwrite deleted data; see `mien.gallery.Gallery`."""
        self._writable()
        return self.engine.scrub()

    @contextmanager
    def _changing(
        self,
        act: str,
        people: Iterable[str] = (),
        *,
        templates: Iterable[int] = (),
        counts: Mapping[str, int] | None = None,
        grounds: Iterable[str] = (),
        record: str | None = None,
    ) -> Iterator[None]:
        """Let the change of the block and its entry in the journal be one transaction.

        Args:
            act: code of the change.
            people: those whom it is about.
            templates: those that it is about; new ones are added.
            counts: for the entry.
            grounds: people who need a legal basis for it.
            record: text of the fact that it stores.
        """
        self._writable()
        names = [clean_name(name) for name in dict.fromkeys(people)]

        @contextmanager
        def noted() -> Iterator[None]:
            self._require(grounds)
            first, before = self.engine.last(), self._numbers(names)
            yield
            last = self.engine.last()
            new = (first + 1, last) if last > first else ()
            touched = sorted(before | self._numbers(names))
            numbers = [*templates, *new]
            self.journal.append(
                act, people=touched, templates=numbers, counts=counts, record=record
            )

        try:
            with self.engine.inside(noted()):
                yield
        except NoBasisError:
            self.journal.append(act, "no-basis", people=sorted(self._numbers(names)))
            raise

    def _numbers(self, names: Iterable[str]) -> set[int]:
        """Return the ids of those people who exist."""
        return {number for name in names if (number := self.engine.number(name)) is not None}

    def _writable(self) -> None:
        if self.read_only:
            raise GalleryError(
                f"Gallery {self.where} is open read-only; open it for writing, and make the file "
                "and its folder writable."
            )

    # ------------------------------------------------------------------ keys

    @property
    def encrypted(self) -> bool:
        """Whether all that identifies somebody is sealed in the store."""
        return self.engine.encrypted

    def encrypt(self, key: bytes) -> Receipt:
        """Encrypt a plain gallery, in one transaction; the plain bytes are overwritten.

        If the process is killed, the gallery is plain as before, or encrypted; the next opening
        for a change then overwrites what is left.

        Args:
            key: 32 random bytes. Without it the gallery is lost: keep it in two places.
        """
        check_key(key)
        with self._changing("encrypt"):
            return self.engine.encrypt(key)

    def rekey(self, key: bytes) -> Receipt:
        """Give an encrypted gallery another key, in one transaction; no record is sealed anew.

        Backups of before still open with the old key: destroy it.
        """
        check_key(key)
        with self._changing("rekey"):
            return self.engine.rekey(key)

    def backup(self, target: Path) -> None:
        """Write a copy of one state of the gallery, encrypted as the gallery is.

        Raises:
            GalleryError: the file exists or cannot be written.
        """
        if target.exists():
            raise GalleryError(f"{target} exists already; give another name for the backup.")
        self._record("backup")
        self.engine.backup(target)

    # ------------------------------------------------------------------ rules

    def govern(self, term: int, *, operator: str | None = None, contact: str | None = None) -> None:
        """Make this a governed gallery, or change its settings. It stays governed.

        People without a legal basis are no longer found, and are due for erasure after 30 days.

        Args:
            term: days after the last basis of a person was given, at whose end the person is
                erased.
            operator: who is responsible for the gallery; None: as before.
            contact: address for the people of the gallery; None: as before.
        """
        self._writable()
        check_term(term)
        with self.engine.together():
            old = self.settings
            new = Settings(
                "governed",
                term,
                old.since or utc(self.journal.now()),
                old.operator if operator is None else clean_name(operator),
                old.contact if contact is None else clean_name(contact),
            )
            text, found = packed(new), self.engine.facts(SETTINGS)
            self.engine.put(SETTINGS, text, instead=found[-1].id if found else None)
            self.journal.append("govern", counts={"term": term}, record=text)

    def give(self, person: str, basis: LegalBasis) -> int:
        """Store a legal ground of a person, who need not be enrolled yet.

        Returns:
            The number of the basis.
        """
        basis = check_basis(replace(basis, given=basis.given or self.journal.now()))
        if basis.given and basis.given > self.journal.now():
            raise GalleryError(
                f"A basis cannot be given on {basis.given:%Y-%m-%d %H:%M}, which is in the future; "
                "check the time."
            )
        text = packed(basis)
        with self._changing("consent-give", [person], record=text):
            return self.engine.put(BASIS, text, clean_name(person))

    def withdraw(self, person: str, purpose: str | None = None) -> int:
        """End the valid legal grounds of a person at once.

        Args:
            person: the name.
            purpose: ends those for this purpose; None: all.

        Returns:
            The number of bases that were ended.

        Raises:
            GalleryError: there is none.
        """
        now, term = self.journal.now(), self.settings.term
        ended = [
            basis
            for basis in self.bases(person)
            if basis.valid(now, term) and purpose in (None, basis.purpose)
        ]
        if not ended:
            raise GalleryError(
                f"Gallery {self.where} has no valid basis of {person!r}"
                f"{f' for {purpose!r}' if purpose else ''} to withdraw; list them with: "
                "mien gallery consent list"
            )
        text = json.dumps({"bases": [basis.id for basis in ended], "time": utc(now)})
        counts = {"bases": len(ended)}
        with self._changing("consent-withdraw", [person], counts=counts, record=text):
            self.engine.put(WITHDRAWAL, text, clean_name(person))
        return len(ended)

    def bases(self, person: str) -> list[LegalBasis]:
        """Return all legal bases of a person, also those that have ended.

        Raises:
            UnknownPersonError: the gallery has no such person.
        """
        number = self.engine.number(person)
        if number is None:
            raise UnknownPersonError(clean_name(person), self.where)
        return self._bases(number).get(number, [])

    def all_bases(self) -> dict[str, list[LegalBasis]]:
        """Return the legal bases of all people by name; an empty list for those without."""
        self._record("list")
        bases = self._bases()
        return {name: bases.get(i, []) for i, name in self.engine.names().items()}

    def _bases(self, person: int | None = None) -> dict[int, list[LegalBasis]]:
        """Return the legal bases by id of the person, of one or of all."""
        ends: dict[int, datetime] = {}
        for fact in self.engine.facts(WITHDRAWAL, person=person):
            ended, time = read_withdrawal(fact.text, self.where)
            ends.update(dict.fromkeys(ended, time))
        found: dict[int, list[LegalBasis]] = {}
        for fact in self.engine.facts(BASIS, person=person):
            basis = read_basis(fact.id, fact.text, ends.get(fact.id), self.where)
            if fact.person is not None:
                found.setdefault(fact.person, []).append(basis)
        return found

    def sweep(self) -> list[Due]:
        """Return the people who must be erased by now, and record that this was asked."""
        found = self.due()
        self._writable()
        self.journal.append("retention", counts={"due": len(found)})
        return found

    def due(self, now: datetime | None = None) -> list[Due]:
        """Return the people of a governed gallery who must be erased by now."""
        settings, now = self.settings, now or self.journal.now()
        if not settings.governed:
            return []
        bases, names = self._bases(), self.engine.names()
        first = {person.id: person.added for person in self.engine.people()}
        found = (
            due(name, bases.get(i, []), first.get(i, now), settings, now)
            for i, name in names.items()
        )
        return [each for each in found if each]

    def refusal_of(self, person: str) -> str | None:
        """Return why this person must not be enrolled; see `mien.gallery.Gallery`."""
        try:
            self._require([person])
        except NoBasisError as error:
            if not self.read_only:
                self.journal.append("enroll", "no-basis", people=sorted(self._numbers([person])))
            return str(error)
        return None

    def _require(self, people: Iterable[str]) -> None:
        """Raise an error for the first person of a governed gallery without a legal ground."""
        settings = self.settings
        if not settings.governed:
            return
        now = self.journal.now()
        for name in dict.fromkeys(people):
            number = self.engine.number(name)
            bases = [] if number is None else self._bases(number).get(number, [])
            if not any(basis.valid(now, settings.term) for basis in bases):
                raise NoBasisError(
                    f"Gallery {self.where} is governed, and {name!r} has no valid legal basis, so "
                    "nothing of this person was stored. Give one first: mien gallery consent give "
                    f"{shlex.quote(name)} --purpose PURPOSE --text FILE --evidence FILE "
                    f"--gallery {shlex.quote(self.where)}"
                )

    def _uncovered(self, purpose: str) -> frozenset[int]:
        """Return the ids of enrolled people whose grounds do not cover a purpose."""
        now, key = self.journal.now(), (self.engine.stamp(), purpose)
        if self._hidden and self._hidden[0] == key:
            _, until, hidden = self._hidden
            if until is None or now < until:
                return hidden
        settings, bases = self.settings, self._bases()
        hidden = frozenset(
            person.id
            for person in self.engine.people()
            if person.templates
            and not any(
                basis.purpose == purpose and basis.valid(now, settings.term)
                for basis in bases.get(person.id, ())
            )
        )
        ends = [b.end(settings.term) for each in bases.values() for b in each]
        self._hidden = key, min((end for end in ends if end and end > now), default=None), hidden
        return hidden

    # ------------------------------------------------------------------ questions

    def search(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k most similar people; see `mien.gallery.Gallery`."""
        if not self.settings.governed:
            return self.engine.search(vectors, k)
        self._recordable("search")
        if self.purpose is None:
            self.journal.append("search", "no-purpose")
            raise NoBasisError(
                f"Gallery {self.where} is governed: a search names its purpose (--purpose). Only "
                "people whose legal basis covers the purpose are found."
            )
        hidden = self._uncovered(self.purpose)
        found = self.engine.search(vectors, k, without=hidden)
        counts = {"faces": len(found), "people": self.engine.enrolled() - len(hidden)}
        counts["not-covered"] = len(hidden)
        self.journal.append("search", purpose=self.purpose, counts=counts)
        return found

    def decided(self, outcomes: Sequence[str], threshold: float | None) -> None:
        """Record decisions; see `mien.gallery.Gallery`."""
        if self.settings.governed and outcomes:
            counts = {code: list(outcomes).count(code) for code in sorted(set(outcomes))}
            best = next(c for c in ("match", "review", "unknown") if c in counts)
            self.journal.append(
                "decide", best, purpose=self.purpose, threshold=threshold, counts=counts
            )

    def enrolled(self) -> int:
        """Return the number of people that a search can return; see `mien.gallery.Gallery`."""
        everybody = self.engine.enrolled()
        if self.purpose is None or not self.settings.governed:
            return everybody
        return everybody - len(self._uncovered(self.purpose))

    def _record(self, act: str, people: Iterable[str] = ()) -> None:
        """Record that data of people are read, if this gallery is governed."""
        if self.settings.governed:
            self._recordable(act)
            names = map(clean_name, people)
            self.journal.append(act, purpose=self.purpose, people=sorted(self._numbers(names)))

    def _recordable(self, act: str) -> None:
        """Refuse what cannot be recorded."""
        if self.engine.read_only:
            raise GalleryError(
                f"Gallery {self.where} is governed, so each {act} is recorded in its journal, but "
                "the file or its folder is not writable; make both writable."
            )

    def people(self) -> list[Person]:
        """Return all people; see `mien.gallery.Gallery`."""
        self._record("list")
        return self.engine.people()

    def templates(self, person: str) -> list[Stored]:
        """Return all templates of one person; see `mien.gallery.Gallery`."""
        self._record("view", [person])
        return self.engine.templates(person)

    def refusals(self) -> list[Refusal]:
        """Return all refusals; see `mien.gallery.Gallery`."""
        self._record("list")
        return self.engine.refusals()

    def seen(self, person: str, digest: str) -> Seen | None:
        """Return the result for an image; see `mien.gallery.Gallery`."""
        return self.engine.seen(person, digest)

    def whole(self, act: str) -> Gallery:
        """Return the engine, once that is recorded; see `mien.gallery.Gallery`."""
        self._record(act)
        return self.engine

    def stamp(self) -> int:
        """Return a number that differs after each change; see `mien.gallery.Gallery`."""
        return self.engine.stamp()

    def check(self) -> list[str]:
        """Verify all stored data and the journal; see `mien.gallery.Gallery`."""
        faults = self.engine.check()
        try:
            problems = [fault.problem for fault in self.journal.verify()]
            if not problems:
                self._bases()
                problems = self._records()
        except GalleryError as error:
            return [*faults, str(error)]
        return faults + [f"Gallery {self.where}, journal: {problem}" for problem in problems]

    def _records(self) -> list[str]:
        """Compare settings and legal records with their digests in the journal."""
        settings, known, stated = None, set(self.engine.names()), dict[str, Entry]()
        for entry in self.journal.entries():
            if entry.record and entry.act in ("create", "govern"):
                settings = entry
            elif entry.record:
                stated[entry.record] = entry
        rules = {sha256(fact.text) for fact in self.engine.facts(SETTINGS)}
        facts = [*self.engine.facts(BASIS), *self.engine.facts(WITHDRAWAL)]
        stored = {sha256(fact.text): fact for fact in facts}
        problems = []
        if rules != ({settings.record} if settings else set()):
            last = f"entry {settings.number}" if settings else "any entry"
            problems.append(f"The settings of the gallery are not those of {last}.")
        problems += [
            f"Legal record {stored[digest].id} was edited or added: no entry has its digest."
            for digest in stored.keys() - stated.keys()
        ]
        problems += [
            f"The legal record of entry {entry.number} is missing."
            for digest, entry in stated.items()
            if digest not in stored and known.issuperset(entry.people)  # others were erased
        ]
        return problems

    def close(self) -> None:
        """Close the gallery; later use is an error."""
        self.engine.close()

    def __len__(self) -> int:
        """Return the number of templates."""
        return len(self.engine)

    def __iter__(self) -> Iterator[Stored]:
        """Yield all templates in the order of numbers."""
        self._record("view-all")
        yield from self.engine

    def __enter__(self) -> Self:
        self.engine.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.__exit__(kind, error, trace)

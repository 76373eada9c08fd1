"""What permits that a gallery holds people: its settings and legal records, as stored facts."""

import shlex
from collections.abc import Iterable
from datetime import datetime

from mien.gallery.engine import Engine
from mien.gallery.journal import Entry, Journal, sha256
from mien.gallery.legal import (
    Due,
    LegalBasis,
    NoBasisError,
    Settings,
    due,
    read_basis,
    read_settings,
    read_withdrawal,
)

SETTINGS, BASIS, WITHDRAWAL = "settings", "basis", "withdrawal"  # kinds of facts


class Grounds:
    """The settings and legal records of one store."""

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self._engine, self._journal = engine, journal
        self._hidden: tuple[tuple[int, str], datetime | None, frozenset[int]] | None = None

    @property
    def settings(self) -> Settings:
        """The rules of the gallery."""
        found = self._engine.facts(SETTINGS)
        return read_settings(found[-1].text, self._engine.where) if found else Settings()

    def bases(self, person: int | None = None) -> dict[int, list[LegalBasis]]:
        """Return the legal bases by id of the person, of one or of all."""
        ends: dict[int, datetime] = {}
        for fact in self._engine.facts(WITHDRAWAL, person=person):
            ended, time = read_withdrawal(fact.text, self._engine.where)
            ends.update(dict.fromkeys(ended, time))
        found: dict[int, list[LegalBasis]] = {}
        for fact in self._engine.facts(BASIS, person=person):
            basis = read_basis(fact.id, fact.text, ends.get(fact.id), self._engine.where)
            if fact.person is not None:
                found.setdefault(fact.person, []).append(basis)
        return found

    def due(self, now: datetime | None = None) -> list[Due]:
        """Return the people of a governed gallery who must be erased by now."""
        settings, now = self.settings, now or self._journal.now()
        if not settings.governed:
            return []
        bases, names = self.bases(), self._engine.names()
        first = {person.id: person.added for person in self._engine.people()}
        found = (
            due(name, bases.get(i, []), first.get(i, now), settings, now)
            for i, name in names.items()
        )
        return [each for each in found if each]

    def require(self, people: Iterable[str]) -> None:
        """Raise an error for the first person of a governed gallery without a legal ground."""
        settings = self.settings
        if not settings.governed:
            return
        now = self._journal.now()
        for name in dict.fromkeys(people):
            number = self._engine.number(name)
            bases = [] if number is None else self.bases(number).get(number, [])
            if not any(basis.valid(now, settings.term) for basis in bases):
                raise NoBasisError(
                    f"Gallery {self._engine.where} is governed, and {name!r} has no valid legal "
                    "basis, so nothing of this person was stored. Give one first: mien gallery "
                    "consent give "
                    f"{shlex.quote(name)} --purpose PURPOSE --text FILE --evidence FILE "
                    f"--gallery {shlex.quote(self._engine.where)}"
                )

    def uncovered(self, purpose: str) -> frozenset[int]:
        """Return the ids of enrolled people whose grounds do not cover a purpose."""
        now, key = self._journal.now(), (self._engine.stamp(), purpose)
        if self._hidden and self._hidden[0] == key:
            _, until, hidden = self._hidden
            if until is None or now < until:
                return hidden
        settings, bases = self.settings, self.bases()
        hidden = frozenset(
            person.id
            for person in self._engine.people()
            if person.templates
            and not any(
                basis.purpose == purpose and basis.valid(now, settings.term)
                for basis in bases.get(person.id, ())
            )
        )
        ends = [b.end(settings.term) for each in bases.values() for b in each]
        self._hidden = key, min((end for end in ends if end and end > now), default=None), hidden
        return hidden

    def faults(self) -> list[str]:
        """Compare settings and legal records with their digests in the journal."""
        settings, known, stated = None, set(self._engine.names()), dict[str, Entry]()
        for entry in self._journal.entries():
            if entry.record and entry.act in ("create", "govern"):
                settings = entry
            elif entry.record:
                stated[entry.record] = entry
        rules = {sha256(fact.text) for fact in self._engine.facts(SETTINGS)}
        facts = [*self._engine.facts(BASIS), *self._engine.facts(WITHDRAWAL)]
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

"""The rules of a gallery: whether it is governed, legal bases, and who must be erased."""

import json
from dataclasses import replace
from datetime import datetime

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery.checks import clean_name, utc
from mien.gallery.grounds import BASIS, SETTINGS, WITHDRAWAL
from mien.gallery.guard import Guard
from mien.gallery.legal import (
    Due,
    LegalBasis,
    NoBasisError,
    Settings,
    check_basis,
    check_term,
    packed,
)


class Rules(Guard):
    """The part of a guarded gallery that has its rules."""

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
        return self._grounds.bases(number).get(number, [])

    def all_bases(self) -> dict[str, list[LegalBasis]]:
        """Return the legal bases of all people by name; an empty list for those without."""
        self._record("list")
        bases = self._grounds.bases()
        return {name: bases.get(i, []) for i, name in self.engine.names().items()}

    def sweep(self) -> list[Due]:
        """Return the people who must be erased by now, and record that this was asked."""
        found = self.due()
        self._writable()
        self.journal.append("retention", counts={"due": len(found)})
        return found

    def due(self, now: datetime | None = None) -> list[Due]:
        """Return the people of a governed gallery who must be erased by now."""
        return self._grounds.due(now)

    def refusal_of(self, person: str) -> str | None:
        """Return why this person must not be enrolled; see `mien.gallery.Gallery`."""
        try:
            self._grounds.require([person])
        except NoBasisError as error:
            if not self.read_only:
                self.journal.append("enroll", "no-basis", people=sorted(self._numbers([person])))
            return str(error)
        return None

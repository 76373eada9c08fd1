"""What all that stands in front of an engine shares: its journal, and changes with an entry."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from mien.errors import GalleryError
from mien.gallery.checks import clean_name
from mien.gallery.engine import Engine
from mien.gallery.grounds import Grounds
from mien.gallery.journal import Journal
from mien.gallery.legal import NoBasisError, Settings
from mien.gallery.recall import Recall


class Guard:
    """An engine with its journal and its rules."""

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
        self._grounds = Grounds(engine, self.journal)

    @property
    def recall(self) -> Recall | None:
        """Measured recall of an approximate index; None: searches are exact."""
        return self.engine.recall

    @property
    def settings(self) -> Settings:
        """The rules of this gallery."""
        return self._grounds.settings

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
    ) -> Iterator[list[tuple[str, str, str]]]:
        """Let the change of the block and its entry in the journal be one transaction.

        Yields:
            To be filled: kind, text and person of facts that belong to the change.

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
        more: list[tuple[str, str, str]] = []

        @contextmanager
        def noted() -> Iterator[None]:
            self._grounds.require(grounds)
            first, before = self.engine.last(), self._numbers(names)
            yield
            for kind, text, person in more:
                self.engine.put(kind, text, person)
            last = self.engine.last()
            new = (first + 1, last) if last > first else ()
            touched = sorted(before | self._numbers(names))
            numbers = [*templates, *new]
            self.journal.append(
                act, people=touched, templates=numbers, counts=counts, record=record
            )

        try:
            with self.engine.inside(noted()):
                yield more
        except NoBasisError:
            self.journal.append(act, "no-basis", people=sorted(self._numbers(names)))
            raise

    def findable(self) -> int:
        """Return the number of people that a search can return."""
        everybody = self.engine.enrolled()
        if self.purpose is None or not self.settings.governed:
            return everybody
        return everybody - len(self._grounds.uncovered(self.purpose))

    def _uncovered(self, act: str) -> frozenset[int]:
        """Return the ids of people whom a search of a governed gallery must not find.

        Raises:
            NoBasisError: the search names no purpose.
        """
        self._recordable(act)
        if self.purpose is None:
            self.journal.append(act, "no-purpose")
            raise NoBasisError(
                f"Gallery {self.where} is governed: a search names its purpose (--purpose). Only "
                "people whose legal basis covers the purpose are found."
            )
        return self._grounds.uncovered(self.purpose)

    def _numbers(self, names: Iterable[str]) -> set[int]:
        """Return the ids of those people who exist."""
        return {number for name in names if (number := self.engine.number(name)) is not None}

    def _writable(self) -> None:
        if self.read_only:
            raise GalleryError(
                f"Gallery {self.where} is open read-only; open it for writing, and make the file "
                "and its folder writable."
            )

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

"""What stands in front of every engine: the rules of a gallery, and its journal.

A personal gallery asks for no legal ground, and its journal has all changes. In a governed gallery,
nobody is enrolled without a ground, a search names its purpose and does not find people whose
grounds do not cover it, and the journal also has searches, views and exports. A search whose entry
cannot be stored returns nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.errors import GalleryError
from mien.gallery.checks import utc
from mien.gallery.grounds import SETTINGS
from mien.gallery.keys import check_key
from mien.gallery.legal import TERM, Settings, packed
from mien.gallery.records import Gallery, Person, Receipt, Refusal, Seen, Stored, Template
from mien.gallery.renewal import Renewal
from mien.gallery.rules import Rules
from mien.gallery.undoing import Undoing
from mien.types import Candidate, Floats


class GuardedGallery(Rules, Undoing, Renewal):
    """A gallery that keeps its rules; see `mien.gallery.Gallery`."""

    def start(self, *, governed: bool = False) -> None:
        """Begin the journal of a new gallery; an old one is left as it is.

        Args:
            governed: whether it is governed, with the usual term; `govern` changes that.
        """
        with self.engine.together():
            if not self.journal.head().number and not self.engine.last():
                kind = Settings("governed", TERM, utc(self.journal.now()))
                text = packed(kind if governed else Settings())
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

    @property
    def protected(self) -> bool:
        """Whether templates are protected by a rotation that a key states."""
        return self.engine.protected

    def decide_first(self) -> None:
        """Refuse to change all vectors while some wait in quarantine or in facts; forget steps.

        A step of the last 30 days may hold a template, which would keep its former vector.
        """
        super().decide_first()
        self.expire(everything=True)

    def protect(self, key: bytes) -> Receipt:
        """Protect all templates with a key; an earlier key is revoked. One transaction.

        For what this protects against and what not, see `mien.gallery.protecting`.

        Args:
            key: 32 random bytes. Without it the gallery is lost: keep it in two places.

        Raises:
            GalleryError: templates wait in quarantine, or faces are denied; decide first.
        """
        check_key(key)
        self.decide_first()
        with self._changing("protect"):
            return self.engine.protect(key)

    def backup(self, target: Path) -> None:
        """Write a copy of one state of the gallery, encrypted as the gallery is.

        Raises:
            GalleryError: the file exists or cannot be written.
        """
        if target.exists():
            raise GalleryError(f"{target} exists already; give another name for the backup.")
        self._record("backup")
        self.engine.backup(target)

    # ------------------------------------------------------------------ questions

    def search(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k most similar people; see `mien.gallery.Gallery`."""
        if not self.settings.governed:
            return self._sorted_out(vectors, k)
        hidden = self._uncovered("search")
        found = self._sorted_out(vectors, k, hidden)
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
        return self.findable()

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
        return self.engine.seen(person, digest) or self.held(person, digest)

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
                self._grounds.bases()
                problems = self._grounds.faults()
        except GalleryError as error:
            return [*faults, str(error)]
        return faults + [f"Gallery {self.where}, journal: {problem}" for problem in problems]

    def store_counts(self) -> None:
        """Store what was counted of live searches; a gallery that stays open needs it."""
        self._store_levels()
        self._store_trial()

    def close(self) -> None:
        """Close the gallery; later use is an error."""
        self.store_counts()
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
        if error is None:
            self.store_counts()
        self.engine.__exit__(kind, error, trace)

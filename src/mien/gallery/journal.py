"""The journal of a gallery: who did what, when and for which purpose, in a chain of hashes.

Each entry has the SHA-256 of its own content, and its content has that of the entry before. An
entry that is edited, cut out or moved breaks the chain at its place. Whoever may write to the store
can write a whole new chain; that is found only by comparison with an anchor, a copy of the head
that is kept elsewhere.

Entries name people and templates by number, never by name, so that an erasure need not touch them.
They have no images, no embeddings and no scores.
"""

import getpass
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from mien.errors import GalleryError
from mien.gallery.checks import clean_name, utc
from mien.gallery.engine import Engine

KIND, HEAD = "journal", "head"  # kinds of facts
START = "0" * 64  # what the first entry has in place of the digest before
PAGE = 1000  # entries per read
SCANNED = 2000  # entries that one search for an act reads
LARGEST_ANCHOR = 10_000  # bytes; one has fewer than 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry."""

    number: int  # counts up from 1 without gaps
    time: str  # ISO 8601, UTC; never before that of the entry before
    who: str  # user of the operating system, or the given name
    act: str  # code: "enroll", "search", "view", "export", "forget", ...
    outcome: str  # code
    model: str  # contract id of the embedder, with the digest of its weights
    before: str  # digest of the entry before
    purpose: str | None = None  # code of the declared purpose
    threshold: float | None = None  # of a decision: score from which a candidate is a match
    people: tuple[int, ...] = ()  # ids
    templates: tuple[int, ...] = ()  # numbers; two for a range of new ones, first and last
    counts: Mapping[str, int] | None = None
    record: str | None = None  # SHA-256 of the legal record or the settings that were stored, hex

    @property
    def text(self) -> str:
        """Return its content as canonical JSON."""
        return canonical(asdict(self))

    @property
    def digest(self) -> str:
        """Return the SHA-256 of its content, hex."""
        return sha256(self.text)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a journal; kept elsewhere, it is an anchor."""

    number: int  # of the last entry; 0 if there is none
    digest: str  # of the last entry
    time: str  # of the last entry; "" if there is none


NOTHING = Head(0, START, "")


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a journal was changed."""

    number: int  # of the entry
    problem: str  # one sentence


class Journal:
    """The journal of one store."""

    def __init__(self, engine: Engine, who: str | None = None) -> None:
        """Open a journal.

        Args:
            engine: stores the entries.
            who: writes the entries; default: the user of the operating system.
        """
        self._engine = engine
        self._who = clean_name(user() if who is None else who)

    def append(
        self,
        act: str,
        outcome: str = "done",
        *,
        purpose: str | None = None,
        threshold: float | None = None,
        people: Iterable[int] = (),
        templates: Iterable[int] = (),
        counts: Mapping[str, int] | None = None,
        record: str | None = None,
    ) -> None:
        """Add an entry, within the present transaction or in one of its own.

        `record` is the text of a stored fact, of which the entry keeps the digest.
        """
        with self._engine.together():
            number, head = self._head()
            entry = Entry(
                number=head.number + 1,
                time=max(utc(None), head.time),
                who=self._who,
                act=act,
                outcome=outcome,
                model=self._engine.embedder,
                before=head.digest,
                purpose=purpose,
                threshold=threshold,
                people=tuple(people),
                templates=tuple(templates),
                counts=counts,
                record=None if record is None else sha256(record),
            )
            self._engine.put(KIND, canonical({**asdict(entry), "digest": entry.digest}))
            now = Head(entry.number, entry.digest, entry.time)
            self._engine.put(HEAD, canonical(asdict(now)), instead=number)

    def head(self) -> Head:
        """Return the present end."""
        return self._head()[1]

    def now(self) -> datetime:
        """Return the present time, UTC; not before the last entry, if the clock was set back."""
        last, now = self.head().time, datetime.now(UTC)
        return max(now, datetime.fromisoformat(last)) if last else now

    def _head(self) -> tuple[int | None, Head]:
        """Return the end, and the id of the fact that states it."""
        found = self._engine.facts(HEAD)
        if not found and not self._engine.facts(KIND, limit=1):
            return None, NOTHING
        try:
            [fact] = found
            head = Head(**json.loads(fact.text))
            datetime.fromisoformat(head.time)
        except (ValueError, TypeError) as error:
            raise GalleryError(
                f"The journal of gallery {self._engine.where} has no valid head, so nothing can be "
                "added to it and nothing was changed; restore a backup. The place of the damage: "
                "mien gallery journal verify"
            ) from error
        return fact.id, head

    def entries(self) -> Iterator[Entry]:
        """Yield all entries.

        Raises:
            GalleryError: an entry cannot be read.
        """
        for place, entry, _ in self._stored():
            if entry is None:
                raise GalleryError(
                    f"Entry {place} of the journal of gallery {self._engine.where} cannot be read; "
                    "restore a backup. All damages: mien gallery journal verify"
                )
            yield entry

    def latest(
        self, limit: int, *, before: int | None = None, act: str | None = None
    ) -> tuple[list[Entry], int | None]:
        """Return the newest entries, newest first, and where the next older ones begin.

        At most SCANNED entries are read, so that with `act` there may be fewer than asked for,
        although older ones follow.

        Args:
            limit: maximum number.
            before: what an earlier call returned; None: from the end.
            act: only entries of this act.

        Raises:
            GalleryError: an entry cannot be read.
        """
        found: list[Entry] = []
        size = limit if act is None else SCANNED
        facts = self._engine.latest(KIND, before, size + 1)
        for fact in facts[:size]:
            entry, _ = read(fact.text)
            if entry is None:
                raise GalleryError(
                    f"An entry of the journal of gallery {self._engine.where} cannot be read; "
                    "restore a backup. All damages: mien gallery journal verify"
                )
            if act in (None, entry.act):
                found.append(entry)
            if len(found) == limit:
                return found, fact.id if fact is not facts[-1] else None
        return found, facts[size - 1].id if len(facts) > size else None

    def after(self, place: int) -> Iterator[tuple[int, Entry]]:
        """Yield the entries after a place, oldest first, each with its own place.

        Entries that cannot be read are left out; `verify` finds them.
        """
        while page := self._engine.facts(KIND, place, PAGE):
            for fact in page:
                entry, _ = read(fact.text)
                if entry is not None:
                    yield fact.id, entry
            place = page[-1].id

    def _stored(self) -> Iterator[tuple[int, Entry | None, str]]:
        """Yield place, entry (None if it cannot be read) and stated digest, in stored order."""
        after = place = 0
        while page := self._engine.facts(KIND, after, PAGE):
            for fact in page:
                place += 1
                yield place, *read(fact.text)
            after = page[-1].id

    def verify(self, anchor: Head | None = None) -> list[Fault]:
        """Return the places where entries were edited, cut, added or moved; empty if intact.

        Args:
            anchor: an earlier head, which this journal must contain.
        """
        found: list[Fault] = []
        last, digest, time, anchored = 0, START, "", None
        for place, entry, stated in self._stored():
            if entry is None:
                found.append(Fault(last + 1, f"The entry in place {place} cannot be read."))
                last, digest = last + 1, ""
                continue
            number = entry.number
            if number > last + 1:
                found.append(
                    Fault(last + 1, f"{span(last + 1, number - 1)} missing before entry {number}.")
                )
            elif number <= last:
                found.append(
                    Fault(
                        number, f"Entry {number} stands after entry {last}: it was moved or added."
                    )
                )
            elif digest and entry.before != digest:
                found.append(
                    Fault(
                        number,
                        f"Entry {number} does not follow from entry {last}: one of them was "
                        "replaced.",
                    )
                )
            if entry.digest != stated:
                found.append(Fault(number, f"Entry {number} was edited: it has another digest."))
            if entry.time < time:
                found.append(Fault(number, f"Entry {number} is older than the entry before."))
            if anchor and number == anchor.number:
                anchored = stated
            last, digest, time = number, stated, entry.time
        return found + self._ends(last, digest) + self._anchored(anchor, anchored, last)

    def _ends(self, last: int, digest: str) -> list[Fault]:
        """Compare the last entry with the head."""
        try:
            head = self.head()
        except GalleryError:
            return [Fault(last, "The head of the journal is missing or cannot be read.")]
        if head.number > last:
            return [Fault(last + 1, f"{span(last + 1, head.number)} cut off the end.")]
        if (head.number, head.digest) != (last, digest):
            return [Fault(last, f"Entry {last} is the last one, but the head states another one.")]
        return []

    def _anchored(self, anchor: Head | None, digest: str | None, last: int) -> list[Fault]:
        """Compare an entry with an anchor."""
        if anchor is None or (anchor.number, anchor.digest) == (0, START):
            return []
        if digest is None:
            return [
                Fault(anchor.number, f"The anchor is of entry {anchor.number}, which is missing.")
            ]
        if digest != anchor.digest:
            problem = f"Entry {anchor.number} differs from the anchor: the journal was rewritten."
            return [Fault(anchor.number, problem)]
        return []


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Mapping[str, Any]) -> str:
    """Encode as JSON, the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read(text: str) -> tuple[Entry | None, str]:
    """Return the entry of a stored text, or None, and its stated digest."""
    try:
        row = json.loads(text)
        stated = row.pop("digest")
        if row.keys() != {field.name for field in fields(Entry)}:
            return None, ""
        row["people"], row["templates"] = tuple(row["people"]), tuple(row["templates"])
        entry = Entry(**row)
        sound = (
            type(entry.number) is int
            and isinstance(entry.time, str)
            and isinstance(entry.before, str)
            and isinstance(stated, str)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, ""
    return (entry, stated) if sound else (None, "")


def span(first: int, last: int) -> str:
    """Return the beginning of a sentence about one entry or several."""
    return f"Entry {first} is" if first == last else f"Entries {first} to {last} are"


def write_anchor(head: Head) -> bytes:
    """Return the content of an anchor file."""
    return (canonical({"mien": "journal-head", **asdict(head)}) + "\n").encode()


def read_anchor(data: bytes, where: str) -> Head:
    """Read an anchor file.

    Raises:
        GalleryError: it is not one.
    """
    try:
        row = json.loads(data[:LARGEST_ANCHOR])
        if row.pop("mien") != "journal-head":
            raise ValueError
        head = Head(**row)
        if type(head.number) is not int or head.number < 0 or not isinstance(head.digest, str):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GalleryError(
            f"{where} is not the head of a journal; write one with: mien gallery journal anchor"
        ) from error
    return head


def user() -> str:
    """Return the user of the operating system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without an entry for its user
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown user"

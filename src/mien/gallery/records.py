"""What a gallery takes, keeps and gives back, and the one shape that every engine has."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Literal, Protocol, Self

from mien.types import Candidate, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One known face of one person, as it goes into a gallery."""

    person: str  # the name: 1 to 200 characters, NFC, no control characters
    vector: Floats  # (D,) float32, unit length
    embedder: str  # contract id of the embedder that made the vector
    source: str | None = None  # picture that it was taken from, in words: a path, a link
    source_digest: str | None = None  # SHA-256 of the bytes of that picture, 64 hex digits
    quality: Mapping[str, float] | None = None  # component -> 0 (worst) to 100 (best)
    box: Floats | None = None  # (4,) float32: left, top, right, bottom, px of the source
    added: datetime | None = None  # with a time zone; None = now


@dataclass(frozen=True, slots=True, eq=False)
class Stored(Template):
    """One template as it lies in a gallery; `added` is never None."""

    id: int = field(kw_only=True)  # counts up from 1; never given twice in one gallery


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a gallery knows."""

    id: int  # stays the same when the person is renamed
    name: str
    templates: int  # 0 if every picture of this person was refused so far
    added: datetime  # UTC, when the earliest picture was enrolled or refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """A picture that gave no template, and why, so that nobody asks it again."""

    person: str
    source_digest: str  # SHA-256 of the bytes of the picture, 64 hex digits
    reason: str  # code: lower-case letters, digits, "_" and "-"
    source: str | None = None
    added: datetime | None = None  # with a time zone; None = now


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a picture in an earlier run."""

    outcome: Literal["enrolled", "refused"]
    reason: str | None  # code of the refusal; None if enrolled
    template: int | None  # number of the template; None if refused
    when: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasing change removed, and whether its bytes are really gone.

    `complete` speaks of the bytes of the gallery's own files. Copies and backups of them, and
    blocks that the file system has freed, are out of a gallery's reach.
    """

    people: int  # how many names were erased
    templates: int  # how many templates were erased
    refusals: int  # how many notes about refused pictures were erased
    complete: bool  # False: unreachable for search, but the old bytes are still in a file
    reason: str | None = None  # one sentence, if not complete


class Gallery(Protocol):
    """Known people and their templates, all made by one embedder.

    A gallery may be used from several threads and processes at once. Every change is one
    transaction: when the method returns it is on disk, and a crash before that leaves no half.
    `len(gallery)` counts templates, so an empty gallery is false in an `if`; iterating over a
    gallery yields every template in the order of their numbers.
    """

    embedder: str  # contract id: model, preprocessing and dimension
    where: str  # path or address, for messages
    read_only: bool  # True if only searching and listing are possible

    def add(self, templates: Iterable[Template], refusals: Iterable[Refusal] = ()) -> list[int]:
        """Enrol templates, and note pictures that gave none, in one transaction.

        A picture that was already enrolled for that person (same `source_digest`) adds nothing;
        its place in the answer holds the number of the template that is already there.

        Returns:
            The number of each template, in the order given. They are on disk.
        """
        ...

    def search(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k people who look most alike; exact.

        Args:
            vectors: (Q, D) float32, unit length, made by the embedder of this gallery.
            k: how many people at most; ask for 2 to have the margin to the second person.

        Returns:
            Q lists, best first. Each person is in a list once, with the best template. Of equal
            similarities the lower template number comes first.
        """
        ...

    def forget(self, *people: str) -> Receipt:
        """Erase people: names, templates, sources and notes; nothing happens if one is unknown."""
        ...

    def rename(self, old: str, new: str) -> Receipt:
        """Give a person another name, and erase the old one; `source` texts stay as they are."""
        ...

    def merge(self, source: str, into: str) -> Receipt:
        """Move all that is known about `source` to `into`, and erase the name `source`."""
        ...

    def people(self) -> list[Person]:
        """Everyone who is known, in the order of their ids."""
        ...

    def templates(self, person: str) -> list[Stored]:
        """All templates of one person, in the order of their numbers."""
        ...

    def refusals(self) -> list[Refusal]:
        """All pictures that gave no template, in the order in which they were noted."""
        ...

    def seen(self, person: str, digest: str) -> Seen | None:
        """What became of a picture (SHA-256 of its bytes); None if it was never tried."""
        ...

    def note(self, person: str, digest: str, reason: str, source: str | None = None) -> None:
        """Remember that a picture gave no template; the latest reason counts.

        A picture that was enrolled for this person stays enrolled.
        """
        ...

    def stamp(self) -> int:
        """A number that changes with every change, by whichever process."""
        ...

    def scrub(self) -> Receipt:
        """Overwrite the bytes that earlier changes left behind; counts in the receipt are 0."""
        ...

    def check(self) -> list[str]:
        """Test every stored byte that can be tested; one sentence a fault, none if sound."""
        ...

    def close(self) -> None: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Stored]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

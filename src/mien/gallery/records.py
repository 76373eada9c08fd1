"""Records of galleries, and the protocol of all engines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Literal, Protocol, Self

from mien.gallery.recall import Recall
from mien.types import Candidate, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One face of a known person, for a gallery."""

    person: str  # the name: 1 to 200 characters, NFC, no control characters
    vector: Floats  # (D,) float32, unit length
    embedder: str  # contract id of the embedder that made the vector
    source: str | None = None  # image of the template: a path, a link
    source_digest: str | None = None  # SHA-256 of the bytes of that image, 64 hex digits
    quality: Mapping[str, float] | None = None  # component -> 0 (worst) to 100 (best)
    box: Floats | None = None  # (4,) float32: left, top, right, bottom, px of the source
    added: datetime | None = None  # with a time zone; None = now


@dataclass(frozen=True, slots=True, eq=False)
class Stored(Template):
    """One stored template; `added` is never None."""

    id: int = field(kw_only=True)  # counts up from 1; not reused within a gallery


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a gallery."""

    id: int  # constant when the person is renamed
    name: str
    templates: int  # 0 if all images of this person were refused so far
    added: datetime  # UTC, time of the first enrolment or refusal


@dataclass(frozen=True, slots=True)
class Refusal:
    """An image without template, and the reason, so that it is not processed again."""

    person: str
    source_digest: str  # SHA-256 of the bytes of the image, 64 hex digits
    reason: str  # code: lower-case letters, digits, "_" and "-"
    source: str | None = None
    added: datetime | None = None  # with a time zone; None = now


@dataclass(frozen=True, slots=True)
class Seen:
    """The result for an image in an earlier run."""

    outcome: Literal["enrolled", "refused", "quarantined"]
    reason: str | None  # code of the refusal, or of the first doubt; None if enrolled
    template: int | None  # number of the template; None if not enrolled
    when: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of an erasure: what was removed, and whether its bytes are overwritten.

    `complete` describes the bytes of the files of the gallery. Copies and backups of them, and
    blocks that the file system has freed, are beyond the control of a gallery.
    """

    people: int  # number of erased names
    templates: int  # number of erased templates
    refusals: int  # number of erased refusals
    complete: bool  # False: removed from search, but the old bytes are still in a file
    reason: str | None = None  # one sentence, if not complete


@dataclass(frozen=True, slots=True)
class Fact:
    """A text that an engine stores for `mien.gallery.guarded`, which alone knows its meaning."""

    id: int  # counts up from 1; not reused within a gallery
    person: int | None  # id of the person it is about; it is erased with that person
    text: str  # JSON


@dataclass(frozen=True, slots=True)
class Beside:
    """The second vectors of a gallery, while its model changes."""

    contract: str  # contract id of their embedder
    templates: int  # all templates of the gallery
    embedded: int  # of them, those with a second vector
    switched: bool  # whether the second vectors are those of before the switch


class Searchable(Protocol):
    """What a search of live faces needs; a gallery has it, and its trial of a new model."""

    embedder: str  # contract id of the embeddings that are searched
    where: str  # path or address, for messages

    @property
    def recall(self) -> Recall | None:
        """Measured recall, if searches use an approximate index; None: they are exact."""
        ...

    def search(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k most similar people by exact search.

        Args:
            vectors: (Q, D) float32, unit length, from the embedder of this gallery.
            k: maximum number of people; use 2 to get the margin to the runner-up.

        Returns:
            Q lists, best first. Each person occurs once per list, with the best template and its
            vector. Of equal similarities, the lower template number comes first.
        """
        ...

    def enrolled(self) -> int:
        """Return the number of people with templates: those that a search can return."""
        ...

    def calibration(self) -> str | None:
        """Return the calibration that belongs to this gallery, as JSON; None if it has none."""
        ...

    def observed(self, levels: Sequence[float], sharpness: Sequence[float] = ()) -> None:
        """Count the levels and the sharpness of the last searches; see `mien.decision.drift`."""
        ...

    def decided(self, outcomes: Sequence[str], threshold: float | None) -> None:
        """Record how the faces of the last search were decided.

        Args:
            outcomes: "match", "review" or "unknown", one per face.
            threshold: score from which a candidate is a match; None if there was no candidate.
        """
        ...


class Shadow(Searchable, Protocol):
    """The trial of a new model: a second search, of which only the differences are kept."""

    def compared(self, codes: Sequence[str]) -> None:
        """Count what both models decided about faces, such as "match-unknown"."""
        ...


class Gallery(Searchable, Protocol):
    """Known people and their templates, all of one embedder.

    A gallery can be used from several threads and processes. Each change is one transaction: it
    is on disk when the method returns, and a crash before that leaves no partial change.
    `len(gallery)` counts templates, so an empty gallery is false in an `if`; iterating over a
    gallery yields every template in the order of their numbers.
    """

    embedder: str  # contract id: model, preprocessing and dimension
    read_only: bool  # True if only searching and listing are possible

    @property
    def encrypted(self) -> bool:
        """Whether all that identifies somebody is sealed in the store."""
        ...

    def add(self, templates: Iterable[Template], refusals: Iterable[Refusal] = ()) -> list[int]:
        """Enrol templates, and store refusals, in one transaction.

        An image that is already enrolled for that person (same `source_digest`) adds nothing; the
        result contains the number of the existing template.

        Returns:
            The numbers of the templates, in the given order. They are on disk.
        """
        ...

    def forget(self, *people: str) -> Receipt:
        """Erase people: names, templates, sources, refusals; no change if one is unknown."""
        ...

    def rename(self, old: str, new: str) -> Receipt:
        """Rename a person, and erase the old name; `source` texts are kept."""
        ...

    def merge(self, source: str, into: str) -> Receipt:
        """Move all data of `source` to `into`, and erase the name `source`."""
        ...

    def remove(self, *templates: int) -> Receipt:
        """Erase templates by their numbers; no change if one is unknown.

        A person of whom nothing is left is erased, too.
        """
        ...

    def move(self, *templates: int, into: str) -> Receipt:
        """Move templates to a person, who is created if unknown; no change if one is unknown.

        A template of an image that this person has already is erased. A person of whom nothing is
        left is erased, too.
        """
        ...

    def people(self) -> list[Person]:
        """Return all people, in the order of their ids."""
        ...

    def templates(self, person: str) -> list[Stored]:
        """Return all templates of one person, in the order of their numbers."""
        ...

    def refusals(self) -> list[Refusal]:
        """Return all refusals, in the order in which they were stored."""
        ...

    def seen(self, person: str, digest: str) -> Seen | None:
        """Return the result for an image (SHA-256 of its bytes); None if it is new."""
        ...

    def note(self, person: str, digest: str, reason: str, source: str | None = None) -> None:
        """Store a refusal of an image; the latest reason is kept.

        An image that is enrolled for this person remains enrolled.
        """
        ...

    def stamp(self) -> int:
        """Return a number that differs after each change by any process."""
        ...

    def scrub(self) -> Receipt:
        """Overwrite deleted data that remain in the file; counts in the receipt are 0."""
        ...

    def check(self) -> list[str]:
        """Verify all stored data; return one message per fault, none if intact."""
        ...

    def settled(self, person: str, other: str) -> bool:
        """Return whether somebody has stated that two people are one, or that they are not."""
        ...

    def shadow(self) -> Shadow | None:
        """Return the search that tries a new model; None if there is no trial."""
        ...

    def refusal_of(self, person: str) -> str | None:
        """Return why this person must not be enrolled, as a sentence; None if it is permitted.

        A refusal is recorded.
        """
        ...

    def whole(self, act: str) -> "Gallery":
        """Return this gallery for the care of all its people, such as a check or an export.

        Args:
            act: code of what is done, for the journal.
        """
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

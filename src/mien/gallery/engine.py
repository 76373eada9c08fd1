"""The protocol of the engines that store galleries."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from mien.gallery.records import Beside, Fact, Gallery, Receipt, Stored
from mien.types import Candidate, Floats


class Engine(Gallery, Protocol):
    """A gallery that stores; `mien.gallery.guarded` stands in front of it and keeps the rules."""

    def search(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people by exact search, without those of these ids."""
        ...

    def move(self, *templates: int, into: str, facts: Sequence[int] = ()) -> Receipt:
        """Move templates and facts to a person, who is created if unknown.

        Args:
            templates: their numbers; see `Gallery.move`.
            into: the name.
            facts: ids of facts about somebody.
        """
        ...

    def inside(self, manager: AbstractContextManager[None]) -> AbstractContextManager[None]:
        """Let the transaction of the next change include what a context manager does.

        It is entered after the transaction has begun, and left before it is stored. If it raises an
        error, nothing is changed. Within the block, other threads wait.
        """
        ...

    def together(self, *, erases: bool = False) -> AbstractContextManager[int]:
        """Store all facts of the block in one transaction.

        Args:
            erases: facts or templates are erased, too, and `stamp` changes; `scrub` afterwards.
        """
        ...

    def discard(self, facts: Sequence[int]) -> None:
        """Delete facts by their ids, within the block of `together`."""
        ...

    def put(
        self, kind: str, text: str, person: str | None = None, *, instead: int | None = None
    ) -> int:
        """Store a fact, in the present transaction or in one of its own; return its id.

        Args:
            kind: which facts it belongs to.
            text: JSON.
            person: name of the person it is about, who is created if unknown.
            instead: id of a fact whose text it replaces.
        """
        ...

    def facts(
        self, kind: str, after: int = 0, limit: int | None = None, person: int | None = None
    ) -> list[Fact]:
        """Return the facts of a kind with a higher id, in the order of ids.

        Args:
            kind: which facts.
            after: id below those of the facts.
            limit: maximum number; None: all.
            person: id of the person they are about; None: of anybody and nobody.
        """
        ...

    def latest(self, kind: str, before: int | None, limit: int) -> list[Fact]:
        """Return the newest facts of a kind, newest first.

        Args:
            kind: which facts.
            before: id above those of the facts; None: from the end.
            limit: maximum number.
        """
        ...

    def number(self, person: str) -> int | None:
        """Return the id of a person; None if unknown."""
        ...

    def names(self) -> dict[int, str]:
        """Return the names of all people by id, also of those without templates."""
        ...

    def encrypt(self, key: bytes) -> Receipt:
        """Seal all records in one transaction, and overwrite the plain bytes."""
        ...

    def rekey(self, key: bytes) -> Receipt:
        """Wrap all data keys with a new key in one transaction."""
        ...

    def protect(self, key: bytes) -> Receipt:
        """Protect all vectors with a key in one transaction; an earlier key is revoked."""
        ...

    def shield(self, vector: Floats) -> Floats:
        """Return what may be stored of a (D,) vector."""
        ...

    def unshield(self, stored: Floats) -> Floats:
        """Return a (D,) vector from what was stored of it."""
        ...

    @property
    def protected(self) -> bool:
        """Whether the vectors are protected by a rotation."""
        ...

    def key_name(self) -> tuple[str, int]:
        """Return how the keyring names the gallery, and the number of its key; 0: plain."""
        ...

    def name_key(self) -> str:
        """Return how the keyring names the gallery; it gets a name if it has none."""
        ...

    def backup(self, target: Path) -> None:
        """Write a copy of one state, encrypted as the gallery is."""
        ...

    def last(self) -> int:
        """Return the highest number that a template ever had."""
        ...

    def beside(self) -> Beside | None:
        """Return what is known about second vectors; None if no change of the model is under way.

        For these and for the next methods see `mien.gallery.besides`.
        """
        ...

    def begin_beside(self, contract: str) -> None:
        """Let each template have a vector of another embedder beside its own."""
        ...

    def lacking(self, after: int = 0) -> list[Stored]:
        """Return templates without a second vector with higher numbers, a page of them."""
        ...

    def put_beside(self, vectors: Mapping[int, Floats]) -> int:
        """Store second vectors by numbers of templates; return how many were stored."""
        ...

    def second_vectors(self, after: int = 0) -> dict[int, Floats]:
        """Return the second vectors of templates with higher numbers, a page of them."""
        ...

    def search_beside(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people by second vectors, by exact search in memory."""
        ...

    def swap(self) -> None:
        """Exchange both vectors of all templates, within the block of `together`."""
        ...

    def adopt(self, contract: str) -> None:
        """Use the embedder of the store after a switch."""
        ...

    def drop_beside(self) -> None:
        """Delete all second vectors; then `scrub`."""
        ...

    def current(self) -> bool:
        """Return whether the key and the model are still those with which this was opened."""
        ...

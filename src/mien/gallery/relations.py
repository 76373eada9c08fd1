"""What is stated about the people of a gallery, applied to searches and comparisons."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mien.types import Candidate, Floats

Pairs = Iterable[tuple[int, int]]


class Relations:
    """Stated facts about people, by their ids."""

    def __init__(
        self, same: Pairs, different: Pairs, merged: Pairs, denied: Mapping[int, Sequence[Floats]]
    ) -> None:
        """Collect facts.

        Args:
            same: two people who are one.
            different: two people who are not one.
            merged: a person, and the former id of somebody who was merged into that person.
            denied: person -> vectors of faces that are not that person.
        """
        self._now = {old: new for new, old in merged}
        self._first: dict[int, int] = {}  # person -> the representative of those who are one
        for a, b in same:
            a, b = self.first(self.now(a)), self.first(self.now(b))
            self._first[max(a, b)] = min(a, b)
        self._different = {frozenset(map(self.now, pair)) for pair in different}
        self._denied = {self.now(who): np.stack(list(each)) for who, each in denied.items()}
        # How many people a search must return beyond k, so that k are left.
        self.search = sum(who != first for who, first in self._first.items()) + len(self._denied)

    def now(self, person: int) -> int:
        """Return the present id of a person who may have been merged into another one."""
        while person in self._now and self._now[person] != person:
            person = self._now[person]
        return person

    @property
    def denied(self) -> Mapping[int, Floats]:
        """The (N, D) vectors of faces that are not a person, by person."""
        return self._denied

    def mentions(self, person: int | None) -> bool:
        """Return whether something is stated about a person."""
        there = {who for pair in self._different for who in pair} | set(self._first)
        return person in there | set(self._first.values()) | set(self._denied)

    def first(self, person: int) -> int:
        """Return the representative of all who are one with a person."""
        while self._first.get(person, person) != person:
            person = self._first[person]
        return person

    def settled(self, one: int, two: int) -> bool:
        """Return whether it is stated that two people are one, or that they are not."""
        return frozenset((one, two)) in self._different or self.first(one) == self.first(two)

    def applied(
        self, vector: Floats, hits: Sequence[Candidate], ids: Mapping[str, int]
    ) -> list[Candidate]:
        """Return the candidates that are left: one of people who are one, nobody who is denied.

        A face that is more similar to a denied face of a person than to that person is not found.

        Args:
            vector: (D,) the query.
            hits: best first.
            ids: name -> id, of those about whom something is stated.
        """
        left: dict[int | str, Candidate] = {}
        for hit in hits:
            person = ids.get(hit.person)
            if person is None:
                left[hit.person] = hit
                continue
            denied = self._denied.get(person)
            if denied is None or float((denied @ vector).max()) <= hit.similarity:
                left.setdefault(self.first(person), hit)
        return list(left.values())

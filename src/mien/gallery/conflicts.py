"""Conflicts between people: two names of one face, and names that appear equal."""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery.records import Gallery
from mien.types import Candidate, Doubles, Floats

if TYPE_CHECKING:  # galleries are also opened without a decision
    from mien.decision import Calibration

Measure = Callable[[Floats, Floats], Doubles]  # rows (N, D) and rows (N, D) -> (N,) numbers

# Characters without a glyph that are not of the Unicode category Cf. Source: Unicode Character
# Database, Default_Ignorable_Code_Point.
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]")
NEAREST = 3  # people that are compared: some may be known to be others
SHOWN = 5  # conflicts in a message


def cosines(first: Floats, second: Floats) -> Doubles:
    """Return the cosines of pairs of rows of unit length."""
    found: Doubles = np.einsum("nd,nd->n", first, second, dtype=np.float64)
    return found.clip(-1, 1)  # the lengths of float32 vectors deviate from 1


@dataclass(frozen=True, slots=True)
class Limit:
    """How similar two faces may be that are not one person."""

    value: float
    measure: Measure = cosines  # what the value is of; `Calibration.pair_scores`

    def exceeded(self, first: Floats, second: Floats) -> list[float | None]:
        """Return the measure of each pair of (N, D) rows above the limit; None for the others."""
        found = self.measure(first, second).tolist() if len(first) else []
        return [value if value > self.value else None for value in found]


def strictest_limit(calibration: "Calibration") -> Limit:
    """Return the limit at the rarest false match rate that the data of a calibration show."""
    return Limit(-math.log10(calibration.strictest.fmr), calibration.pair_scores)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A new person who seems to be another person."""

    person: str
    other: str
    score: float | None = None  # of the faces; None: the names appear equal
    limit: float | None = None  # score above which two names are a conflict
    template: Candidate | None = None  # the other person's most similar template

    @property
    def detail(self) -> str:
        """Return what is similar, as a sentence."""
        if self.score is None:
            return (
                f"The name {self.person!r} differs from {self.other!r} only in capitals, width, "
                "spaces or invisible characters."
            )
        return (
            f"The face of '{self.person}' is similar to '{self.other}' (score {self.score:.2f}, "
            f"above {self.limit:.2f})."
        )


class ConflictError(GalleryError):
    """People of an import conflict with each other or with people of the gallery."""

    def __init__(self, conflicts: Sequence[Conflict], source: str, where: str) -> None:
        self.conflicts = tuple(conflicts)
        more = len(conflicts) - SHOWN
        super().__init__(
            f"conflict: {source} was not imported into gallery {where}. "
            + " ".join(each.detail for each in conflicts[:SHOWN])
            + (f" And {more} more." if more > 0 else "")
            + " Rename or merge them (mien gallery rename, merge); if all are correct: "
            "--allow-conflicts."
        )


class Conflicts:
    """Compares new people with those of a gallery, for all ways of adding people."""

    def __init__(self, gallery: Gallery, limit: Callable[[], Limit]) -> None:
        """Prepare the comparison.

        Args:
            gallery: the known people.
            limit: returns how similar faces of two names may be; called only if faces of two names
                are compared.
        """
        self._gallery, self._limit = gallery.whole("compare"), limit
        self._settled = gallery.settled
        self._names: dict[str, set[str]] | None = None  # key -> names of people with templates

    def of_name(self, person: str) -> Conflict | None:
        """Return the conflict of the name of a person without templates."""
        if self._names is None:
            try:
                if self._gallery.templates(person):
                    return None
            except UnknownPersonError:
                pass
            self._names = {}
            for known in self._gallery.people():
                if known.templates:
                    self.add(known.name)
        same = self._names.get(name_key(person), set())
        if person in same or not same or self._settled(person, min(same)):
            return None
        return Conflict(person, min(same))

    def add(self, person: str) -> None:
        """Count a person as known from now on."""
        if self._names is not None:
            self._names.setdefault(name_key(person), set()).add(person)

    def of_faces(self, people: Sequence[str], vectors: Floats) -> list[Conflict | None]:
        """Return the conflict of each of (N, D) vectors with the most similar known person."""
        found: list[Conflict | None] = []
        hits = self._gallery.search(vectors, NEAREST)
        for person, vector, near in zip(people, vectors, hits, strict=True):
            other = next(
                (h for h in near if h.person == person or not self._settled(person, h.person)), None
            )
            if other is None or other.person == person or other.vector is None:
                found.append(None)
                continue
            limit = self._limit()
            [score] = limit.exceeded(vector[None], other.vector[None])
            found.append(
                None if score is None else Conflict(person, other.person, score, limit.value, other)
            )
        return found

    def of_all(self, people: Sequence[str], vectors: Sequence[Floats]) -> list[Conflict]:
        """Return the conflicts of people who are added together, one per pair of names."""
        found: dict[tuple[str, str], Conflict] = {}
        for person in dict.fromkeys(people):
            conflict = self.of_name(person)
            self.add(person)
            if conflict:
                found[person, conflict.other] = conflict
        faces = self.of_faces(people, np.stack(vectors)) if vectors else []
        for conflict in filter(None, faces):
            pair = conflict.person, conflict.other
            held = found.get(pair)
            if held is None or (held.score or np.inf) < (conflict.score or 0.0):
                found[pair] = conflict
        return list(found.values())


def name_key(name: str) -> str:
    """Return a text that is equal for names that appear equal."""
    wide = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(c for c in wide if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", INVISIBLE.sub("", seen)).split())

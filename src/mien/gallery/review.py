"""What people decide about a gallery: templates that wait for a decision, and facts about people.

A template in quarantine is a fact, not a row of the templates, so no search of any engine can find
it. Facts are sealed and erased with the person whom they are about.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery.checks import check_template, check_vectors, clean_name, quality_text, utc
from mien.gallery.guard import Guard
from mien.gallery.records import Fact, Receipt, Refusal, Seen, Template
from mien.gallery.relations import Relations
from mien.types import Candidate, Floats

HELD, LEARNED = "quarantine", "learned"  # kinds of facts
SAME, DIFFERENT, DENIED, MERGED = "same", "different", "denied", "merged"  # likewise
REJECTED = "rejected"  # reason code of a refused image


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a template waits for a decision, and what it was compared with."""

    code: str  # "conflict", "outlier", "duplicate-template", "pose", "quality", "learned"
    detail: str  # one sentence
    person: str | None = None  # of the template that it was compared with
    template: int | None = None  # number of that template
    source: str | None = None  # image of that template
    similarity: float | None = None  # cosine to that template
    score: float | None = None  # -log10 of the share of strangers who are as similar


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A template in quarantine."""

    id: int
    template: Template
    doubts: tuple[Doubt, ...]
    group: str | None = None  # templates that were learned together


@dataclass(frozen=True, slots=True)
class Statement:
    """A stored fact about people."""

    id: int
    kind: str  # "same", "different": two people; "denied": a face that is not this person
    person: str
    other: str | None = None
    source: str | None = None  # image of a denied face


class Review(Guard):
    """The part of a guarded gallery in which people decide."""

    _relations: tuple[int, Relations, dict[str, int]] | None = None

    # ------------------------------------------------------------------ quarantine

    def quarantine(
        self, template: Template, doubts: Iterable[Doubt], *, group: str | None = None
    ) -> int:
        """Keep a template for a decision; no search finds it.

        Args:
            template: of a person who has a legal basis, if the gallery is governed.
            doubts: why.
            group: name of what was learned together, which can be rolled back together.

        Returns:
            Its number in the quarantine.
        """
        template = check_template(template, self.embedder, self.where)
        check_vectors(template.vector[None], None, self.where)
        person = clean_name(template.person)
        template = replace(template, vector=self.engine.shield(template.vector))
        text = packed(template, tuple(doubts), None if group is None else clean_name(group))
        with self._changing("quarantine", [person], grounds=[person]):
            return self.engine.put(HELD, text, person)

    def quarantined(self, person: str | None = None, group: str | None = None) -> list[Held]:
        """Return the templates in quarantine, of one person or of one group, or all."""
        self._record("list")
        names = self.engine.names()
        number = None if person is None else self._known(person)
        held = [self._read(fact, names) for fact in self.engine.facts(HELD, person=number)]
        return [one for one in held if group in (None, one.group)]

    def accept(self, *numbers: int) -> list[int]:
        """Enrol templates from the quarantine; return their numbers in the gallery."""
        held = self._chosen(numbers)
        people = [one.template.person for one in held]
        counts = {"templates": len(held)}
        with self._changing("accept", people, counts=counts, grounds=people), self._erasing():
            added = self.engine.add([one.template for one in held])
            for group in dict.fromkeys(one.group for one in held if one.group):
                for number, one in zip(added, held, strict=True):
                    if one.group == group:
                        text = json.dumps({"group": group, "template": number})
                        self.engine.put(LEARNED, text, one.template.person)
            self.engine.discard(numbers)
        self.engine.scrub()
        return added

    def reject(self, *numbers: int) -> Receipt:
        """Erase templates from the quarantine; their images are not processed again."""
        held = self._chosen(numbers)
        people = [one.template.person for one in held]
        notes = [
            Refusal(one.template.person, one.template.source_digest, REJECTED, one.template.source)
            for one in held
            if one.template.source_digest
        ]
        counts = {"templates": len(held)}
        with self._changing("reject", people, counts=counts), self._erasing():
            self.engine.discard(numbers)
            self.engine.add((), notes)
        return self.engine.scrub()

    def roll_back(self, group: str) -> Receipt:
        """Erase all templates that were learned together, accepted ones too.

        Raises:
            GalleryError: there are none.
        """
        group = clean_name(group)
        held = self.quarantined(group=group)
        facts = [fact for fact in self.engine.facts(LEARNED) if read(fact)["group"] == group]
        if not held and not facts:
            raise GalleryError(
                f"Gallery {self.where} has learned nothing as {group!r}; the groups are listed by: "
                "mien gallery quarantine list"
            )
        there = {template.id for template in self.engine} if facts else set()
        templates = sorted({read(fact)["template"] for fact in facts} & there)
        if templates:  # first: if this is interrupted, the same call continues
            with self._changing("roll-back", templates=templates):
                self.engine.remove(*templates)
        people, counts = [one.template.person for one in held], {"quarantined": len(held)}
        with self._changing("roll-back", people, counts=counts), self._erasing():
            self.engine.discard([one.id for one in held] + [fact.id for fact in facts])
        receipt = self.engine.scrub()
        return replace(receipt, templates=len(held) + len(templates))

    def held(self, person: str, digest: str) -> Seen | None:
        """Return the result for an image that is in quarantine; None if it is not."""
        number = self.engine.number(person)
        if number is None:
            return None
        for fact in self.engine.facts(HELD, person=number):
            row = read(fact)
            if row["digest"] == digest:
                when = datetime.fromisoformat(row["added"])
                return Seen("quarantined", row["doubts"][0]["code"], None, when)
        return None

    def _chosen(self, numbers: Sequence[int]) -> list[Held]:
        """Return templates in quarantine by their numbers."""
        names = self.engine.names()
        there = {fact.id: fact for fact in self.engine.facts(HELD)}
        for number in numbers:
            if number not in there:
                raise GalleryError(
                    f"Gallery {self.where} has no template {number} in quarantine; list them with: "
                    "mien gallery quarantine list"
                )
        return [self._read(there[number], names) for number in dict.fromkeys(numbers)]

    def _read(self, fact: Fact, names: dict[int, str]) -> Held:
        """Return a template in quarantine from its stored text."""
        row = read(fact)
        template = Template(
            names[fact.person or 0],
            self.engine.unshield(decoded(row["vector"])),
            self.embedder,
            source=row["source"],
            source_digest=row["digest"],
            quality=row["quality"] and json.loads(row["quality"]),
            box=None if row["box"] is None else np.array(row["box"], np.float32),
            added=datetime.fromisoformat(row["added"]),
        )
        return Held(fact.id, template, tuple(Doubt(**d) for d in row["doubts"]), row["group"])

    # ------------------------------------------------------------------ facts

    def relate(self, person: str, other: str, *, same: bool) -> int:
        """Store that two people are one, or that they are not; the later statement counts.

        If they are one, a search returns the better of both. In both cases they are no conflict and
        no duplicate. Nothing is moved; for that: `merge`.
        """
        first, second = sorted([(self._known(person), person), (self._known(other), other)])
        if first[0] == second[0]:
            raise GalleryError(f"{person!r} is one person already; give two people.")
        old = [
            fact.id
            for kind in (SAME, DIFFERENT)
            for fact in self.engine.facts(kind, person=first[0])
            if read(fact)["other"] == second[0]
        ]
        kind, text = SAME if same else DIFFERENT, json.dumps({"other": second[0]})
        with self._changing(f"state-{kind}", [person, other]), self._erasing():
            self.engine.discard(old)
            return self.engine.put(kind, text, first[1])

    def deny(self, person: str, vector: Floats, source: str | None = None) -> int:
        """Store that a face is not this person; a face that is more similar to it is not found.

        Args:
            person: who was returned wrongly.
            vector: (D,) embedding of the face. It is a template of somebody without a legal basis,
                so a governed gallery refuses it.
            source: its image.
        """
        if self.settings.governed:
            raise GalleryError(
                f"Gallery {self.where} is governed: it does not keep the face of somebody without "
                "a legal basis. Raise the threshold, or improve the templates of the person."
            )
        template = Template(person, vector, self.embedder, source)
        check_template(template, self.embedder, self.where)
        check_vectors(vector[None], None, self.where)
        self._known(person)
        text = json.dumps({"vector": encoded(self.engine.shield(vector)), "source": source})
        with self._changing("state-denied", [person]):
            return self.engine.put(DENIED, text, clean_name(person))

    def statements(self) -> list[Statement]:
        """Return all facts about people."""
        self._record("list")
        names, found = self.engine.names(), []
        for kind in (SAME, DIFFERENT, DENIED):
            for fact in self.engine.facts(kind):
                row, person = read(fact), names[fact.person or 0]
                other = names.get(self.relations().now(row["other"])) if "other" in row else None
                if kind == DENIED or other not in (None, person):  # erased or merged meanwhile
                    found.append(Statement(fact.id, kind, person, other, row.get("source")))
        return sorted(found, key=lambda one: one.id)

    def retract(self, *numbers: int) -> Receipt:
        """Erase facts about people by their numbers."""
        known = {one.id for one in self.statements()}
        for number in numbers:
            if number not in known:
                raise GalleryError(
                    f"Gallery {self.where} has no fact {number}; list them with: "
                    "mien gallery facts list"
                )
        with self._changing("retract", counts={"facts": len(numbers)}), self._erasing():
            self.engine.discard(numbers)
        return self.engine.scrub()

    def relations(self) -> Relations:
        """Return what is stated about people, for searches and comparisons."""
        stamp = self.engine.stamp()
        if self._relations is None or self._relations[0] != stamp:
            facts = {kind: self.engine.facts(kind) for kind in (SAME, DIFFERENT, DENIED, MERGED)}
            pairs = {
                kind: [(fact.person or 0, int(read(fact)["other"])) for fact in facts[kind]]
                for kind in (SAME, DIFFERENT, MERGED)
            }
            denied: dict[int, list[Floats]] = {}
            for fact in facts[DENIED]:
                vector = self.engine.unshield(decoded(read(fact)["vector"]))
                denied.setdefault(fact.person or 0, []).append(vector)
            known = Relations(pairs[SAME], pairs[DIFFERENT], pairs[MERGED], denied)
            names = self.engine.names() if known.search else {}
            ids = {name: number for number, name in names.items() if known.mentions(number)}
            self._relations = stamp, known, ids
        return self._relations[1]

    def settled(self, person: str, other: str) -> bool:
        """Return whether it is stated that two people are one, or are not."""
        one, two = self.engine.number(person), self.engine.number(other)
        return one is not None and two is not None and self.relations().settled(one, two)

    def _sorted_out(
        self, vectors: Floats, k: int, without: Iterable[int] = ()
    ) -> list[list[Candidate]]:
        """Search, and apply what is stated about people."""
        known, hidden = self.relations(), frozenset(without)
        if not known.search:
            return self.engine.search(vectors, k, without=hidden)
        assert self._relations is not None
        ids = self._relations[2]
        found = self.engine.search(vectors, k + known.search, without=hidden)
        return [
            known.applied(vector, hits, ids)[:k]
            for vector, hits in zip(vectors, found, strict=True)
        ]

    def _known(self, person: str) -> int:
        """Return the id of a person."""
        number = self.engine.number(person)
        if number is None:
            raise UnknownPersonError(clean_name(person), self.where)
        return number

    def _erasing(self) -> AbstractContextManager[int]:
        """Let all changes of the block be one transaction that erases."""
        return self.engine.together(erases=True)


def packed(template: Template, doubts: tuple[Doubt, ...], group: str | None) -> str:
    """Return the text of a template in quarantine."""
    return json.dumps(
        {
            "vector": encoded(template.vector),
            "source": template.source,
            "digest": template.source_digest,
            "quality": quality_text(template.quality),
            "box": None if template.box is None else template.box.tolist(),
            "added": utc(template.added),
            "doubts": [asdict(doubt) for doubt in doubts],
            "group": group,
        }
    )


def read(fact: Fact) -> dict[str, Any]:
    """Return the content of a fact.

    Raises:
        GalleryError: it is damaged.
    """
    try:
        row: dict[str, Any] = json.loads(fact.text)
    except ValueError as error:
        raise GalleryError(f"Fact {fact.id} is damaged; restore a backup.") from error
    return row


def encoded(vector: Floats) -> str:
    """Return a vector as text."""
    return b64encode(vector.astype("<f4").tobytes()).decode()


def decoded(text: str) -> Floats:
    """Return a vector from its text."""
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32)

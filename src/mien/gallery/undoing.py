"""Changes of people that can be taken back for 30 days, and what a list shows of a person.

A step is a fact about the person who remains: it is sealed with that person, erased with that
person, and erased after 30 days. It has what the change would lose: the name before, the templates
that the other person had, and templates of an image that both had. Erasures leave no step.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mien.errors import GalleryError
from mien.gallery.checks import clean_name, utc
from mien.gallery.grounds import BASIS, WITHDRAWAL
from mien.gallery.records import Fact, Receipt, Refusal, Stored
from mien.gallery.review import (
    DENIED,
    DIFFERENT,
    HELD,
    LEARNED,
    MERGED,
    SAME,
    Review,
    packed,
    read,
)

STEP, HIDDEN, PORTRAIT = "step", "hidden", "portrait"  # kinds of facts
# Kinds of facts about a person, which move with that person.
ABOUT = (BASIS, WITHDRAWAL, HELD, LEARNED, SAME, DIFFERENT, DENIED, MERGED, HIDDEN, PORTRAIT, STEP)
KEPT = timedelta(days=30)  # how long a step can be undone


@dataclass(frozen=True, slots=True)
class Step:
    """A change that can be taken back."""

    id: int
    act: str  # "merge", "rename", "split", "hide", "show", "portrait"
    person: str  # who has what was changed
    before: str | None  # name that was merged or renamed; person that templates were split from
    former: int | None  # id of that person, of a merge or a split
    templates: tuple[int, ...]  # numbers of the templates that moved
    at: datetime  # UTC
    until: datetime  # UTC; then it is erased, and the change is final


class Undoing(Review):
    """The part of a guarded gallery whose changes can be undone."""

    # ------------------------------------------------------------------ changes

    def merge(self, source: str, into: str, *, undoable: bool = False) -> Receipt:
        """Move the data of one person to another; see `mien.gallery.Gallery`.

        Args:
            source: name of the person who is merged.
            into: name of the person who remains.
            undoable: keep the name `source`, and what is needed to undo this, for 30 days.
        """
        gone = self.engine.number(source)
        step = self._merge_step(source, into) if undoable and gone is not None else None
        with self._changing("merge", [source, into], grounds=[into]) as after:
            if self.relations().mentions(gone):
                after.append((MERGED, json.dumps({"other": gone}), clean_name(into)))
            if step is not None:
                after.append((STEP, step, clean_name(into)))
            return self.engine.merge(source, into)

    def rename(self, old: str, new: str, *, undoable: bool = False) -> Receipt:
        """Rename a person; see `mien.gallery.Gallery`.

        Args:
            old: the present name.
            new: the new name.
            undoable: keep the old name for 30 days.
        """
        with self._changing("rename", [old]) as after:
            if undoable:
                step = self._step("rename", before=clean_name(old))
                after.append((STEP, step, clean_name(new)))
            return self.engine.rename(old, new)

    def split(self, person: str, templates: Sequence[int], into: str) -> Receipt:
        """Move some templates of a person to another one; it can be undone for 30 days.

        Args:
            person: who has the templates.
            templates: their numbers.
            into: name of the other person, who is created if unknown.

        Raises:
            GalleryError: a template is not of this person, or all of them are given.
        """
        number, into = self._known(person), clean_name(into)
        own = self.engine.templates(person)
        if not templates or not set(templates) < {one.id for one in own}:
            raise GalleryError(
                f"{person!r} cannot be split: expected some of the {len(own)} templates of this "
                "person, and not all of them; to give all of them another name, rename the person."
            )
        other = {one.source_digest for one in self._templates_of(into)} - {None}
        step = self._step(
            "split",
            before=clean_name(person),
            number=number,
            templates=list(templates),
            dropped=[
                self._text_of(one)
                for one in own
                if one.id in templates and one.source_digest in other
            ],
        )
        how: Any = {"templates": templates, "grounds": [into]}
        with self._changing("split", [person, into], **how) as after:
            after.append((STEP, step, into))
            return self.engine.move(*templates, into=into)

    def hide(self, person: str, *, hidden: bool = True) -> None:
        """Leave a person out of lists, or show that person again; searches find hidden people.

        This can be undone for 30 days.
        """
        number, name = self._known(person), clean_name(person)
        if (number in self.hidden()) == hidden:
            return
        marks = [fact.id for fact in self.engine.facts(HIDDEN, person=number)]
        act = "hide" if hidden else "show"
        with self._changing(act, [person]), self._erasing():
            if hidden:
                self.engine.put(HIDDEN, mark(number), name)
            self.engine.put(STEP, self._step(act), name)
            self.engine.discard(marks)

    def choose_portrait(self, person: str, template: int) -> None:
        """Choose the template whose picture stands for a person; it can be undone for 30 days.

        Raises:
            GalleryError: the template is not of this person.
        """
        number, name = self._known(person), clean_name(person)
        if template not in {one.id for one in self.engine.templates(person)}:
            raise GalleryError(
                f"Gallery {self.where} has no template {template} of {person!r}; list them with: "
                f"mien gallery show {name!r}"
            )
        old = self.engine.facts(PORTRAIT, person=number)
        step = self._step("portrait", number=self.portraits().get(number))
        with self._changing("portrait", [person], templates=[template]), self._erasing():
            self.engine.put(PORTRAIT, mark(number, template), name)
            self.engine.put(STEP, step, name)
            self.engine.discard([fact.id for fact in old])

    # ------------------------------------------------------------------ questions

    def hidden(self) -> set[int]:
        """Return the ids of the people who are left out of lists."""
        return set(self._marks(HIDDEN))

    def portraits(self) -> dict[int, int]:
        """Return the chosen template of each person who has one: id -> number."""
        return {number: int(row["template"]) for number, row in self._marks(PORTRAIT).items()}

    def _marks(self, kind: str) -> dict[int, dict[str, Any]]:
        """Return the marks of people by id; those of people who were merged do not count."""
        rows = [(fact.person or 0, read(fact)) for fact in self.engine.facts(kind)]
        return {number: row for number, row in rows if number == row["person"]}

    def steps(self) -> list[Step]:
        """Return the changes that can be undone, newest first; older ones are erased."""
        self._record("list")
        if not self.read_only:
            self.expire()
        names = self.engine.names()
        found = [self._read_step(fact, names) for fact in self.engine.facts(STEP)]
        return [step for step in reversed(found) if step.until > self.journal.now()]

    def expire(self, *, everything: bool = False) -> int:
        """Erase steps of more than 30 days ago, or all of them; return their number."""
        now = self.journal.now()
        facts = self.engine.facts(STEP)
        old = [f.id for f in facts if everything or moment_of(read(f)) + KEPT <= now]
        if old:
            with self._changing("expire", counts={"steps": len(old)}), self._erasing():
                self.engine.discard(old)
            self.engine.scrub()
        return len(old)

    # ------------------------------------------------------------------ undoing

    def undo(self, step: int) -> str:
        """Take back a change of the last 30 days.

        Returns:
            The name of the person who is now as before the change.

        Raises:
            GalleryError: there is no such step, or a later change stands in its way.
        """
        fact = next((one for one in self.engine.facts(STEP) if one.id == step), None)
        if fact is None or moment_of(read(fact)) + KEPT <= self.journal.now():
            raise GalleryError(
                f"Gallery {self.where} has no step {step} that can be undone; a change can be "
                "undone for 30 days, and an erasure not at all."
            )
        row, name = read(fact), self.engine.names()[fact.person or 0]
        if row["act"] in ("merge", "split"):
            return self._move_back(fact, row, name)
        if row["act"] == "rename":
            with self._changing("undo", [name]), self._also(discard=[step]):
                self.engine.rename(name, row["before"])
            return str(row["before"])
        kind, number = PORTRAIT if row["act"] == "portrait" else HIDDEN, fact.person or 0
        marks = [one.id for one in self.engine.facts(kind, person=number)]
        with self._changing("undo", [name]), self._erasing():
            if row["act"] == "show":
                self.engine.put(HIDDEN, mark(number), name)
            elif row["act"] == "portrait" and row["number"] is not None:
                self.engine.put(PORTRAIT, mark(number, row["number"]), name)
            self.engine.discard([*marks, step])
        return name

    def _move_back(self, fact: Fact, row: Mapping[str, Any], name: str) -> str:
        """Give templates, facts and refusals back to the person they were of.

        Refusals stay with the other person, too.
        """
        former = self.engine.names().get(row["number"] or 0)
        target = former or row["before"]
        if former is None and self.engine.number(target) is not None:
            raise GalleryError(
                f"Gallery {self.where} has another person named {target!r} now; rename that one "
                "first."
            )
        there = {one.id for one in self.engine.templates(name)}
        templates = [number for number in row["templates"] if number in there]
        own = {one.id for kind in ABOUT for one in self.engine.facts(kind, person=fact.person)}
        facts = [number for number in row["facts"] if number in own]
        merged = [
            one.id
            for one in self.engine.facts(MERGED, person=fact.person)
            if row["act"] == "merge" and read(one)["other"] == row["number"]
        ]
        again = {"templates": row["dropped"], "refusals": row["refusals"]}
        if not (templates or facts or any(again.values())):
            raise GalleryError(f"Nothing of {target!r} is left in gallery {self.where}.")
        more = [(MERGED, json.dumps({"other": row["number"]}))] if merged else []
        how: Any = {"templates": templates}
        with (
            self._changing("undo", [name, target], **how),
            self._also(discard=[fact.id, *merged], again=again, put=more, person=target),
        ):
            if templates or facts:
                self.engine.move(*templates, into=target, facts=facts)
            else:  # only templates of images that both had, or refusals
                with self._erasing():
                    pass
        self.engine.scrub()
        return str(target)

    @contextmanager
    def _also(
        self,
        *,
        discard: Sequence[int],
        again: Mapping[str, Sequence[Any]] | None = None,
        put: Iterable[tuple[str, str]] = (),
        person: str = "",
    ) -> Iterator[None]:
        """Let the next change also discard facts, and enrol what an earlier change dropped."""
        row = again or {"templates": (), "refusals": ()}

        @contextmanager
        def rest() -> Iterator[None]:
            yield
            held = [self._read(Fact(0, 0, text), {0: person}) for text in row["templates"]]
            notes = [Refusal(person, *values) for values in row["refusals"]]
            if held or notes:
                self.engine.add([one.template for one in held], notes)
            for kind, text in put:
                self.engine.put(kind, text, person)
            self.engine.discard(discard)

        with self.engine.inside(rest()):
            yield

    # ------------------------------------------------------------------ steps

    def _merge_step(self, source: str, into: str) -> str:
        """Return the text of a step: all that a merge would lose."""
        number = self._known(source)
        own, digests = self.engine.templates(source), self._digests(into)
        refused = [one for one in self.engine.refusals() if one.person == clean_name(source)]
        dropped = [one for one in own if one.source_digest in digests]
        gone = {one.id for one in dropped}
        return self._step(
            "merge",
            before=clean_name(source),
            number=number,
            templates=[one.id for one in own if one.id not in gone],
            dropped=[self._text_of(one) for one in dropped],
            facts=[one.id for kind in ABOUT for one in self.engine.facts(kind, person=number)],
            refusals=[[one.source_digest, one.reason, one.source] for one in refused],
        )

    def _digests(self, person: str) -> set[str]:
        """Return the digests of the images of a person, who may be unknown."""
        return {one.source_digest for one in self._templates_of(person) if one.source_digest}

    def _templates_of(self, person: str) -> list[Stored]:
        return [] if self.engine.number(person) is None else self.engine.templates(person)

    def _text_of(self, one: Stored) -> str:
        """Return a template as text, for a step."""
        kept = {name: getattr(one, name) for name in Stored.__dataclass_fields__ if name != "id"}
        vector = self.engine.shield(one.vector)
        return packed(Stored(**{**kept, "vector": vector}, id=one.id), (), None)

    def _step(self, act: str, **more: Any) -> str:
        """Return the text of a step of now."""
        empty: dict[str, Any] = {"before": None, "number": None}
        lists: dict[str, Any] = {name: [] for name in ("templates", "dropped", "facts", "refusals")}
        return json.dumps({"act": act, "at": utc(self.journal.now()), **empty, **lists, **more})

    def _read_step(self, fact: Fact, names: Mapping[int, str]) -> Step:
        row = read(fact)
        at, person = moment_of(row), names[fact.person or 0]
        former = row["number"] if row["act"] in ("merge", "split") else None
        known = (fact.id, row["act"], person, row["before"], former, tuple(row["templates"]))
        return Step(*known, at, at + KEPT)


def moment_of(row: Mapping[str, Any]) -> datetime:
    """Return when a step was made."""
    return datetime.fromisoformat(row["at"])


def mark(person: int, template: int | None = None) -> str:
    """Return the text of a mark: whose it is, so that it does not count after a merge."""
    return json.dumps({"person": person, "template": template})

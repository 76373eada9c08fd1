"""What stands on top of a report: counts, people, models, times, thresholds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from mien.report.entries import Entry
from mien.types import Basis


@dataclass(slots=True)
class Person:
    """One person who was found."""

    name: str
    match: int = 0  # faces
    review: int = 0  # faces
    best: float = -1.0  # highest similarity, cosine
    pictures: list[int] = field(default_factory=list)  # numbers of the pictures, from 1


@dataclass(frozen=True, slots=True)
class Step:
    """How long one step took."""

    name: str
    each: float  # seconds, median over the pictures in which it ran
    whole: float  # seconds in all


@dataclass(frozen=True, slots=True)
class Model:
    """What did one step."""

    step: str
    card: str  # name, and digest of the weights
    runs_on: str  # provider and threads


@dataclass(frozen=True, slots=True)
class Summary:
    """All pictures of a report, counted."""

    pictures: int
    outcomes: Counter[str]  # of faces; and "none" and "error" of pictures
    people: list[Person]  # most often seen first
    steps: list[Step]
    models: list[Model]
    bases: list[Basis]  # every threshold that was used
    priors: list[float]  # assumed before looking
    passed: int  # pictures that were answered as expected
    expected: int  # pictures of which the answer is known

    @property
    def faces(self) -> int:
        """All faces that were found."""
        return sum(self.outcomes[key] for key in ("match", "review", "unknown", "found"))


def summarise(entries: Sequence[Entry]) -> Summary:
    """Count everything once."""
    outcomes: Counter[str] = Counter()
    for one in entries:
        outcomes.update([shown.outcome for shown in one.faces] or one.outcomes)
    decisions = [s.face.decision for one in entries for s in one.faces if s.face.decision]
    known = [one.passed for one in entries if one.passed is not None]
    return Summary(
        len(entries),
        outcomes,
        _people(entries),
        _steps(entries),
        _models(entries),
        list(dict.fromkeys(d.basis for d in decisions if d.basis)),
        sorted({d.prior for d in decisions}),
        sum(known),
        len(known),
    )


def _people(entries: Sequence[Entry]) -> list[Person]:
    people: dict[str, Person] = {}
    for number, one in enumerate(entries, 1):
        for shown in one.faces:
            decision = shown.face.decision
            if decision is None or decision.person is None:
                continue
            person = people.setdefault(decision.person, Person(decision.person))
            person.match += decision.outcome == "match"
            person.review += decision.outcome == "review"
            person.best = max(person.best, decision.similarity or -1.0)
            if person.pictures[-1:] != [number]:
                person.pictures.append(number)
    return sorted(people.values(), key=lambda p: (-len(p.pictures), p.name))


def _steps(entries: Sequence[Entry]) -> list[Step]:
    times: dict[str, list[float]] = {}
    for one in entries:
        for name, seconds in (one.answer.seconds if one.answer else {}).items():
            times.setdefault(name, []).append(seconds)
    return [Step(name, median(each), sum(each)) for name, each in times.items()]


def _models(entries: Sequence[Entry]) -> list[Model]:
    found: dict[tuple[str, str], None] = {}
    for one in entries:
        found.update(dict.fromkeys((one.answer.models if one.answer else {}).items()))
    split = [(step, *told.partition(" on ")) for step, told in found]
    return [Model(step, card, runs_on) for step, card, _, runs_on in split]

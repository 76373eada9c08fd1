"""Summary of a report: counts, people, steps, thresholds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from mien.report.entries import Entry
from mien.types import Basis


@dataclass(slots=True)
class Person:
    """One person in the results."""

    name: str
    match: int = 0  # faces
    review: int = 0  # faces
    best: float = 0.0  # highest score
    pictures: list[int] = field(default_factory=list)  # numbers of the images, from 1


@dataclass(frozen=True, slots=True)
class Step:
    """The model and the duration of one step."""

    name: str
    card: str  # name of the model and digest of its weights; "" for a step without a model
    runs_on: str  # provider and threads
    each: float  # seconds, median over the images in which it ran
    whole: float  # seconds in all


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of all images of a report."""

    pictures: int
    outcomes: Counter[str]  # of faces; and "none" and "error" of images
    people: list[Person]  # most frequent first
    steps: list[Step]
    bases: list[Basis]  # every threshold that was used
    priors: list[float]  # prior probabilities
    expected: int  # images with a known result
    off: list[int]  # numbers of the images with another result, from 1
    read: list[str]  # tasks of the heads that ran

    @property
    def faces(self) -> int:
        """Return the number of all faces."""
        return sum(self.outcomes[key] for key in ("match", "review", "unknown", "found"))


def summarise(entries: Sequence[Entry]) -> Summary:
    """Count the results of all images."""
    outcomes: Counter[str] = Counter()
    for one in entries:
        outcomes.update([shown.outcome for shown in one.faces] or one.outcomes)
    decisions = [s.face.decision for one in entries for s in one.faces if s.face.decision]
    return Summary(
        len(entries),
        outcomes,
        _people(entries),
        _steps(entries),
        list(dict.fromkeys(d.basis for d in decisions if d.basis)),
        sorted({d.prior for d in decisions}),
        sum(one.passed is not None for one in entries),
        [number for number, one in enumerate(entries, 1) if one.passed is False],
        list(dict.fromkeys(task for e in entries for s in e.faces for task, _ in s.readings)),
    )


def _people(entries: Sequence[Entry]) -> list[Person]:
    people: dict[str, Person] = {}
    for number, one in enumerate(entries, 1):
        for shown in one.faces:
            decision = shown.face.decision
            if decision is None or not shown.name:
                continue
            person = people.setdefault(shown.name, Person(shown.name))
            person.match += decision.outcome == "match"
            person.review += decision.outcome == "review"
            person.best = max(person.best, decision.score or 0.0)
            if person.pictures[-1:] != [number]:
                person.pictures.append(number)
    return sorted(people.values(), key=lambda p: (-len(p.pictures), p.name))


def _steps(entries: Sequence[Entry]) -> list[Step]:
    times: dict[str, list[float]] = {}
    models: dict[str, dict[str, None]] = {}  # step -> models, in the order of use
    for answer in (one.answer for one in entries if one.answer):
        for name, seconds in answer.seconds.items():
            times.setdefault(name, []).append(seconds)
        for name, model in answer.models.items():
            models.setdefault(name, {})[model] = None
    return [_step(name, list(models.get(name, {})), each) for name, each in times.items()]


def _step(name: str, used: list[str], times: list[float]) -> Step:
    split = [each.partition(" on ") for each in used]
    cards = ", ".join(dict.fromkeys(card for card, _, _ in split))
    runs_on = "; ".join(dict.fromkeys(place for _, _, place in split))
    return Step(name, cards, runs_on, median(times), sum(times))

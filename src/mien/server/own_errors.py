"""Error rates on the people of a gallery: each template is searched as if it were not enrolled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from mien.decision import Calibration
from mien.decision.decide import FPIR
from mien.gallery import GuardedGallery, Stored
from mien.metrics import wilson_share
from mien.server.access import Caller, Reviewer
from mien.server.galleries import Gallery
from mien.server.rows import one_in
from mien.types import Doubles, Floats

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["rates"])
MOST = 2000  # templates that are compared, evenly chosen by person
ROWS = 100  # templates that are compared with all others at once
By = Literal["year", "quality", "label"]
WORST = 20  # errors and near-errors that are shown
Owners = NDArray[np.int64]  # (N,) id of the person of each template
GOOD = 50.0  # quality from which no component is weak


class Share(BaseModel):
    """A share of searches, with its interval."""

    searches: int
    errors: int
    people: int = Field(description="whose templates were searched; the interval is by person")
    low: float | None = Field(description="95 % interval of the share; None: no search")
    high: float | None


class GroupShare(Share):
    """Searches that failed, of one group of templates."""

    kind: Literal["missed", "named"] = Field(description="known people; strangers")
    by: By = Field(description="of the enrolment; of the photo; given with the request")
    group: str


class Labelled(BaseModel):
    """A request for the error rates of groups of people. The labels are not kept."""

    rate: Annotated[float, Field(gt=0, lt=1, description="As for searches.")] = FPIR
    labels: dict[str, Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        description="group by the name of a person; people without one are in no group",
        max_length=100_000,
    )


class WorstCase(BaseModel):
    """A search that failed, or came closest to it; both templates may have pictures."""

    kind: Literal["missed", "stranger"] = Field(
        description="missed: a known person; stranger: another person is most similar"
    )
    error: bool
    person: int
    name: str
    template: int
    other_person: int
    other_name: str
    other_template: int
    one_in: int | None = Field(description="1 in so many pairs of strangers is as similar")


class OwnErrors(BaseModel):
    """Error rates on the people of this gallery, at one rate."""

    rate: float = Field(description="share of searches for a stranger that may return a name")
    templates: int = Field(description="that were compared")
    left_out: int = Field(description="templates beyond the 2,000 that are compared")
    missed: Share = Field(description="searches for known people without their name")
    named: Share = Field(description="searches for a person who is left out, with a name")
    groups: list[GroupShare]
    worst: list[WorstCase]


@dataclass(frozen=True, slots=True)
class Search:
    """One template, searched among all others."""

    row: int
    own: float | None  # best score of the same person; None: the person has no other template
    own_row: int
    other: float  # best score of another person
    other_row: int


@dataclass(frozen=True, slots=True)
class Searches:
    """All templates, each searched among the others, at one threshold."""

    found: list[Search]
    threshold: float

    @classmethod
    def of(
        cls, vectors: Sequence[Floats], owners: Owners, calibration: Calibration, rate: float
    ) -> "Searches":
        """Search the vectors of templates; `owners` are their people."""
        threshold = calibration.at_fpir(rate, max(len(set(owners.tolist())), 1)).score
        return cls(list(searches(vectors, owners, calibration)), threshold)

    @property
    def mated(self) -> list[Search]:
        """The searches for people who have another template."""
        return [one for one in self.found if one.own is not None]

    def missed(self, one: Search) -> bool:
        """Return whether a known person is not found."""
        return one.own is not None and (one.own <= self.threshold or one.other > one.own)

    def named(self, one: Search) -> bool:
        """Return whether a person who is left out gets a name."""
        return one.other > self.threshold


@router.get("/errors")
def own_errors(
    gallery: Gallery,
    caller: Reviewer,
    rate: Annotated[float, Query(gt=0, lt=1, description="As for searches.")] = FPIR,
) -> OwnErrors:
    """Measure the error rates of searches on the people of this gallery.

    Each template is searched in the gallery without it: a known person may be missed. Then it is
    searched without its person, as a stranger: somebody may be named. It is a comparison of what is
    enrolled, with photos as good as those of the enrolment, so searches may fail more often.
    """
    return _measured(caller, caller.gallery(gallery), rate, {})


@router.post("/errors")
def errors_by_label(gallery: Gallery, caller: Reviewer, asked: Labelled) -> OwnErrors:
    """Measure the same, also by group of people, such as by age or sex."""
    return _measured(caller, caller.gallery(gallery), asked.rate, asked.labels)


def _measured(
    caller: Caller, known: GuardedGallery, rate: float, labels: Mapping[str, str]
) -> OwnErrors:
    calibration = caller.state.pipelines.searching(known).calibrated()
    chosen, total = choose(known)
    people = {name: number for number, name in known.engine.names().items()}
    owners = np.array([people[one.person] for one in chosen], np.int64)
    tests = Searches.of([one.vector for one in chosen], owners, calibration, rate)
    scores = caller.may("scores")
    return OwnErrors(
        rate=rate,
        templates=len(chosen),
        left_out=total - len(chosen),
        missed=share(tests.mated, tests.missed, owners),
        named=share(tests.found, tests.named, owners),
        groups=groups(tests.mated, "missed", tests.missed, owners, chosen, labels)
        + groups(tests.found, "named", tests.named, owners, chosen, labels),
        worst=[
            WorstCase(
                kind=kind,
                error=error,
                person=people[chosen[one.row].person],
                name=chosen[one.row].person,
                template=chosen[one.row].id,
                other_person=people[chosen[other].person],
                other_name=chosen[other].person,
                other_template=chosen[other].id,
                one_in=one_in(score, calibration, None) if scores else None,
            )
            for kind, error, one, other, score in worst(tests)
        ],
    )


def choose(known: GuardedGallery) -> tuple[list[Stored], int]:
    """Return at most MOST templates, first one per person, then the second, and how many exist."""
    by_person: dict[str, list[Stored]] = {}
    total = 0
    for one in known.whole("compare"):
        total += 1
        rows = by_person.setdefault(one.person, [])
        if len(rows) < MOST:
            rows.append(one)
    longest = max(map(len, by_person.values()), default=0)
    order = (rows[i] for i in range(longest) for rows in by_person.values() if i < len(rows))
    chosen = [one for one, _ in zip(order, range(MOST), strict=False)]
    return sorted(chosen, key=lambda one: one.id), total


def searches(given: Sequence[Floats], owners: Owners, calibration: Calibration) -> Iterator[Search]:
    """Yield the best own and the best other template of each template."""
    if len(set(owners.tolist())) < 2:
        return
    vectors: Floats = np.stack(given)
    norms = calibration.norms(vectors)
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        scores = score_rows(calibration, part, vectors, norms[start : start + ROWS], norms)
        for place, row in enumerate(scores):
            number = start + place
            mine = owners == owners[number]
            others = np.where(mine, -np.inf, row)
            mine[number] = False
            own = np.where(mine, row, -np.inf)
            best, rival = int(own.argmax()), int(others.argmax())
            yield Search(
                number, float(own[best]) if mine.any() else None, best, float(others[rival]), rival
            )


def score_rows(
    calibration: Calibration, part: Floats, vectors: Floats, first: Doubles, second: Doubles
) -> Doubles:
    """Return the (N, M) scores of (N, D) and (M, D) vectors."""
    cosines = np.clip(part.astype(np.float64) @ vectors.T.astype(np.float64), -1, 1)
    return calibration.scores(cosines, first[:, None], second[None])


def share(found: Sequence[Search], fails: Callable[[Search], bool], owners: Owners) -> Share:
    """Count searches that fail; the interval takes each person as one trial."""
    people = len({int(owners[one.row]) for one in found})
    errors = sum(map(fails, found))
    counts = {"searches": len(found), "errors": errors, "people": people}
    if not found:
        return Share(**counts, low=None, high=None)
    low, high = wilson_share(errors / len(found), people)
    return Share(**counts, low=max(low, 0.0), high=min(high, 1.0))


def groups(
    found: Sequence[Search],
    kind: Literal["missed", "named"],
    fails: Callable[[Search], bool],
    owners: Owners,
    chosen: Sequence[Stored],
    labels: Mapping[str, str],
) -> list[GroupShare]:
    """Count failures by label of the person, year of enrolment and quality of the photo."""
    parts: dict[tuple[By, str], list[Search]] = {}
    for one in found:
        template = chosen[one.row]
        if template.person in labels:
            parts.setdefault(("label", labels[template.person]), []).append(one)
        if template.added is not None:
            parts.setdefault(("year", str(template.added.year)), []).append(one)
        if template.quality:
            good = min(template.quality.values()) >= GOOD
            parts.setdefault(("quality", "good" if good else "weak"), []).append(one)
    return [
        GroupShare(kind=kind, by=by, group=name, **share(rows, fails, owners).model_dump())
        for (by, name), rows in sorted(parts.items())
    ]


Case = tuple[Literal["missed", "stranger"], bool, Search, int, float]


def worst(tests: Searches) -> list[Case]:
    """Return the searches that were farthest on the wrong side of the threshold, worst first.

    Two templates that are each other's most similar one are shown once.
    """
    cases: list[tuple[float, Case]] = []
    found, threshold = tests.found, tests.threshold
    for one in found:
        twice = one.row > one.own_row and found[one.own_row].own_row == one.row
        if one.own is not None and not twice:
            own: Case = ("missed", tests.missed(one), one, one.own_row, one.own)
            cases.append((one.own - threshold, own))
        twice = one.row > one.other_row and found[one.other_row].other_row == one.row
        if not twice:
            case: Case = ("stranger", tests.named(one), one, one.other_row, one.other)
            cases.append((threshold - one.other, case))
    cases.sort(key=lambda each: (not each[1][1], each[0], each[1][2].row))
    return [case for _, case in cases[:WORST]]

"""Error rates of two embedders on the same templates of a gallery, and where they differ."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

from mien.decision import Calibration
from mien.gallery import GuardedGallery, Stored
from mien.gallery.renewal import ModelChange
from mien.photo.trial import second_calibration
from mien.server.access import Caller
from mien.server.own_errors import WORST, Owners, Searches, Share, choose, share
from mien.zoo import card_of_contract

Kind = Literal["missed", "stranger"]


class OneModel(BaseModel):
    """The error rates of one embedder."""

    model: str = Field(description="contract id")
    card: str | None
    calibration: str
    missed: Share = Field(description="searches for known people without their name")
    named: Share = Field(description="searches for a person who is left out, with a name")


class Changed(BaseModel):
    """Searches in which one embedder fails and the other does not."""

    kind: Kind = Field(description="missed: a known person; stranger: somebody who is left out")
    only_present: int = Field(description="the present embedder alone fails")
    only_other: int = Field(description="the other embedder alone fails")
    both: int


class ChangedCase(BaseModel):
    """One such search, with the template that the failing embedder takes for most similar."""

    kind: Kind
    fails: Literal["present", "other"]
    person: int
    name: str
    template: int
    other_person: int
    other_name: str
    other_template: int


class ModelErrors(BaseModel):
    """Error rates of both embedders on the same templates, at one rate."""

    rate: float
    templates: int = Field(description="that were compared")
    left_out: int = Field(description="beyond the 2,000, or without a vector of the other embedder")
    present: OneModel
    other: OneModel
    changed: list[Changed]
    cases: list[ChangedCase] = Field(description="up to 20 of each kind")


def compared_errors(
    caller: Caller, known: GuardedGallery, change: ModelChange, rate: float
) -> ModelErrors:
    """Search each template by both embedders.

    Raises:
        CalibrationError: one of them has no calibration for the detector of the server.
    """
    pipeline = caller.state.pipelines.searching(known)
    text, detector = known.second_calibration(), pipeline.detector.name
    new = second_calibration(text, change.other, detector, known.where)
    second = known.second_vectors()
    rows, total = choose(known)
    chosen = [one for one in rows if one.id in second]
    people = {name: number for number, name in known.engine.names().items()}
    owners = np.array([people[one.person] for one in chosen], np.int64)
    old = pipeline.calibrated()
    present = Searches.of([one.vector for one in chosen], owners, old, rate)
    other = Searches.of([second[one.id] for one in chosen], owners, new, rate)
    return ModelErrors(
        rate=rate,
        templates=len(chosen),
        left_out=total - len(chosen),
        present=_model(old, present, owners),
        other=_model(new, other, owners),
        changed=[_changed(kind, present, other) for kind in KINDS],
        cases=[one for kind in KINDS for one in _cases(kind, present, other, chosen, owners)],
    )


def _model(calibration: Calibration, tests: Searches, owners: Owners) -> OneModel:
    return OneModel(
        model=calibration.contract,
        card=card_of_contract(calibration.contract),
        calibration=calibration.name,
        missed=share(tests.mated, tests.missed, owners),
        named=share(tests.found, tests.named, owners),
    )


KINDS: tuple[Kind, ...] = ("missed", "stranger")


def _failures(kind: Kind, present: Searches, other: Searches) -> list[tuple[bool, bool]]:
    """Return whether each search fails by the present and by the other embedder."""
    return [
        (present.missed(a), other.missed(b))
        if kind == "missed"
        else (present.named(a), other.named(b))
        for a, b in zip(present.found, other.found, strict=True)
    ]


def _changed(kind: Kind, present: Searches, other: Searches) -> Changed:
    pairs = _failures(kind, present, other)
    return Changed(
        kind=kind,
        only_present=pairs.count((True, False)),
        only_other=pairs.count((False, True)),
        both=pairs.count((True, True)),
    )


def _cases(
    kind: Kind, present: Searches, other: Searches, chosen: list[Stored], owners: Owners
) -> list[ChangedCase]:
    cases = []
    for row, (old, new) in enumerate(_failures(kind, present, other)):
        if old == new:
            continue
        found = (present if old else other).found[row]
        one, rival = chosen[found.row], chosen[found.other_row]
        cases.append(
            ChangedCase(
                kind=kind,
                fails="present" if old else "other",
                person=int(owners[found.row]),
                name=one.person,
                template=one.id,
                other_person=int(owners[found.other_row]),
                other_name=rival.person,
                other_template=rival.id,
            )
        )
    return cases[:WORST]

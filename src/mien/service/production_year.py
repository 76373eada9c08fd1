"""Guess the year in which a still of a film was shot: year of birth plus apparent age."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from mien.metrics import Estimate
from mien.service.identification import Identified
from mien.types import Face, Reading

AGE_HEAD = "age-fahr"
TASK = "production-year"
OLDEST = 110  # years; an apparent age beyond is an error of the head


def with_years(found: Identified, births: Mapping[str, int]) -> Identified:
    """Add the year of production to each matched face with an age; other faces stay as they are.

    A review is no match, so it gets no year. Films get none: their people have no age.
    """
    if found.answer is None:
        return found
    faces = tuple(with_year(face, births) for face in found.answer.faces)
    return replace(found, answer=replace(found.answer, faces=faces))


def with_year(face: Face, births: Mapping[str, int]) -> Face:
    """Add the year to one face, or the reason why there is none.

    Args:
        face: with a decision, and with readings of its age.
        births: year of birth by person.
    """
    age = next((one for one in face.readings if one.task == "age" and one.values), None)
    if age is None or face.decision is None or face.decision.outcome != "match":
        return face
    year = births.get(face.decision.person or "")
    middle = age.values["age"]
    if year is None:
        reason = "The year of birth of this person is not known."
        return _read(face, Reading(TASK, {}, "year", age.model, text=reason))
    if not 0 <= middle <= OLDEST:
        reason = f"An apparent age of {middle:.0f} years is not plausible."
        return _read(face, Reading(TASK, {}, "year", age.model, text=reason))
    today = date.today().year  # a photograph is not from the future
    low, high = (
        {TASK: min(year + side["age"], today)} if side else None for side in (age.low, age.high)
    )
    reading = Reading(TASK, {TASK: min(year + middle, today)}, "year", age.model, low, high)
    return _read(face, reading)


def film_year(faces: Iterable[Face]) -> Estimate | None:
    """The year of one film from all faces of its stills that have a year and an interval.

    The year of a person is the median over the stills. People count by the inverse square of the
    width of their interval. The interval holds if the errors of people are independent; make-up
    that ages a whole cast is not seen. None without any year.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for face in faces:
        for one in face.readings:
            if one.task == TASK and one.values and one.low and one.high and face.decision:
                # The side that is not cut at today's year.
                half = one.values[TASK] - one.low[TASK]
                found.setdefault(face.decision.person or "", []).append((one.values[TASK], half))
    if not found:
        return None
    years = np.array([np.median([year for year, _ in own]) for own in found.values()])
    widths = np.array([np.median([half for _, half in own]) for own in found.values()])
    weights = 1 / np.maximum(widths, 1.0) ** 2
    middle, half = float(np.average(years, weights=weights)), float(weights.sum() ** -0.5)
    stills = sum(len(own) for own in found.values())
    high = min(middle + half, float(date.today().year))
    return Estimate(middle, middle - half, high, stills, len(found))


def _read(face: Face, reading: Reading) -> Face:
    return replace(face, readings=(*face.readings, reading))

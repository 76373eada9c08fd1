"""Guess the year in which a still of a film was shot: year of birth plus apparent age."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from mien.errors import MienError
from mien.service.identification import Identified
from mien.types import Face, Reading

AGE_HEAD = "age-fahr"
TASK = "production-year"
OLDEST = 110  # years; an apparent age beyond is an error of the head
FIRST = 1800  # of a plausible year of birth


def read_births(path: Path) -> dict[str, int]:
    """Return the year of birth by person, from a CSV with the columns person and birth_year.

    A person without a year is left out. A full date, such as 1931-05-09, counts by its year.

    Raises:
        MienError: the file cannot be read, a column is missing, a year is not plausible, or a
            person has two; the message names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MienError(f"{path} cannot be read ({error}).") from error
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    columns = {"person", "birth_year"}
    if not columns <= set(rows.fieldnames or ()):
        raise MienError(
            f"{path} needs the columns person and birth_year; its first line names "
            f"{', '.join(rows.fieldnames or ()) or 'nothing'}."
        )
    births: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        person, written = ((row[name] or "").strip() for name in ("person", "birth_year"))
        if not person or not written:
            continue
        year = _year(written)
        if year is None:
            raise MienError(
                f"{path}, line {line}: '{written}' is not a year of birth from {FIRST} to today."
            )
        if births.setdefault(person, year) != year:
            raise MienError(f"{path}, line {line}: {person} has a second year of birth, {year}.")
    return births


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
    low, high = ({TASK: year + side["age"]} if side else None for side in (age.low, age.high))
    reading = Reading(TASK, {TASK: year + middle}, "year", age.model, low, high)
    return _read(face, reading)


def _read(face: Face, reading: Reading) -> Face:
    return replace(face, readings=(*face.readings, reading))


def _year(text: str) -> int | None:
    try:
        year = int(text) if len(text) <= 4 else date.fromisoformat(text).year
    except ValueError:
        return None
    return year if FIRST <= year <= date.today().year else None

"""Readers of film stills of named actors: who, in which film, of which year, at which age."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from mien.datasets.labels import Labelled, some
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError

FIRST = 1800  # of a plausible year


def stills(root: Path) -> list[Labelled]:
    """Film stills: stills.csv (path, actor, film, year, split), and people.csv if there is one.

    The labels are film, year, and age where people.csv (person, birth_year) knows the actor. A
    still of several actors has one row for each. The year and the split may be empty.

    Source: layout of this project for the Arab Actors Dataset (Baghdad Science Journal, 2024),
    which is not public; path such as faten/nile_1961_07.jpg.
    """
    table, people = root / "stills.csv", root / "people.csv"
    births = read_births(people) if people.is_file() else {}
    found = []
    for line, row in enumerate(rows_of(table, ("path", "actor", "film")), 2):
        where = f"{table}, line {line}"
        if not (row["path"] and row["actor"] and row["film"]):
            raise MienError(f"{where}: path, actor and film must not be empty; complete the line.")
        labels = {"film": row["film"]}
        written = (row.get("year") or "").strip()
        if written:
            year = year_of(written)
            if year is None:
                raise MienError(f"{where}: '{written}' is not a year from {FIRST} to today.")
            labels["year"] = str(year)
            if row["actor"] in births:
                labels["age"] = str(year - births[row["actor"]])
        split = (row.get("split") or "").strip()
        found.append(Labelled(root / row["path"], row["actor"], split, labels))
    return some(found, root, "film stills (stills.csv)")


def read_births(path: Path) -> dict[str, int]:
    """Return the year of birth by person, from a CSV with the columns person and birth_year.

    A person without a year is left out. A full date, such as 1931-05-09, counts by its year.

    Raises:
        MienError: the file cannot be read, a column is missing, a year is not plausible, or a
            person has two; the message names the line.
    """
    rows = rows_of(path, ("person", "birth_year"))
    births: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        person, written = row["person"], row["birth_year"]
        if not person or not written:
            continue
        year = year_of(written)
        if year is None:
            raise MienError(
                f"{path}, line {line}: '{written}' is not a year of birth from {FIRST} to today."
            )
        if births.setdefault(person, year) != year:
            raise MienError(f"{path}, line {line}: {person} has a second year of birth, {year}.")
    return births


def year_of(text: str) -> int | None:
    """The year of "1931" or "1931-05-09"; None if it is not plausible."""
    try:
        year = int(text) if len(text) <= 4 else date.fromisoformat(text).year
    except ValueError:
        return None
    return year if FIRST <= year <= date.today().year else None


STILLS: dict[str, Callable[[Path], list[Labelled]]] = {"stills": stills}

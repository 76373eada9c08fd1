"""The year of a still: year of birth plus apparent age, or the reason why there is none."""

from datetime import date

import numpy as np
import pytest

from mien.datasets import read_births
from mien.errors import MienError
from mien.service.identification import Identified
from mien.service.production_year import film_year, with_year, with_years
from mien.types import Decision, Face, Reading


def face(outcome="match", person="Faten", age=30.0, low=22.0, high=38.0):
    reading = Reading("age", {"age": age}, "year", "age-fahr", {"age": low}, {"age": high})
    decision = Decision(outcome, person, 0.9, 0.9, 0.5, "A reason.")
    return Face(np.zeros(4, np.float32), 0.9, readings=(reading,), decision=decision)


def test_the_year_is_birth_plus_age_with_the_interval_of_the_age():
    [_, year] = with_year(face(), {"Faten": 1931}).readings
    assert year.task == "production-year"
    assert year.values == {"production-year": 1961.0}
    assert (year.low, year.high) == ({"production-year": 1953.0}, {"production-year": 1969.0})
    assert year.unit == "year"


@pytest.mark.parametrize(
    ("given", "births", "says"),
    [
        (face(), {}, "year of birth of this person is not known"),
        (face(age=120.0), {"Faten": 1931}, "apparent age of 120 years is not plausible"),
    ],
)
def test_without_a_year_there_is_a_reason(given, births, says):
    [_, year] = with_year(given, births).readings
    assert year.values == {}
    assert says in year.text


@pytest.mark.parametrize("outcome", ["review", "unknown"])
def test_only_a_match_has_a_year(outcome):
    assert len(with_year(face(outcome, None), {"Faten": 1931}).readings) == 1
    assert with_years(Identified("a.mp4", error="x"), {"Faten": 1931}).error == "x"


def test_births_are_read_from_years_and_dates(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("person,birth_year,note\nFaten,1931-05-27,\nOmar,1932,x\nNobody,,\n", "utf-8")
    assert read_births(path) == {"Faten": 1931, "Omar": 1932}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"actor,born\nA,1900\n", "needs the columns person, birth_year.*actor, born"),
        (b"", "names nothing"),
        (b"person,birth_year\nA,nineteen\n", "line 2: 'nineteen' is not a year of birth"),
        (b"person,birth_year\nA,1700\n", "line 2: '1700'"),
        (b"person,birth_year\nA,2999\n", "line 2: '2999'"),
        (b"person,birth_year\nA,1900\nA,1901\n", "line 3: A has a second year"),
        (b"\xff\xfe\xff", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_by_line(tmp_path, content, says):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(MienError, match=says):
        read_births(path)
    with pytest.raises(MienError, match="cannot be read"):
        read_births(tmp_path / "none.csv")


def test_a_photograph_is_not_from_the_future():
    [_, year] = with_year(face(age=70.0, low=60.0, high=80.0), {"Faten": 1961}).readings
    today = date.today().year
    assert year.values["production-year"] <= today
    assert year.high == {"production-year": float(today)}


def test_the_year_of_a_film_by_hand():
    births = {"Faten": 1931, "Omar": 1932}
    stills = [face(age=30.0, low=20.0, high=40.0), face(age=34.0, low=24.0, high=44.0)]
    stills += [face(age=26.0, low=6.0, high=46.0, person="Omar")]
    # Medians 1963 and 1958, half widths 10 and 20, weights 4 and 1: 1962, half 400/500 ** 0.5.
    year = film_year([with_year(one, births) for one in stills])
    assert year.value == pytest.approx(1962)
    assert year.high - year.value == pytest.approx(20 / 5**0.5)
    assert (year.trials, year.people) == (3, 2)
    assert film_year([face()]) is None

"""Film stills in the layout of this project: who, in which film, of which year, at which age."""

import pytest

from mien.datasets import LABELS
from mien.errors import MienError

HEAD = "path,actor,film,year,split\n"


def test_stills_have_film_year_and_age(tmp_path, put):
    for name in ("a/1.jpg", "a/2.jpg"):
        put(tmp_path / name)
    rows = "a/1.jpg,Faten,Nile,1961,train\na/1.jpg,Omar,Nile,1961,train\na/2.jpg,Faten,Sea,,\n"
    (tmp_path / "stills.csv").write_text(HEAD + rows)
    (tmp_path / "people.csv").write_text("person,birth_year\nFaten,1931-05-27\n")
    first, second, third = LABELS["stills"](tmp_path)
    assert (first.person, first.split) == ("Faten", "train")
    assert first.labels == {"film": "Nile", "year": "1961", "age": "30"}
    assert (second.person, second.labels) == ("Omar", {"film": "Nile", "year": "1961"})
    assert (third.split, third.labels) == ("", {"film": "Sea"})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a/1.jpg,,Nile,1961,\n", "line 2: path, actor and film must not be empty"),
        ("a/1.jpg,Faten,Nile,soon,\n", "line 2: 'soon' is not a year from 1800"),
        ("a/9.jpg,Faten,Nile,1961,\n", "1 files that film stills"),
        ("", "has no rows below its heading"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path, put, row, says):
    put(tmp_path / "a" / "1.jpg")
    (tmp_path / "stills.csv").write_text(HEAD + row)
    with pytest.raises(MienError, match=says):
        LABELS["stills"](tmp_path)


def test_a_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "stills.csv").write_text("path,film\na.jpg,Nile\n")
    with pytest.raises(MienError, match="actor"):
        LABELS["stills"](tmp_path)

"""Ratings of AffectNet by 25 people: the layout, its damage, and how far they agree."""

import zipfile

import numpy as np
import pytest

from mien.datasets.ratings import affectnet_raters
from mien.errors import MienError
from mien.metrics.raters import rater_concordance

HEAD = "index,filename,participant0,participant1\n"


def test_ratings_are_read_and_a_missing_one_is_nan(tmp_path):
    table = tmp_path / "valence.csv"
    table.write_text(HEAD + "7,a.jpg,0.25,\n8,b.jpg,-1.0,0.5\n")
    names, ratings = affectnet_raters(table)
    assert names == ["a.jpg", "b.jpg"]
    assert np.array_equal(ratings, [[0.25, np.nan], [-1, 0.5]], equal_nan=True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [("7,a.jpg,2,0\n", "line 2: a rating is outside"), ("7,a.jpg,x,0\n", "line 2: could not"),
     ("", "has no rows")],
)  # fmt: skip
def test_damaged_ratings_are_refused(tmp_path, rows, message):
    table = tmp_path / "valence.csv"
    table.write_text(HEAD + rows)
    with pytest.raises(MienError, match=message):
        affectnet_raters(table)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("valence_set1", 0.638, 0.685), ("valence_set2", 0.694, 0.735),
     ("arousal_set1", 0.529, 0.583), ("arousal_set2", 0.553, 0.596)],
)  # fmt: skip
def test_one_person_agrees_with_the_others_as_the_page_says(data, tmp_path, name, low, high):
    """The ceilings of docs: systems/expression/README.md."""
    with zipfile.ZipFile(data / "affectnet_c25.zip") as packed:
        packed.extractall(tmp_path)
    [table] = tmp_path.rglob(f"{name}_C25.csv")
    _, ratings = affectnet_raters(table)
    assert ratings.shape == (800, 25)
    assert low < rater_concordance(ratings).mean() < high

"""Ratings by several people: layouts and their damage, shares of votes, and agreement."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.datasets import Labelled
from mien.datasets.ratings import TAIWAN_WORDS, affectnet_raters, taiwan_ratings, vote_shares
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


def test_vote_shares_by_hand():
    here, words = Path(__file__), ("anger", "fear", "neutral")
    named = Labelled(here, labels={"expression": "fear"})
    voted = Labelled(here, votes={"neutral": 4, "anger": 1, "contempt": 3})
    vague = Labelled(here, votes={"neutral": 1, "contempt": 5})
    none = Labelled(here, votes={"contempt": 9})
    shares, sure = vote_shares([named, voted, vague, none], words)
    assert shares[0].tolist() == [0, 1, 0]
    assert shares[1] == pytest.approx([0.2, 0, 0.8])
    assert shares[3] == pytest.approx(np.full(3, 1 / 3))
    assert sure.tolist() == [True, True, False, False]


TAIWAN = ",".join(f"{kind}_{word}" for kind in ("share", "intensity")
                  for word in TAIWAN_WORDS.values())  # fmt: skip


def test_portraits_have_shares_and_intensities_of_six_words(tmp_path):
    table = tmp_path / "ratings.csv"
    table.write_text(f"file,person,intended,{TAIWAN}\na.jpg,03,sad,.1,.9,0,0,0,0,1,6.5,0,0,0,0\n")
    found = taiwan_ratings(table)
    assert (found.files, found.people, found.intended) == (("a.jpg",), ("03",), ("sad",))
    assert list(TAIWAN_WORDS)[found.share[0].argmax()] == "sadness"
    assert found.intensity[0].tolist() == [1, 6.5, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("row", "message"),
    [("a.jpg,03,sad,.1,.9,0,0,0,0,1,-1,0,0,0,0", "line 2: the rating -1"),
     ("a.jpg,03,sad,.1,.9,0,0,0,0,1,nan,0,0,0,0", "line 2: the rating nan"),
     ("a.jpg,03,sad,.1,.9,0,0,0,0,1,high,0,0,0,0", "line 2: could not"), ("", "has no rows")],
)  # fmt: skip
def test_damaged_ratings_of_portraits_are_refused(tmp_path, row, message):
    table = tmp_path / "ratings.csv"
    table.write_text(f"file,person,intended,{TAIWAN}\n{row}\n")
    with pytest.raises(MienError, match=message):
        taiwan_ratings(table)


@pytest.mark.realdata
def test_the_taiwanese_ratings_are_complete(data, tmp_path):
    with zipfile.ZipFile(data / "taiwan_expressions.zip") as packed:
        packed.extract("taiwan/ratings.csv", tmp_path)
    found = taiwan_ratings(tmp_path / "taiwan" / "ratings.csv")
    assert len(found.files) == len(found.share) >= 1000
    assert found.share.sum(1) == pytest.approx(1, abs=0.02)
    assert found.intensity.max() < 8

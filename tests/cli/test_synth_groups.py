"""`mien synth group`: pictures and films of several people, as a user asks for them."""

import json

import numpy as np
import pytest

from mien.media import read_image
from mien.synth.data.group_film import read_group


def test_a_picture_with_the_truth_of_each_person(mien, tmp_path):
    out = tmp_path / "party.png"
    code, answer, _ = mien(
        "synth", "group", out, "--people", "2", "--width", "128", "--truth", "all"
    )
    assert code == 0
    row = json.loads(answer)
    assert row["synthetic"] is True
    assert read_image(out).shape == (72, 128, 3)
    with np.load(row["truth"]) as kept:
        assert kept["owner"].shape == kept["seg"].shape == kept["depth"].shape == (72, 128)
        assert kept["lm68"].shape == (2, 68, 2)
        assert kept["body"].shape == (2, 33, 3)
        assert kept["lm68"][1].tolist() == pytest.approx(
            np.array(row["people"][1]["points68"]), abs=0.01
        )
        for k, one in enumerate(row["people"]):
            assert kept["share"][k] == pytest.approx(one["shown"], abs=1e-3)


def test_a_film_of_two_who_cross(mien, tmp_path):
    out = tmp_path / "hall.mp4"
    asked = ("--people", "2", "--kind", "crossing", "--width", "128", "--seconds", "0.4")
    code, answer, _ = mien("synth", "group", out, *asked, "--rate", "5")
    assert code == 0
    row = json.loads(answer)
    assert row["frames"] == 2
    assert [one["action"] for one in row["people"]] == ["crossing", "crossing"]
    assert len(read_group(out).people) == 2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("x.png", "--lossless"), "--lossless is for films"),
        (("x.mp4", "--people", "1", "--kind", "crossing"), "has 2 to 6 people, not 1"),
        (("gone/x.png",), "gone"),
    ],
)
def test_impossible_groups_are_told(mien, tmp_path, asked, words):
    name, *rest = asked
    code, _, err = mien("synth", "group", tmp_path / name, "--width", "64", *rest)
    assert code == 1
    assert words in err

import math

import pytest

from mien.datasets.labels import Labelled
from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.attributes.attributes import attributes, predict_labels
from mien.evaluate.attributes.predictions import Prediction, answers_in
from mien.metrics.findings import plain
from mien.testing import TOY_DEVICE
from mien.types import Crop, Reading


def test_classes_by_hand_and_no_answer_is_wrong():
    answers = [
        Prediction("happy", "happy", 0.9), Prediction("happy", "sad", 0.6),
        Prediction("sad", "sad", 0.8), Prediction("sad", None),
    ]  # fmt: skip
    told = plain(attributes(answers, task="expression", data="toys"))
    assert told["headline"]["accuracy"]["value"] == 0.5
    assert told["headline"]["balanced accuracy"]["value"] == 0.5
    recalls = {row["Class"]: row["Recall"]["value"] for row in told["tables"][0]["rows"]}
    assert recalls == {"happy": 0.5, "sad": 0.5}
    assert "1 of 4 images have no answer; each counts as wrong." in told["warnings"]
    assert told["headline"]["calibration error"]["value"] == pytest.approx(
        (0.1 + 0.6 + 0.2) / 3, abs=1e-6
    )


def test_numbers_by_hand():
    rows = [
        Prediction(str(t), str(s), None, s - 2, s + 2) for t, s in ((10, 11), (20, 20), (30, 35))
    ]
    told = plain(
        attributes([*rows, Prediction("40", None)], task="age", data="toys", limits=(0, 116))
    )
    assert told["headline"]["mean absolute error"]["value"] == pytest.approx(2)
    assert told["headline"]["bias"]["value"] == pytest.approx(2)
    assert told["headline"]["no answer"]["value"] == 0.25
    assert told["headline"]["truth in the stated interval"]["value"] == pytest.approx(
        2 / 3, rel=1e-5
    )


def test_groups_by_hand_with_the_share_inside_their_interval():
    asian, white = {"race": "Asian", "place": "x"}, {"race": "White", "place": "x"}
    rows = [
        Prediction("10", "12", None, 9, 15, groups=asian),
        Prediction("30", "36", None, 31, 41, groups=asian),
        Prediction("20", "20", None, 15, 25, groups=white),
        Prediction("40", "39", None, groups=white),  # states no interval
    ]
    told = plain(attributes(rows, task="age", data="toys"))
    [table] = [one for one in told["tables"] if one["title"] == "By group"]
    first, second = table["rows"]  # all are of one place: it is no group
    assert (first["Label"], first["Group"], first["Pictures"]) == ("race", "Asian", 2)
    assert first["Absolute error"]["value"] == 4
    assert first["Bias"]["value"] == 4
    assert first["Truth in the stated interval"]["value"] == 0.5
    assert (second["Group"], second["Truth in the stated interval"]) == ("White", None)
    assert told["headline"]["mean absolute error from 20 years"]["value"] == 2.33333
    words = [Prediction("a", "a", groups=asian), Prediction("a", "b", groups=asian),
             Prediction("b", "b", groups=white)]  # fmt: skip
    told = plain(attributes(words, task="letter", data="toys"))
    [table] = [one for one in told["tables"] if one["title"] == "By group"]
    assert [row["Accuracy"]["value"] for row in table["rows"]] == [0.5, 1]


def test_labels_outside_their_range_are_refused():
    answers = [Prediction("happy", "happy"), Prediction("glad", "happy")]
    with pytest.raises(MienError, match="'glad' is not a label of this task"):
        attributes(answers, task="expression", data="x", labels=("happy", "sad"))
    numbers = [Prediction("20", "21"), Prediction("200", "50")]
    with pytest.raises(MienError, match="1 truths of age are outside 0 to 116"):
        attributes(numbers, task="age", data="x", limits=(0, 116))
    with pytest.raises(TooFewTrialsError, match="0 of 1 labels have an answer"):
        attributes([Prediction("20", None)], task="age", data="x")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,a,1.5", r"a probability in \[0, 1\]"),
        ("a,a,x", "'x' is not a number"),
        (",a,", "expected a truth"),
    ],
)
def test_a_broken_table_is_told_with_its_line(tmp_path, row, says):
    path = tmp_path / "answers.csv"
    path.write_text(f"truth,predicted,probability\n{row}\n")
    with pytest.raises(MienError, match=says):
        answers_in(path)


def test_the_former_heading_is_still_read(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("truth,said\njoy,anger\n")
    assert answers_in(path) == [Prediction("joy", "anger")]


class Redness:
    """Calls a chip red or not."""

    crop = Crop(size=8)
    name, digest, device = "toy", "", TOY_DEVICE

    def __call__(self, chips):
        red = [float(c[..., 0].mean() > c[..., 1].mean()) for c in chips]
        return [Reading("hue", {"red": r, "other": 1 - r}, "probability", "redness") for r in red]


def test_a_head_is_run_on_labelled_pictures(tmp_path, put, toy_pipeline):
    made = [
        Labelled(put(tmp_path / "1.png", (200, 20, 20)), labels={"hue": "red"}),
        Labelled(put(tmp_path / "2.png", (20, 200, 20)), labels={"hue": "other"}),
        Labelled(put(tmp_path / "3.png", (0, 0, 0)), labels={"hue": "red"}),
        Labelled(put(tmp_path / "4.png", (20, 200, 20))),
    ]
    answers = predict_labels(made, "hue", toy_pipeline, Redness())
    assert [(a.truth, a.predicted) for a in answers] == [
        ("red", "red"),
        ("other", "other"),
        ("red", None),
    ]
    with pytest.raises(MienError, match="No image has a label 'age'"):
        predict_labels(made, "age", toy_pipeline, Redness())
    told = plain(attributes(answers, task="hue", data="x"))
    assert told["headline"]["accuracy"]["value"] == pytest.approx(2 / 3, rel=1e-5)


def test_each_class_each_person_and_the_odds_are_measured_by_hand():
    def said(truth, word, p, person):
        return Prediction(truth, word, p, person=person, probabilities={word: p, "other": 1 - p})

    answers = [
        said("happy", "happy", 0.8, "Ada"), said("happy", "happy", 0.8, "Ada"),
        said("sad", "happy", 0.6, "Ada"), said("sad", "sad", 0.5, "Bo"),
    ]  # fmt: skip
    told = plain(attributes(answers, task="expression", data="x", labels=("happy", "sad")))
    # happy: precision 2/3, recall 1, F1 0.8; sad: precision 1, recall 1/2, F1 2/3.
    assert told["headline"]["macro F1"]["value"] == pytest.approx((0.8 + 2 / 3) / 2)
    # The truth of the third had no probability, which costs ln(1e6).
    expected = -(2 * math.log(0.8) + math.log(1e-6) + math.log(0.5)) / 4
    assert told["headline"]["log loss"]["value"] == pytest.approx(expected, abs=1e-4)
    people = next(t for t in told["tables"] if t["title"] == "People")["rows"]
    assert (people[0][""], people[0]["Who"]) == (pytest.approx(2 / 3), "Ada")
    assert people[-1][""]["value"] == pytest.approx((2 / 3 + 1) / 2)


def test_bands_count_alike_however_many_pictures_they_have():
    rows = [
        Prediction("5", "6"),
        Prediction("6", "7"),
        Prediction("7", "8"),
        Prediction("50", "41"),
    ]
    told = plain(attributes(rows, task="age", data="x", bands=(0, 20, 40, 60)))
    assert told["headline"]["mean absolute error"]["value"] == pytest.approx(3)
    assert told["headline"]["balanced absolute error"]["value"] == pytest.approx(5)
    assert [row["Truth"] for row in told["tables"][0]["rows"]] == ["0 to 20", "40 to 60"]


def test_pictures_that_are_cut_already_are_taken_whole(tmp_path, put, toy_pipeline):
    made = [
        Labelled(put(tmp_path / "1.png", (200, 20, 20)), labels={"hue": "red"}),
        Labelled(put(tmp_path / "2.png", (0, 0, 0)), labels={"hue": "other"}),
    ]
    (tmp_path / "3.png").write_bytes(b"no picture")
    made.append(Labelled(tmp_path / "3.png", labels={"hue": "red"}))
    answers = predict_labels(made, "hue", toy_pipeline, Redness(), cut="whole")
    assert [a.predicted for a in answers] == ["red", "other", None]

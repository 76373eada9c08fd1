"""mien ask, with a head that answers what the first pixel says."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mien.media import write_image
from mien.types import Crop, Face, Reading

POINTS = np.array([[20, 20], [44, 20], [32, 32], [24, 46], [40, 46]], np.float32)


class Toy:
    crop, needs, name = Crop(size=32), frozenset({"chips"}), "toy"

    def __call__(self, clip):
        if len(clip.times) < 3:
            return [Reading("micro", {}, "probability", "toy", text="too short: 2 frames")]
        shares = {"negative": 0.1, "positive": 0.8, "surprise": 0.1}
        return [
            Reading("micro", shares, "probability", "toy", span=(0.0, float(clip.times[-1]))),
            Reading("unit", {"AU4": 0.0, "AU12": 1.0}, "1: shown", "toy"),
        ]


@pytest.fixture
def clips(tmp_path, monkeypatch):
    face = Face(np.array([10, 10, 54, 54], np.float32), 1.0, POINTS)
    pipeline = SimpleNamespace(only_face=lambda image, where: face)
    monkeypatch.setattr("mien.zoo.load", lambda *a, **k: Toy())
    monkeypatch.setattr("mien.zoo.find", lambda name: SimpleNamespace(kind="clip-head"))
    monkeypatch.setattr("mien.cli.ask.opened", lambda *a, **k: pipeline)
    for name, count in (("one", 5), ("short", 2)):
        (tmp_path / name).mkdir()
        for k in range(count):
            write_image(tmp_path / name / f"{k}.png", np.full((64, 64, 3), 99, np.uint8))
    return tmp_path


def test_one_question_with_its_measurements(clips, mien):
    _, out, _ = mien("ask", clips / "one", "What are the action units?", "--rate", 200)
    row = json.loads(out)
    assert (row["outcome"], row["answer"]) == ("answered", "lip corner puller")
    assert row["evidence"]["units"] == {"AU4": False, "AU12": True}
    assert row["evidence"]["coarse"]["positive"] == 0.8
    assert row["evidence"]["span"] == [0.0, 0.02]
    assert "not what a person feels" in row["limit"]


def test_what_is_not_supported_and_not_measured(clips, mien):
    row = json.loads(mien("ask", clips / "one", "Is he lying?", "--rate", 200)[1])
    assert row["answer"] == "unsupported"
    row = json.loads(mien("ask", clips / "short", "What are the action units?", "--rate", 200)[1])
    assert row["answer"] == "unmeasured"
    assert "too short: 2 frames" in row["why"]


def test_a_file_of_the_challenge_keeps_its_lines(clips, mien):
    rows = [
        {"video_id": "a", "video": "one", "question": "What is the coarse expression class?",
         "answer": ""},
        {"video_id": "b", "video": "gone", "question": "What are the action units?", "answer": ""},
        {"video_id": "c", "video": "one", "question": "Is it honest?", "more": [1, "ü"]},
        {"video_id": "d", "video": "../one", "question": "What are the action units?"},
    ]  # fmt: skip
    asked = clips / "me_vqa_samm_test_to_answer.jsonl"
    asked.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", "utf-8")
    out = clips / "me_vqa_samm_pred.jsonl"
    _, said, errors = mien("ask", clips, "--questions", asked, "--out", out, "--rate", 200)
    written = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    answers = [row.pop("answer") for row in written]
    assert answers == ["positive", "unmeasured", "unsupported", "unmeasured"]
    assert written == [{k: v for k, v in row.items() if k != "answer"} for row in rows]
    assert json.loads(said) == {"questions": 4, "clips": 3, "answered": 1, "unmeasured": 2,
                                       "unsupported": 1, "out": str(out)}  # fmt: skip
    assert "gone" in errors
    assert "outside" in errors


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "no question"), ("{", "line 1 is not JSON"), ("[1]", "line 1 needs"),
     ('{"video": 3, "question": "x"}', "line 1 needs")],
)  # fmt: skip
def test_bad_files_are_refused_by_line(clips, mien, text, word):
    asked = clips / "q.jsonl"
    asked.write_text(text)
    code, _, errors = mien("ask", clips, "--questions", asked, "--out", clips / "o.jsonl")
    assert code == 1
    assert word in errors
    assert not (clips / "o.jsonl").exists()


@pytest.mark.parametrize("words", [[], ["What?", "--out", "x.jsonl"]])
def test_one_way_to_ask_is_needed(clips, mien, words):
    code, _, errors = mien("ask", clips / "one", *words)
    assert code == 1
    assert "--questions" in errors


def test_a_film_is_searched_for_micro_expressions(clips, mien):
    _, out, _ = mien("ask", clips / "one", "How many micro-expressions are there?", "--rate", 200)
    row = json.loads(out)
    assert (row["outcome"], row["evidence"]["events"]) == ("unmeasured", None)
    assert "5 frames are too few" in row["why"]
    (clips / "still").mkdir()
    for k in range(70):
        write_image(clips / "still" / f"{k}.png", np.full((64, 64, 3), 99, np.uint8))
    asked = ("ask", clips / "still", "Are there any micro-expressions in this film?", "--rate")
    row = json.loads(mien(*asked, 30)[1])
    assert (row["answer"], row["evidence"]["events"]) == ("no", [])
    assert "missed below 100" in row["why"]
    assert json.loads(mien(*asked, 20)[1])["outcome"] == "unmeasured"

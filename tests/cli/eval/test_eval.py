"""mien eval as a user runs it: on toy models, and on tables of other tools."""

import json

import numpy as np
import pytest
from tests.toys import AllButBlack, MeanColours

from mien.media import write_image
from mien.photo import Pipeline


@pytest.fixture
def people(tmp_path, monkeypatch):
    """Forty people of one colour each, three pictures that differ a little; one is black."""
    random = np.random.default_rng(0)
    for number in range(40):
        colour = random.integers(20, 236, 3)
        for k in range(3):
            shade = (colour + random.integers(-15, 16, 3)).astype(np.uint8)
            if (number, k) == (0, 0):
                shade[:] = 0
            path = tmp_path / "people" / f"p{number:02d}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.full((32, 32, 3), shade, np.uint8))
    toy = Pipeline(detector=AllButBlack(), embedder=MeanColours())
    for place in ("eval.commands", "eval.options", "eval.images"):
        monkeypatch.setattr(f"mien.cli.{place}.opened", lambda *names, **chosen: toy)
    return tmp_path / "people"


def test_verification_of_a_folder_with_page_and_json(mien, people, tmp_path):
    page = tmp_path / "report.html"
    code, out, err = mien("eval", "verify", people, "--report", page)
    assert code == 0
    told = json.loads(out)
    assert told["headline"]["failure to enrol"]["value"] == pytest.approx(1 / 120, rel=1e-4)
    assert "finder finds no face in" in err
    assert "No calibration exists for colours/1/3" in err
    assert told["basis"]["Command"].startswith("mien eval verify people --report report.html")
    html = page.read_text()
    assert html.count("<svg") > 4
    assert "http" not in html.replace("http-equiv", "")  # nothing is loaded from anywhere
    kept = json.loads(page.with_suffix(".json").read_text())
    assert kept["headline"] == told["headline"]
    assert kept["plots"][0]["curves"][0]["x"]


def test_a_table_for_eyes(mien, people):
    code, out, _ = mien("eval", "identify", people, "--gallery", 20, "--table")
    assert code == 0
    assert "missed at rank 1" in out
    assert "95 % interval" in out


def test_two_embedders(mien, people):
    code, out, _ = mien("eval", "compare", people, "--a", "x", "--b", "y", "--fmr", "0.05")
    assert code == 0
    assert json.loads(out)["headline"]["FNMR x minus y"]["value"] == 0


def test_detection_and_quality(mien, people):
    code, out, _ = mien("eval", "detect", people, "--turns", "never")
    assert code == 0
    assert json.loads(out)["headline"]["no face found"]["value"] == pytest.approx(1 / 120, rel=1e-4)
    code, out, _ = mien("eval", "quality", people)
    assert code == 0
    assert "118 comparisons" in json.loads(out)["lead"]


def test_groups_by_a_table_of_people(mien, people, tmp_path):
    labels = tmp_path / "groups.csv"
    rows = [f"p{k:02d},{'ab'[k % 2]}" for k in range(40)]
    labels.write_text("\n".join(["person,group", *rows]) + "\n")
    words = ("--labels", labels, "--fmr", "0.1", "--least", 10)
    code, out, _ = mien("eval", "groups", people, *words)
    assert code == 0
    titles = [table["title"] for table in json.loads(out)["tables"]]
    assert titles == ["FMR within the group", "FNMR"]


def test_tables_of_other_tools(mien, tmp_path):
    answers = tmp_path / "answers.csv"
    answers.write_text("truth,predicted,probability\nhappy,happy,0.9\nsad,happy,0.6\nsad,,\n")
    code, out, err = mien("eval", "attributes", answers, "--task", "expression")
    assert code == 0
    assert json.loads(out)["headline"]["accuracy"]["value"] == pytest.approx(1 / 3, rel=1e-4)
    assert "1 of 3 images have no answer" in err
    pad = tmp_path / "pad.csv"
    pad.write_text("species,subject,score\nbona-fide,a,0.9\nprint,b,0.2\nprint,c,0.4\n")
    code, out, _ = mien("eval", "pad", pad, "--threshold", "0.5")
    assert code == 0
    assert json.loads(out)["tables"][0]["rows"][0]["3/n, if none passed"] == 1
    scores = tmp_path / "scores.csv"
    scores.write_text("similarity,same,person_a,person_b\n0.9,1,A,A\n0.1,0,A,B\n")
    code, out, err = mien("eval", "verify", scores)
    assert code == 0
    assert "fitting and testing need" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("verify", "PEOPLE", "--report", "nowhere/x.html"), "does not exist; create it"),
        (("verify", "PEOPLE", "--report", "x.pdf"), "must end in .html"),
        (("verify", "PEOPLE", "--layout", "lfw"), "the folder that the data set was unpacked into"),
        (("verify", "PEOPLE", "--layout", "nothing"), "There is no layout 'nothing'"),
        (("identify", "PEOPLE", "--gallery", "900"), "900 people was asked for"),
        (("attributes", "PEOPLE"), "A folder needs --layout"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(mien, people, words, says):
    code, out, err = mien("eval", *(people if w == "PEOPLE" else w for w in words))
    assert code == 1
    assert out == ""
    assert says in err.splitlines()[-1]


def test_people_whom_the_model_has_seen_are_refused_by_name(mien, people, tmp_path):
    seen = tmp_path / "seen.txt"
    seen.write_text("p03\nsomebody else\n")
    code, _, err = mien("eval", "verify", people, "--seen", seen)
    assert code == 1
    assert "1 people are both in training and in this test (p03)" in err

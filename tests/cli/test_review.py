"""The commands for quarantine and facts, on templates that are made here."""

import pytest
from tests.cli.test_gallery import CONTRACT, at, filled, lines

from mien.gallery import Template, open_gallery
from mien.gallery.review import Doubt

pytestmark = pytest.mark.usefixtures("own_runs")


@pytest.fixture
def path(tmp_path):
    path = filled(tmp_path / "people.mien", Ada=[0], Ben=[90])
    with open_gallery(path, CONTRACT) as gallery:
        doubt = Doubt("outlier", "Not similar.", "Ada", 1, "Ada.jpg", 0.5, 1.0)
        for angle, group in ((60, None), (61, "night"), (62, "night")):
            template = Template("Ada", at(angle)[0], CONTRACT, f"{angle}.jpg")
            gallery.quarantine(template, [doubt], group=group)
    return path


def test_the_quarantine_is_listed_with_both_sides_and_decided(mien, path):
    code, out, _ = mien("gallery", "quarantine", "list", "-g", path)
    rows = lines(out)
    assert (code, [row["group"] for row in rows]) == (0, [None, "night", "night"])
    assert rows[0]["doubts"][0]["person"] == "Ada"
    _, out, _ = mien("gallery", "quarantine", "list", "-g", path, "--group", "night", "--table")
    assert "Ada 1, Ada.jpg" in out
    assert "60.jpg" not in out
    code, out, _ = mien("gallery", "quarantine", "accept", rows[1]["id"], "-g", path)
    assert (code, lines(out)[0]["template"]) == (0, 3)
    code, out, _ = mien("gallery", "quarantine", "reject", rows[0]["id"], "-g", path)
    assert (code, lines(out)[0]["complete"]) == (0, True)
    code, out, _ = mien("gallery", "quarantine", "rollback", "night", "-g", path)
    assert (code, lines(out)[0]["templates"]) == (0, 2)
    assert mien("gallery", "quarantine", "list", "-g", path)[1] == ""


@pytest.mark.parametrize("words", [(), (1, "--group", "night")])
def test_a_decision_is_about_numbers_or_a_group(mien, path, words):
    code, _, err = mien("gallery", "quarantine", "accept", *words, "-g", path)
    assert (code, "or --group NAME" in err) == (1, True)


def test_a_group_is_accepted_as_a_whole(mien, path):
    code, out, _ = mien("gallery", "quarantine", "accept", "--group", "night", "-g", path)
    assert (code, [row["template"] for row in lines(out)]) == (0, [3, 4])


def test_facts_are_stated_listed_and_retracted(mien, path):
    code, out, _ = mien("gallery", "facts", "different", "Ada", "Ben", "-g", path)
    assert (code, lines(out)[0]["kind"]) == (0, "different")
    code, out, _ = mien("gallery", "facts", "same", "Ben", "Ada", "-g", path)
    [row] = lines(mien("gallery", "facts", "list", "-g", path)[1])
    assert (row["kind"], row["person"], row["other"]) == ("same", "Ada", "Ben")
    assert "same" in mien("gallery", "facts", "list", "-g", path, "--table")[1]
    assert mien("gallery", "facts", "retract", row["id"], "-g", path)[0] == 0
    assert mien("gallery", "facts", "list", "-g", path)[1] == ""
    code, _, err = mien("gallery", "facts", "same", "Ada", "Nobody", "-g", path)
    assert (code, "nobody called 'Nobody'" in err) == (1, True)

"""The commands for the rules of a gallery, on templates that are made here."""

import json
import sqlite3
from contextlib import closing

import pytest
from tests.cli.test_gallery import filled, lines


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def path(tmp_path):
    return filled(tmp_path / "people.mien", Ada=[0, 90], Ben=[180])


def test_the_journal_is_shown_and_names_who_did_it(mien, path):
    assert mien("gallery", "rename", "Ben", "Benjamin", "-g", path, "--who", "Grace")[0] == 0
    code, out, _ = mien("gallery", "journal", "show", "-g", path)
    assert code == 0
    assert [row["act"] for row in lines(out)] == ["create", "enroll", "enroll", "rename"]
    assert (lines(out)[-1]["who"], lines(out)[-1]["people"]) == ("Grace", [2])
    code, out, _ = mien("gallery", "journal", "show", "-g", path, "--last", 1, "--table")
    assert "Grace" in out
    assert "enroll" not in out
    _, out, _ = mien("gallery", "journal", "show", "-g", path, "--act", "create")
    assert [row["number"] for row in lines(out)] == [1]


def test_the_environment_can_name_who_did_it(mien, path, monkeypatch):
    monkeypatch.setenv("MIEN_WHO", "Nightly run")
    assert mien("gallery", "rename", "Ben", "Benjamin", "-g", path)[0] == 0
    _, out, _ = mien("gallery", "journal", "show", "-g", path, "--last", 1)
    assert lines(out)[0]["who"] == "Nightly run"


def test_a_changed_journal_is_an_error_that_names_the_place(mien, path, tmp_path):
    anchor = tmp_path / "head.json"
    code, out, _ = mien("gallery", "journal", "anchor", anchor, "-g", path)
    assert (code, lines(out)[0]["number"]) == (0, 3)
    code, out, _ = mien("gallery", "journal", "verify", "-g", path, "--anchor", anchor)
    assert (code, lines(out)[0]["intact"], lines(out)[0]["number"]) == (0, True, 3)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE facts SET text = replace(text, 'enroll', 'view') WHERE id = 4")
        assert db.total_changes == 1
    code, out, err = mien("gallery", "journal", "verify", "-g", path)
    assert (code, lines(out)[0]["intact"]) == (1, False)
    number = lines(out)[0]["faults"][0]["number"]
    assert f"Entry {number} was edited" in err
    assert mien("gallery", "check", "-g", path)[0] == 1


def test_an_anchor_that_is_not_there_is_an_error(mien, path, tmp_path):
    code, _, err = mien("gallery", "journal", "verify", "-g", path, "--anchor", tmp_path / "no")
    assert (code, "cannot be read" in err) == (1, True)
    (tmp_path / "no").write_text(json.dumps({"mien": "other"}))
    code, _, err = mien("gallery", "journal", "verify", "-g", path, "--anchor", tmp_path / "no")
    assert (code, "is not the head of a journal" in err) == (1, True)

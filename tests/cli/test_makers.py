"""mien make and mien audit as a user types them."""

import json

import numpy as np
import pytest
from tests.outside_systems import write_package

from mien.media import read_change, read_image, write_image
from mien.testing import noise


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(str(folder))
    write_package(folder, "nice_dark", "darken", "maker")
    write_package(folder, "nice_sure", "certainty", "audit")
    for k, image in enumerate(noise(4, 40)):
        write_image(tmp_path / f"{k}.png", image)
    return tmp_path


def rows(out):
    return [json.loads(line) for line in out.splitlines()]


def test_a_maker_of_another_distribution_has_its_command(mien, site):
    command = ("make", "darken", site / "0.png", site / "1.png", "--out", site / "made",
               "--set", "amount=0.3")  # fmt: skip
    code, out, err = mien(*command)
    assert code == 0, err
    assert [row["skipped"] for row in rows(out)] == [False, False]
    assert rows(out)[0]["files"] == [str(site / "made" / "0.png")]
    code, out, _ = mien(*command)
    assert [row["skipped"] for row in rows(out)] == [True, True]
    write_image(site / "2.png", np.zeros((40, 40, 3), np.uint8))
    code, out, err = mien(*command[:4], site / "2.png", *command[4:])
    assert code == 1
    assert "too dark" in err
    assert [bool(row["error"]) for row in rows(out)] == [False, False, True]


def test_settings_are_listed_with_their_meaning(mien, site):
    code, out, _ = mien("make", "darken", "--list")
    assert code == 0
    assert rows(out)[0] == {
        "key": "amount", "kind": "float", "default": 0.5, "about": "how dark it gets",
    }  # fmt: skip
    assert "probability from which" in mien("audit", "certainty", "--list", "--table")[1]
    code, _, err = mien("make", "expression", "--list")
    assert code == 1
    assert "only makers and audits have settings" in err


def test_an_audit_of_another_distribution_has_its_command_and_page(mien, site):
    code, out, err = mien("audit", "certainty", site, "--model", "expression", "--cut",
                          "--purpose", "to try it", "--report", site / "a.html")  # fmt: skip
    assert code == 0, err
    [told] = rows(out)
    assert told["headline"]["sure"]["trials"] == 4
    assert told["risk"]["level"] == "low"
    assert told["basis"]["Purpose"] == "to try it"
    assert told["basis"]["Command"].startswith("mien audit certainty")
    assert (site / "a.html").is_file()
    code, out, _ = mien("audit", "certainty", site, "--model", "expression", "--cut", "--table")
    assert "Risk: low. A toy." in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--model", "expression", "--cut", "--queries", "2"), "the agreed limit is 2"),
        (("--model", "expression", "--cut", "--most", "2"), "2 faces are too few"),
        (("--model", "face-mesh"), "'certainty' audits chip-head, but 'face-mesh' is a landma"),
        (("--model", "expression", "--layout", "x"), "Layout 'x' is unknown"),
        (("--model", "expression", "--set", "bars=1"), "'bars=1' is not a setting of certainty"),
    ],
)
def test_what_cannot_be_audited_is_told_in_one_line(mien, site, words, says):
    code, _, err = mien("audit", "certainty", site, *words)
    assert code == 1
    assert says in " ".join(err.split())
    assert err.count("mien:") == 1


def test_an_audit_without_a_model_is_wrong_usage(mien, site):
    code, _, err = mien("audit", "certainty", site)
    assert code == 2
    assert "--model" in err


def test_evaluations_that_are_audits_have_a_name_here(mien):
    code, out, _ = mien("audit", "leak", "--model", "expression", "--most", "16")
    assert code == 0
    assert json.loads(out)["risk"]["level"] == "none found"
    assert "drift over years" in mien("audit", "longterm", "--help")[1]


def test_the_scope_is_named_on_the_command_line(mien, tmp_path):
    (tmp_path / "c.toml").write_text('given_by = "Ada"\npurpose = "a test"\nexpires = 2001-01-01\n')
    words = ("audit", "batch-leakage", "--model", "expression", "--most", "16")
    code, _, err = mien(*words, "--consent", tmp_path / "c.toml")
    assert code == 1
    assert "expired on 2001-01-01" in err
    code, out, _ = mien(*words, "--ledger", tmp_path / "q.jsonl")
    assert code == 0
    rows = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert json.loads(out)["basis"]["Queries"] == f"{rows[-1]['in_all']} images"
    code, _, err = mien("audit", "batch-leakage", "--model", "https://example.org/m")
    assert code == 1
    assert "address" in err


def test_a_contact_sheet_shows_inputs_and_results_and_what_failed(mien, site):
    write_image(site / "2.png", np.zeros((40, 40, 3), np.uint8))
    sheet = site / "sheet.html"
    code, _, _ = mien("make", "darken", site / "0.png", site / "2.png", "--out", site / "made",
                      "--sheet", sheet)  # fmt: skip
    assert code == 1
    page = sheet.read_text()
    assert page.count("data:image/jpeg") == 3  # two inputs and one result
    assert "1 of 2 inputs have results; 1 failed." in page
    assert "too dark" in page
    assert "edited" in page
    code, _, err = mien("make", "darken", site / "0.png", "--out", site / "b", "--sheet", "a.txt")
    assert code == 1
    assert "must end in .html" in err


def test_births_without_ages_are_refused_before_any_work(mien, site):
    code, _, err = mien("identify", site / "0.png", "--people", site / "0.png")
    assert code == 1
    assert "--people needs --estimate-age" in err


@pytest.mark.realdata
@pytest.mark.weights
def test_stills_of_known_people_get_names_ages_and_years(mien, data, tmp_path):
    photos = data / "assets" / "face_recognition" / "knn_examples"
    births = tmp_path / "people.csv"
    births.write_text("person,birth_year\nobama,1961\nbiden,1942\nrose_leslie,1987\n")
    cast = tmp_path / "cast.mien"
    assert mien("enroll", photos / "train", "--gallery", cast)[0] == 0
    code, out, err = mien("identify", photos / "test", "--gallery", cast, "--estimate-age",
                          "--people", births)  # fmt: skip
    assert code == 0, err
    assert "If these are stills of one film, it is from" in err
    found = {}
    for row in rows(out):
        matched = [f for f in row["faces"] if f["decision"]["outcome"] == "match"]
        found[row["image"].split("/")[-1]] = {f["decision"]["person"] for f in matched}
        assert all(f["readings"][-1]["task"] == "production-year" for f in matched)
    assert found["obama1.jpg"] == {"obama"}
    assert found["obama_and_biden.jpg"] == {"obama", "biden"}
    assert found["kit_with_rose.jpg"] == {"rose_leslie"}
    assert found["johnsnow_test1.jpg"] == set()  # nobody who is enrolled


def test_edit_is_the_short_form_of_the_editor(mien, site):
    code, _, err = mien("edit", site / "0.png", "--out", site / "e.png")
    assert code == 1
    assert "Nothing to edit: set smiling (-1 to 1), tone (degrees), or attributes" in err
    assert mien("make", "edit-face", "--list")[0] == 0


def test_restore_and_enhance_are_short_forms_of_the_shipped_maker(mien, site):
    how = ("--set", "aligned=true", "--out")
    code, out, err = mien("restore", site / "0.png", *how, site / "clear.png")
    assert code == 0, err
    assert rows(out)[0]["maker"] == "restore-unet"
    assert read_image(site / "clear.png").shape == (40, 40, 3)
    assert read_change(site / "clear.png") == "restored"
    code, out, _ = mien("enhance", site / "0.png", "--scale", "3", *how, site / "large.png")
    assert code == 0
    assert read_image(site / "large.png").shape == (120, 120, 3)
    code, _, err = mien("enhance", site / "0.png", "--scale", "9", *how, site / "x.png")
    assert code == 2

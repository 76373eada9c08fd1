"""The commands for galleries, on templates that are made here."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mien.decision import calibrations
from mien.decision.calibration import write_calibration
from mien.gallery import Template, export_gallery, open_gallery
from mien.zoo import DETECTOR

CALIBRATION = next(each for each in calibrations().values() if each.detector == DETECTOR)
CONTRACT = CALIBRATION.contract
SIZE = int(CONTRACT.rsplit("/", 1)[-1]) if CONTRACT.rsplit("/", 1)[-1].isdigit() else 128


def at(*angles):
    """Unit vectors at these angles (degrees) in one plane."""
    vectors = np.zeros((len(angles), SIZE), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))
    return vectors


def filled(path, **people):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        for name, angles in people.items():
            gallery.add(Template(name, v, CONTRACT, f"{name}.jpg") for v in at(*angles))
    return path


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def path(tmp_path):
    return filled(tmp_path / "people.mien", Ada=[0, 90], Ben=[180])


def test_templates_are_removed_and_moved_by_their_numbers(mien, path):
    code, out, _ = mien("gallery", "remove", 2, "-g", path, "--yes")
    assert (code, lines(out)[0]["templates"], lines(out)[0]["complete"]) == (0, 1, True)
    code, out, _ = mien("gallery", "move", 1, "--into", "Eve", "-g", path)
    assert (code, lines(out)[0]["people"]) == (0, 1)
    code, out, _ = mien("gallery", "list", "-g", path)
    assert [(row["person"], row["templates"]) for row in lines(out)] == [("Ben", 1), ("Eve", 1)]
    code, out, err = mien("gallery", "remove", 2, "-g", path, "--yes")
    assert (code, out) == (1, "")
    assert "has no template 2; the numbers" in err


def test_changes_of_people_are_listed_and_taken_back(mien, path):
    assert mien("gallery", "steps", "-g", path)[:2] == (0, "")
    assert mien("gallery", "rename", "Ada", "Ada King", "-g", path, "--undoable")[0] == 0
    assert mien("gallery", "merge", "Ben", "Ada King", "-g", path, "--undoable")[0] == 0
    merged, renamed = lines(mien("gallery", "steps", "-g", path)[1])
    assert (merged["act"], merged["before"], merged["templates"]) == ("merge", "Ben", [3])
    assert (renamed["act"], renamed["before"], renamed["person"]) == ("rename", "Ada", "Ada King")
    table = mien("gallery", "steps", "-g", path, "--table")[1]
    assert "until" in table
    assert "Ada King" in table
    code, out, _ = mien("gallery", "undo", merged["step"], "-g", path)
    assert (code, lines(out)) == (0, [{"undone": merged["step"], "person": "Ben"}])
    assert lines(mien("gallery", "undo", renamed["step"], "-g", path)[1])[0]["person"] == "Ada"
    rows = lines(mien("gallery", "list", "-g", path)[1])
    assert [(row["person"], row["templates"]) for row in rows] == [("Ada", 2), ("Ben", 1)]
    code, out, err = mien("gallery", "undo", renamed["step"], "-g", path)
    assert (code, out, "no step" in err) == (1, "", True)
    assert mien("gallery", "rename", "Ben", "Bob", "-g", path)[0] == 0
    assert mien("gallery", "steps", "-g", path)[1] == ""  # only what was asked for is kept


def test_a_gallery_moves_to_another_place(mien, path, tmp_path):
    target = tmp_path / "other.mien"
    code, out, _ = mien("gallery", "migrate", path, target)
    [row] = lines(out)
    assert (code, row["gallery"], row["people"], row["templates"]) == (0, str(target), 2, 3)
    assert mien("gallery", "check", "-g", target)[0] == 0
    code, _, err = mien("gallery", "migrate", path, target)
    assert (code, "in use already" in err) == (1, True)
    code, _, err = mien("gallery", "migrate", tmp_path / "no.mien", tmp_path / "x.mien")
    assert (code, "does not exist" in err) == (1, True)


def test_a_gallery_has_its_own_calibration(mien, path, tmp_path):
    file = tmp_path / "own.json"
    write_calibration(replace(CALIBRATION, name="own"), file)
    code, out, err = mien("gallery", "calibrate", file, "-g", path)
    assert (code, lines(out)[0]["calibration"], "too small to watch" in err) == (0, "own", True)
    [shown] = lines(mien("gallery", "show", "-g", path)[1])
    assert (shown["calibration"], shown["calibrated_on"]) == ("own", CALIBRATION.data)
    assert (shown["drift"], shown["calibrated"][:2]) == (None, "20")
    code, _, err = mien("gallery", "calibrate", "-g", path)  # of two people, nothing is measured
    assert code == 1
    assert "Traceback" not in err
    code, _, err = mien("gallery", "calibrate", file, "--reset", "-g", path)
    assert (code, "give one of them" in err) == (1, True)
    assert mien("gallery", "calibrate", "--reset", "-g", path)[0] == 0
    assert lines(mien("gallery", "show", "-g", path)[1])[0]["calibration"] is None


def test_templates_are_protected_and_the_key_is_revoked(mien, path, tmp_path, monkeypatch):
    one, two = tmp_path / "one.key", tmp_path / "two.key"
    code, out, _ = mien("gallery", "protect", "--key-file", one, "-g", path)
    assert (code, lines(out)[0]["protected"], one.stat().st_size) == (0, True, 65)
    code, _, err = mien("gallery", "show", "-g", path)
    assert (code, "give their key" in err) == (1, True)
    monkeypatch.setenv("MIEN_PROTECT_KEY_FILE", str(one))
    assert lines(mien("gallery", "show", "-g", path)[1])[0]["protected"]
    assert mien("gallery", "protect", "--key-file", two, "-g", path)[0] == 0
    code, _, err = mien("gallery", "check", "-g", path)
    assert (code, "or it was revoked" in err) == (1, True)
    monkeypatch.setenv("MIEN_PROTECT_KEY_FILE", str(two))
    assert mien("gallery", "check", "-g", path)[0] == 0


def test_nothing_is_removed_without_a_yes(mien, path, monkeypatch):
    code, _, _ = mien("gallery", "remove", 2, "-g", path)  # stdin is empty
    assert code == 1
    assert len(lines(mien("gallery", "list", "-g", path)[1])) == 2


def test_duplicates_are_told(mien, tmp_path):
    path = filled(tmp_path / "d.mien", Ada=[0, 1], Augusta=[-9], Ben=[90])
    code, out, _ = mien("gallery", "duplicates", "-g", path)
    assert code == 0
    assert [(row["same"], row["first"], row["second"], row["templates"]) for row in lines(out)] == [
        ("person", "Ada", "Augusta", [1, 3]),
        ("image", "Ada", "Ada", [1, 2]),
    ]
    code, out, _ = mien("gallery", "duplicates", "-g", path, "--table", "--near", 1.0)
    assert "Augusta" in out
    assert "image" not in out
    code, _, err = mien("gallery", "duplicates", "-g", path, "--near", 2)
    assert (code, "expected a similarity" in err) == (1, True)


def test_forget_tells_where_a_person_may_remain(mien, path, tmp_path):
    (tmp_path / "report.html").write_text("<b>Ada</b>")
    code, out, _ = mien(
        "gallery", "forget", "Ada", "-g", path, "--also", tmp_path / "report.html", "--yes"
    )
    [row] = lines(out)
    assert (code, row["templates"], row["complete"], row["runs"]) == (0, 2, True, 0)
    assert row["changed"] == []
    assert row["remains"][0].startswith(f"{tmp_path / 'report.html'}: names one of them")
    assert "exports and backups of this gallery" in row["remains"]


def test_an_import_with_conflicts_is_refused_and_each_is_told(mien, path, tmp_path):
    with open_gallery(filled(tmp_path / "o.mien", Augusta=[0], BEN=[90], Cy=[270]), None) as other:
        export_gallery(other, tmp_path / "o.zip")
    code, out, err = mien("gallery", "import", tmp_path / "o.zip", "-g", path)
    assert code == 1
    told = {(row["person"], row["other"]): row for row in lines(out)}
    assert set(told) == {("Augusta", "Ada"), ("BEN", "Ben")} | ({("BEN", "Ada")} & set(told))
    assert {(row["outcome"], row["reason"]) for row in told.values()} == {("refused", "conflict")}
    assert err.startswith("mien: conflict: ")
    assert len(lines(mien("gallery", "list", "-g", path)[1])) == 2
    code, out, _ = mien("gallery", "import", tmp_path / "o.zip", "-g", path, "--allow-conflicts")
    assert (code, lines(out)[0]["templates"]) == (0, 3)
    # Without a calibration of its embedder there is no threshold to compare with.
    with open_gallery(tmp_path / "x.mien", "other/0123456789ab/128", create=True) as other:
        other.add([Template("Ada", at(0)[0], "other/0123456789ab/128")])
        export_gallery(other, tmp_path / "x.zip")
    code, _, err = mien("gallery", "import", tmp_path / "x.zip", "-g", tmp_path / "y.mien")
    assert (code, "No calibration exists" in err) == (1, True)
    assert not (tmp_path / "y.mien").exists()
    how = ("-g", tmp_path / "y.mien", "--allow-conflicts")
    assert mien("gallery", "import", tmp_path / "x.zip", *how)[0] == 0

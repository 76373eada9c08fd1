"""Photos grouped and put right from the command line, with the default models."""

import json

import numpy as np
import pytest

from mien.media import write_image

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory, astronaut, hopper):
    """Two people on four photos, one of them together; a wall, and a broken file."""
    folder = tmp_path_factory.mktemp("photos")
    write_image(folder / "collins.jpg", astronaut)
    write_image(folder / "collins dark.jpg", (astronaut * 0.6).astype(np.uint8))
    write_image(folder / "hopper.jpg", hopper)
    write_image(folder / "both.jpg", np.hstack([astronaut, hopper[:512]]))
    write_image(folder / "wall.png", np.full((200, 200, 3), 128, np.uint8))
    return folder


@pytest.fixture
def grouped(folder, tmp_path, mien):
    """The file of groups after one run."""
    file = tmp_path / "groups.mien"
    code, _, _ = mien("cluster", folder, "--groups", file)
    assert code == 0
    return file


def rows(out):
    return [json.loads(line) for line in out.splitlines()]


def photos(row):
    return sorted(face["images"][0].rsplit("/")[-1] for face in row["faces"])


def test_people_are_grouped_and_a_second_run_changes_nothing(folder, tmp_path, mien):
    words = ("cluster", folder, "--groups", tmp_path / "g.mien", "--report", tmp_path / "g.html")
    code, out, err = mien(*words)
    assert code == 0
    first, second, wall = rows(out)
    assert photos(first) == ["both.jpg", "collins dark.jpg", "collins.jpg"]
    assert photos(second) == ["both.jpg", "hopper.jpg"]
    assert wall["reason"] == "none"
    assert "5 photos, 5 faces, 2 groups; 2 groups are new" in err
    assert "data:image/jpeg" in (tmp_path / "g.html").read_text("utf-8")
    code, again, err = mien(*words)
    assert again == out
    assert "0 groups are new, 0 faces moved, 0 were renamed" in err


def test_edits_are_kept_told_and_taken_back(folder, grouped, mien):
    def run(*words):
        code, out, err = mien("groups", *words, "--groups", grouped)
        assert (code, err) == (0, "")
        return rows(out)

    first = run("list")[0]
    dark = next(f["face"] for f in first["faces"] if "dark" in f["images"][0])
    number = first["group"]
    run("rename", number, "Eileen Collins")
    run("not", "Eileen Collins", dark)
    assert mien("cluster", folder, "--groups", grouped)[0] == 0
    names = {f["face"]: row["name"] for row in run("list") for f in row["faces"]}
    assert names[dark] is None
    assert list(names.values()).count("Eileen Collins") == 2
    assert run("undo") == [{"undone": f"excluded face {dark} from group {number}"}]
    assert len(next(row for row in run("list") if row["name"])["faces"]) == 3
    other = run("list")[1]["group"]
    new = run("split", "Eileen Collins", dark)[0]["group"]
    run("put", "Eileen Collins", dark)
    run("merge", other, number)
    [one] = run("list")
    assert (one["name"], len(one["faces"])) == ("Eileen Collins", 5)
    assert new != other
    edits = [row["edit"].split()[0] for row in run("journal")]
    assert edits == ["run:", "named", "excluded", "undid", "split", "put", "merged"]


def test_a_named_group_is_enrolled_and_then_recognised(grouped, mien, tmp_path, hopper):
    gallery, asked = tmp_path / "people.mien", tmp_path / "asked.jpg"
    write_image(asked, (hopper * 0.7).astype(np.uint8))
    assert mien("groups", "enroll", 2, "--groups", grouped, "--gallery", gallery)[0] == 1
    assert mien("groups", "rename", 2, "Grace Hopper", "--groups", grouped)[0] == 0
    code, out, _ = mien("groups", "enroll", 2, "--groups", grouped, "--gallery", gallery)
    assert (code, rows(out)[0]["templates"]) == (0, 2)
    _, out, _ = mien("identify", asked, "--gallery", gallery)
    assert rows(out)[0]["faces"][0]["decision"]["person"] == "Grace Hopper"


def test_tables_are_for_eyes(folder, grouped, mien):
    assert "both.jpg" in mien("cluster", folder, "--groups", grouped, "--table")[1]
    assert "group" in mien("groups", "list", "--table", "--groups", grouped)[1]
    assert "run:" in mien("groups", "journal", "--table", "--groups", grouped)[1]


def test_a_broken_photo_is_told_and_the_exit_code_says_so(folder, tmp_path, mien):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    code, out, err = mien(
        "cluster", folder / "hopper.jpg", tmp_path / "broken.jpg", "--groups", tmp_path / "g.mien"
    )
    assert code == 1
    assert "broken.jpg" in err
    group, broken = rows(out)
    assert len(group["faces"]) == 1
    assert broken["image"].endswith("broken.jpg")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("list",), "has no groups yet"),
        (("undo",), "has no groups yet"),
    ],
)
def test_without_groups_there_is_nothing_to_edit(tmp_path, mien, words, sentence):
    code, _, err = mien("groups", *words, "--groups", tmp_path / "none.mien")
    assert code == 1
    assert sentence in err


def test_an_empty_folder_is_an_error(tmp_path, mien):
    code, _, err = mien("cluster", tmp_path, "--groups", tmp_path / "g.mien")
    assert code == 1
    assert "No image" in err

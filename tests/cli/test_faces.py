"""The commands about people and faces, with the default models, on the demo's portraits."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.gallery import open_gallery
from mien.media import write_image

pytestmark = pytest.mark.weights


@pytest.fixture
def photos(tmp_path, astronaut, hopper):
    """A folder per person to enrol, and a folder of pictures to ask about."""
    known, asked = tmp_path / "known", tmp_path / "asked"
    for folder in (known / "Eileen Collins", known / "Grace Hopper", asked):
        folder.mkdir(parents=True)
    write_image(known / "Eileen Collins" / "1.jpg", astronaut)
    write_image(known / "Grace Hopper" / "1.jpg", hopper)
    write_image(asked / "collins.jpg", (astronaut * 0.6).astype(np.uint8))
    write_image(asked / "both.jpg", np.hstack([astronaut, hopper[:512, :]]))
    write_image(asked / "wall.png", np.full((200, 200, 3), 128, np.uint8))
    (asked / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    return tmp_path


@pytest.fixture
def gallery(photos, mien):
    path = photos / "people.mien"
    assert mien("enroll", photos / "known", "--gallery", path)[0] == 0
    return path


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_enroll_tells_each_picture_and_a_second_run_does_nothing(photos, mien):
    path = photos / "people.mien"
    code, out, err = mien("enroll", photos / "known", "--gallery", path)
    assert code == 0
    assert err == ""
    assert [(row["person"], row["outcome"]) for row in lines(out)] == [
        ("Eileen Collins", "enrolled"),
        ("Grace Hopper", "enrolled"),
    ]
    code, out, _ = mien("enroll", photos / "known", "--gallery", path)
    assert [row["outcome"] for row in lines(out)] == ["already", "already"]


def test_identify_names_people_gives_reasons_and_goes_on_after_a_broken_picture(
    photos, gallery, mien
):
    code, out, err = mien("identify", photos / "asked", "--gallery", gallery)
    rows = {row["image"].rsplit("/")[-1]: row for row in lines(out)}
    assert set(rows) == {"collins.jpg", "both.jpg", "wall.png", "broken.jpg"}
    [face] = rows["collins.jpg"]["faces"]
    assert face["decision"]["outcome"] == "match"
    assert face["decision"]["person"] == "Eileen Collins"
    assert rows["collins.jpg"]["search"]["people"] == 2
    names = {face["decision"]["person"] for face in rows["both.jpg"]["faces"]}
    assert names == {"Eileen Collins", "Grace Hopper"}
    assert rows["wall.png"]["reason"] == "none"
    assert "broken.jpg" in rows["broken.jpg"]["error"]
    assert code == 1  # one picture could not be read ...
    assert "1 could not be read; the others are complete" in err  # ... and why


def test_the_embedder_is_that_of_the_gallery_unless_one_is_named(photos, mien):
    path = photos / "other.mien"
    assert mien("enroll", photos / "known", "-g", path, "--embedder", "dlib-resnet29")[0] == 0
    code, out, _ = mien("identify", photos / "asked" / "collins.jpg", "-g", path)
    [row] = lines(out)
    assert code == 0
    assert row["models"]["embed"].startswith("dlib-resnet29@")
    assert row["faces"][0]["decision"]["person"] == "Eileen Collins"
    code, out, _ = mien("enroll", photos / "known", "-g", path)
    assert [row["outcome"] for row in lines(out)] == ["already", "already"]
    how = ("-g", path, "--embedder", "dlib-resnet29-int8")
    code, _, err = mien("identify", photos / "asked" / "collins.jpg", *how)
    assert (code, "holds vectors of 'dlib-resnet29/" in err) == (1, True)


def test_identify_as_a_table_with_drawings_and_a_report(photos, gallery, mien):
    (photos / "asked" / "broken.jpg").unlink()
    how = ["--table", "--draw", photos / "drawn", "--report", photos / "r.html"]
    code, out, _ = mien("identify", photos / "asked", "--gallery", gallery, *how)
    assert code == 0
    assert "Eileen Collins" in out
    assert "no face (none)" in out
    assert sorted(path.name for path in (photos / "drawn").iterdir()) == [
        "both.jpg",
        "collins.jpg",
        "wall.jpg",
    ]
    assert "Grace Hopper" in (photos / "r.html").read_text("utf-8")


def test_identify_continues_a_file_of_results(photos, gallery, mien):
    out = photos / "results.jsonl"
    one, every = photos / "asked" / "collins.jpg", photos / "asked"
    (every / "broken.jpg").unlink()
    assert mien("identify", one, "--gallery", gallery, "--out", out)[0] == 0
    with out.open("a") as file:
        file.write('{"image": "half a li')  # a killed run
    assert mien("identify", every, "--gallery", gallery, "--out", out)[0] == 0
    rows = lines(out.read_text("utf-8"))[1:]
    assert sorted(row["image"].rsplit("/")[-1] for row in rows) == [
        "both.jpg",
        "collins.jpg",
        "wall.png",
    ]
    code, _, err = mien("identify", every, "-g", gallery, "--out", out, "--fpir", "0.05")
    assert code == 1
    assert "must not mix two runs" in err


def test_identify_reads_a_picture_from_stdin(photos, gallery):
    data = (photos / "asked" / "collins.jpg").read_bytes()
    command = [sys.executable, "-m", "mien", "identify", "-", "--gallery", str(gallery)]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert json.loads(done.stdout)["faces"][0]["decision"]["person"] == "Eileen Collins"


def test_verify_says_match_and_unknown_and_where_the_threshold_comes_from(photos, mien):
    known, asked = photos / "known", photos / "asked"
    collins = known / "Eileen Collins" / "1.jpg"
    code, out, _ = mien("verify", collins, asked / "collins.jpg")
    [row] = lines(out)
    assert (code, row["outcome"]) == (0, "match")
    assert row["probability"] > 0.9
    assert row["basis"]["low"] <= row["basis"]["threshold"] <= row["basis"]["high"]
    assert row["basis"]["fmr"] == 1e-3
    _, out, _ = mien("verify", collins, known / "Grace Hopper" / "1.jpg", "--table")
    assert "unknown" in out
    assert "FMR 0.001" in out


def test_verify_refuses_a_rate_that_the_data_cannot_show(photos, mien):
    collins = photos / "known" / "Eileen Collins" / "1.jpg"
    code, out, err = mien("verify", collins, collins, "--fmr", "1e-12")
    assert (code, out) == (1, "")
    assert "request a larger rate" in err
    assert err.count("\n") == 1  # one line


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("wall.png", "No face was found in"),
        ("both.jpg", "2 faces of similar size"),
        ("broken.jpg", "broken.jpg"),
    ],
)
def test_verify_needs_one_face_in_each_picture(photos, mien, name, error):
    collins = photos / "known" / "Eileen Collins" / "1.jpg"
    code, out, err = mien("verify", collins, photos / "asked" / name)
    assert (code, out) == (1, "")
    assert error in err


def test_detect_quality_and_embed(photos, mien):
    asked = photos / "asked"
    _, out, _ = mien("detect", asked / "both.jpg")
    [row] = lines(out)
    assert [len(face["points"]) for face in row["faces"]] == [5, 5]
    assert "decision" not in row["faces"][0]
    _, out, _ = mien("quality", asked / "collins.jpg", "--table")
    assert "inter_eye_distance" in out
    code, _, _ = mien("embed", asked / "both.jpg", "--out", photos / "v.npz")
    stored = np.load(photos / "v.npz")
    assert (code, stored["vectors"].shape) == (0, (2, 128))
    assert str(stored["contract"]).startswith("dlib-resnet29-int8/")


def test_a_sideways_picture_is_turned_or_refused_as_asked(photos, mien, astronaut):
    path = photos / "sideways.jpg"
    write_image(path, cv2.rotate(astronaut, cv2.ROTATE_90_CLOCKWISE))
    [row] = lines(mien("detect", path)[1])
    assert (row["turned"], len(row["faces"])) == (270, 1)
    [row] = lines(mien("detect", path, "--turns", "never")[1])
    assert (row["reason"], row["faces"]) == ("sideways", [])


def test_people_are_listed_renamed_merged_exported_and_forgotten(photos, gallery, mien):
    def names():
        return [row["person"] for row in lines(mien("gallery", "list", "-g", gallery)[1])]

    assert names() == ["Eileen Collins", "Grace Hopper"]
    mien("gallery", "rename", "Grace Hopper", "Grace Murray", "-g", gallery)
    assert names() == ["Eileen Collins", "Grace Murray"]
    [row] = lines(mien("gallery", "show", "Grace Murray", "-g", gallery)[1])
    assert len(row["templates"]) == 1
    assert mien("gallery", "export", photos / "all.zip", "-g", gallery)[0] == 0
    assert mien("gallery", "import", photos / "all.zip", "-g", photos / "copy.mien")[0] == 0
    mien("gallery", "merge", "Grace Murray", "Eileen Collins", "-g", gallery)
    assert names() == ["Eileen Collins"]
    [receipt] = lines(mien("gallery", "forget", "Eileen Collins", "--yes", "-g", gallery)[1])
    assert (receipt["templates"], receipt["complete"]) == (2, True)
    assert names() == []
    assert b"Collins" not in gallery.read_bytes()
    assert len(lines(mien("gallery", "list", "-g", photos / "copy.mien")[1])) == 2
    assert mien("gallery", "check", "-g", gallery)[0] == 0


def test_forgetting_somebody_unknown_is_an_error_and_changes_nothing(gallery, mien):
    code, _, err = mien("gallery", "forget", "Nobody", "--yes", "-g", gallery)
    assert code == 1
    assert "Nobody" in err
    assert len(lines(mien("gallery", "list", "-g", gallery)[1])) == 2


@pytest.mark.parametrize(
    ("content", "error"), [(None, "does not exist"), (b"not a gallery at all" * 100, "not a")]
)
def test_a_gallery_that_is_missing_or_something_else(photos, mien, content, error):
    path = photos / "odd.mien"
    if content:
        path.write_bytes(content)
    code, _, err = mien("identify", photos / "asked" / "collins.jpg", "--gallery", path)
    assert code == 1
    assert error in err.lower()
    assert path.exists() == bool(content)  # asking must not create one
    if content:
        assert path.read_bytes() == content


def test_a_gallery_of_another_embedder_is_refused(photos, mien):
    path = photos / "other.mien"
    open_gallery(path, "other/1/2", create=True).close()
    code, _, err = mien("identify", photos / "asked" / "collins.jpg", "--gallery", path)
    assert code == 1
    assert "other/1/2" in err


@pytest.mark.parametrize(
    "words",
    [["identify"], ["nonsense"], ["verify", "a.jpg"], ["detect", "x.jpg", "--turns", "maybe"]],
)
def test_wrong_usage_ends_with_2(mien, words):
    assert mien(*words)[0] == 2


def test_a_missing_gpu_is_an_error(photos, mien):
    code, _, err = mien("detect", photos / "asked" / "wall.png", "--device", "rocm")
    assert code == 1
    assert "offers only" in err


def test_weights_without_commercial_use_are_refused_on_request(photos, mien):
    words = [
        "detect",
        photos / "asked" / "wall.png",
        "--detector",
        "scrfd-10g",
        "--commercial-only",
    ]
    code, _, err = mien(*words)
    assert code == 1
    assert "scrfd-10g" in err


def test_every_template_told_by_a_killed_enrolment_is_there(photos, astronaut):
    """kill -9 at a random moment; MIEN_KILLS sets how often."""
    known, path = photos / "many", photos / "killed.mien"
    for number in range(40):
        (known / f"Person {number:02}").mkdir(parents=True)
        shade = (astronaut[20:220, 120:320] * (0.5 + number / 90)).astype(np.uint8)
        write_image(known / f"Person {number:02}" / "1.png", shade)
    command = [sys.executable, "-m", "mien", "enroll", str(known), "--gallery", str(path)]
    told, rng = set(), random.Random(0)
    for _ in range(int(os.environ.get("MIEN_KILLS", "3"))):
        child = subprocess.Popen(
            [*command, "--allow-conflicts"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with child:
            first = child.stdout.readline()
            time.sleep(rng.uniform(0, 0.2))
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().splitlines(keepends=True)
        for line in [first, *rest]:
            if line.endswith(b"\n") and json.loads(line)["outcome"] == "enrolled":
                told.add(json.loads(line)["person"])
    assert told
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
    with open_gallery(path, None) as gallery:
        assert told <= {person.name for person in gallery.people()}


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(photos, astronaut, held):
    known, path = photos / "many", photos / "stopped.mien"
    for number in range(60):
        (known / f"{number}").mkdir(parents=True)
        shade = (astronaut * (0.5 + number / 130)).astype(np.uint8)
        write_image(known / f"{number}" / "1.png", shade)
    child = held(5, "enroll", known, "-g", path, "--allow-conflicts")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130
    assert "continues it" in err
    with open_gallery(path, None) as gallery:
        assert 0 < len(gallery) < 60


@pytest.mark.parametrize(
    "how", [["--draw"], ["--report"], ["--out"]], ids=["draw", "report", "out"]
)
def test_a_place_that_cannot_be_written_is_one_sentence(photos, gallery, mien, how):
    (photos / "file").write_text("in the way")
    target = photos / "file" / "below"
    code, _, err = mien("identify", photos / "asked" / "wall.png", "-g", gallery, *how, target)
    assert code == 1
    assert "below" in err or "file" in err
    assert "Traceback" not in err


def test_the_smallest_face_is_an_option_and_is_reported(photos, mien):
    code, out, _ = mien("detect", photos / "asked" / "collins.jpg", "--smallest", 40)
    assert code == 0
    assert json.loads(out)["smallest"] == 40
    code, _, err = mien("detect", photos / "asked" / "collins.jpg", "--smallest", 3)
    assert code == 1
    assert "A smallest face of 3 px is not possible" in " ".join(err.split())


def test_a_folder_is_answered_in_the_order_of_its_images(photos, mien):
    _, out, _ = mien("detect", photos / "asked")
    names = [Path(json.loads(line)["image"]).name for line in out.splitlines()]
    assert names == sorted(names)
    assert len(names) == 4

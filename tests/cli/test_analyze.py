import json
import os
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from mien.evaluate.demo import portraits
from mien.media import FilmWriter, open_film, read_image
from mien.tables import Table, openface
from mien.zoo import home

pytestmark = [pytest.mark.weights, pytest.mark.usefixtures("own_runs")]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Three seconds at 15 frames a second: Eileen Collins, then nobody, then Grace Hopper."""
    path = tmp_path_factory.mktemp("film") / "two.mp4"
    people = portraits()
    pictures = [
        cv2.resize(read_image(people[name]), (320, 360))
        for name in ("Eileen Collins", "Grace Hopper")
    ]
    sky = np.full((360, 320, 3), (120, 170, 220), np.uint8)
    with FilmWriter(path) as writer:
        for number in range(45):
            writer.add((pictures[0], sky, pictures[1])[number // 15], number / 15)
    return path


def test_a_film_gives_a_table_a_page_and_a_copy(mien, film, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    before = set((home() / "runs").glob("*.analyze"))
    code, out, err = mien(
        "analyze", film, "--out", tmp_path / "t.parquet", "--table", "--people",
        "--draw", tmp_path / "drawn", "--report", tmp_path / "r.html",
    )  # fmt: skip
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 80
    assert "unknown-1" in out
    table = Table.read(tmp_path / "t.parquet")
    assert len(table.data) >= 45
    assert set(table.data["reason"]) == {"ok", "no-face"}
    assert table.people["who"].tolist() == ["unknown-1", "unknown-2"]
    assert not [name for name in table.columns if name.startswith("mesh_")]  # only drawn
    assert table.facts["licences"]["mtcnn"]["licence"] == "MIT"
    assert len(table.facts["licences"]["attention-mesh"]["sha256"]) == 1
    with open_film(tmp_path / "drawn/two.analyzed.mp4") as drawn:
        assert len(list(drawn.frames())) == 45
    assert "two.mp4" in (tmp_path / "r.html").read_text()
    assert set((home() / "runs").glob("*.analyze")) == before  # deleted when done


def test_micro_expressions_are_searched_if_asked_for(mien, film, tmp_path):
    code, _, err = mien("analyze", film, "--heads", "none", "--micro", "--out", tmp_path / "t.csv")
    assert code == 0, err
    assert "0 candidates of micro-expressions in 0 s of face" in err
    assert "15 measured frames per second are too few to spot: at least 25 are needed" in err
    kept = Table.read(tmp_path / "t.csv").recordings
    assert "15 measured" in kept["micro_note"][0]


def test_names_come_from_a_gallery(mien, film, tmp_path):
    (tmp_path / "people").mkdir()
    shutil.copy(portraits()["Eileen Collins"], tmp_path / "people/Eileen Collins.png")
    assert mien("enroll", tmp_path / "people", "--gallery", tmp_path / "g.mien")[0] == 0
    code, out, err = mien("analyze", film, "-g", tmp_path / "g.mien", "-o", tmp_path / "t.csv")
    assert code == 0, err
    row = json.loads(out)
    assert [one["who"] for one in row["people"]] == ["Eileen Collins", "unknown-1"]
    assert row["recordings"][0]["frames"] == 45
    assert len(row["files"]) == 4


def test_pictures_go_to_json_lines_and_to_the_columns_of_openface(mien, tmp_path):
    face = portraits()["Eileen Collins"]
    code, out, err = mien("analyze", face)
    assert code == 0, err
    [row] = [json.loads(line) for line in out.splitlines()]
    assert (row["reason"], row["time"], row["person"]) == ("ok", None, None)
    assert isinstance(row["AU12_r"], float)
    assert mien("analyze", face, "--format", "openface", "-o", tmp_path / "o.csv")[0] == 0
    theirs = pd.read_csv(tmp_path / "o.csv")
    assert list(theirs) == openface.names(picture=True)
    assert theirs["x_36"].notna().all()


def test_an_upside_down_picture_is_measured_and_its_roll_says_so(mien, tmp_path):
    image = np.ascontiguousarray(read_image(portraits()["Eileen Collins"])[::-1, ::-1])
    cv2.imwrite(str(tmp_path / "down.png"), image[..., ::-1])
    [row] = [json.loads(line) for line in mien("analyze", tmp_path / "down.png")[1].splitlines()]
    assert row["reason"] == "ok"
    assert abs(row["roll"]) > 165


def test_half_a_face_has_a_row(mien, tmp_path):
    image = read_image(portraits()["Eileen Collins"])
    cv2.imwrite(str(tmp_path / "half.png"), image[:, :225, ::-1])  # cut through the nose
    rows = [json.loads(line) for line in mien("analyze", tmp_path / "half.png")[1].splitlines()]
    assert len(rows) == 1
    assert rows[0]["reason"]
    if rows[0]["reason"] != "ok":
        assert rows[0]["mouth_width"] is None


@pytest.fixture(scope="module")
def dressed():
    """Pictures of somebody made up: as they are, with glasses, sunglasses and a mask."""
    from dataclasses import replace

    from mien.synth import Actor, Camera, Pose, Scene, make_person, open_head, render

    head = open_head("builtin")
    person = make_person(2003, head)
    looks = {
        "bare": {}, "glasses": {"glasses": "round"}, "sun": {"glasses": "sun"},
        "mask": {"mask": True},
    }  # fmt: skip
    scene = Scene({}, Pose(8, 3, 0), Camera(256, 256))
    worn = {
        name: replace(person, appearance=replace(person.appearance, **how))
        for name, how in looks.items()
    }
    return {name: render(Actor(head, one), scene, truth=False).rgb for name, one in worn.items()}


@pytest.mark.parametrize("wearing", ["bare", "glasses", "sun", "mask"])
def test_glasses_are_measured_and_a_mask_hides_what_is_under_it(mien, dressed, tmp_path, wearing):
    cv2.imwrite(str(tmp_path / "one.png"), dressed[wearing][..., ::-1])
    with FilmWriter(tmp_path / "one.mp4") as writer:
        for number in range(10):
            writer.add(dressed[wearing], number / 10)
    code, out, err = mien("analyze", tmp_path / "one.png", tmp_path / "one.mp4")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 11
    for row in rows:
        assert row["brow_inner_left"] is not None
        assert abs(row["yaw"] - 8) < 8
        if wearing == "mask":
            assert row["reason"] == "occluded"
            gone = ("mouth_width", "mouth_aperture", "lip_to_chin", "cheek_left", "nose_wing_right")
            assert [row[name] for name in gone] == [None] * len(gone)
            assert row["AU12_r"] is None
            assert row["AU01_r"] is not None
        else:
            assert row["reason"] == "ok"
            assert row["mouth_width"] > 0.5


def test_a_baseline_is_kept_used_again_and_refused_for_somebody_else(mien, film, tmp_path):
    rest = tmp_path / "eileen.json"
    code, out, err = mien("baseline", "fit", portraits()["Eileen Collins"], "-o", rest)
    assert code == 0, err
    assert json.loads(out)["contract"].startswith("dlib-resnet29")
    code, _, err = mien("analyze", film, "--baseline", rest, "-o", tmp_path / "t.parquet")
    assert code == 0, err
    used = Table.read(tmp_path / "t.parquet").facts["baselines"]
    assert used[0]["why"].startswith("the supplied baseline; the face smiles")
    assert used[1]["why"] != used[0]["why"]  # Grace Hopper has her own
    other = portraits()["Grace Hopper"]
    code, _, err = mien("analyze", other, "--baseline", rest)
    assert code == 1
    assert "another person" in err


def test_a_killed_run_goes_on_with_the_same_command(film, tmp_path, held):
    long = tmp_path / "long.mp4"
    with open_film(film) as opened, FilmWriter(long) as writer:
        frames = [frame.image for frame in opened.frames()]
        for number in range(400):
            writer.add(frames[number % 15], number / 15)
    often = "import mien.film.checkpoint as k; k.OFTEN = 0.0"  # a part each half second
    words = ["analyze", long, "-o", tmp_path / "t.parquet"]
    for how, upto in ((signal.SIGKILL, 6), (signal.SIGINT, 12)):
        run = held(upto, *words, before=often)
        assert len(_parts()) > upto
        run.send_signal(how)
        run.communicate()
        assert run.returncode == (-how if how == signal.SIGKILL else 130)
    part = Table.read(tmp_path / "t.parquet")  # Ctrl-C wrote what was seen
    assert part.recordings["reason"].tolist() == ["interrupted"]
    assert 11 * 15 <= len(part.data) < 400
    words = [sys.executable, "-m", "mien", *map(str, words)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = Table.read(tmp_path / "t.parquet")
    assert table.recordings["complete"].tolist() == [True]
    assert len(table.data) == 400
    assert _parts() == []


def _parts():
    return list((home() / "runs").glob("*.analyze/[0-9]*.parquet"))


def test_rows_that_nobody_went_on_with_are_forgotten_after_a_week(mien, film, tmp_path):
    old = home() / "runs/old.analyze"
    old.mkdir(parents=True, exist_ok=True)
    os.utime(old, (0, 0))
    assert mien("analyze", film, "-o", tmp_path / "t.parquet")[0] == 0
    assert not old.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "t.xlsx"], "must end in .parquet or .csv"),
        (["--format", "openface"], "needs --out"),
        (["--heads", "nosuch"], "no model 'nosuch'"),
        (["--heads", "mtcnn"], "is a detector"),
        (["--baseline", "none.json"], "cannot be read"),
        (["--out", "nowhere/x.csv"], "folder 'nowhere' does not exist"),
        (["--report", "page.txt"], "must end in .html"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(mien, film, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    code, _, err = mien("analyze", film, *words)
    assert code == 1
    assert told in err


def test_watching_tells_what_faces_show_as_json_lines(mien, film):
    code, out, err = mien("watch", film, "--analyze", "--seconds", "1")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    faces = [row for row in rows if row["row"] == "face"]
    assert [row["time"] for row in faces] == pytest.approx(np.arange(15) / 15, abs=1e-3)
    assert all(row["reason"] == "ok" for row in faces)
    assert {row["baseline"] for row in faces} == {None}  # less than two seconds were seen

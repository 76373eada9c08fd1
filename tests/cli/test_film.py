import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from mien.evaluate.demo import portraits
from mien.media import FilmWriter, open_film, read_image
from mien.zoo import home

pytestmark = [pytest.mark.weights, pytest.mark.usefixtures("own_runs")]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Three seconds: Eileen Collins, then nobody, then Grace Hopper."""
    import cv2

    path = tmp_path_factory.mktemp("film") / "two.mp4"
    people = portraits()
    pictures = [
        cv2.resize(read_image(people[name]), (320, 360))
        for name in ("Eileen Collins", "Grace Hopper")
    ]
    sky = np.full((360, 320, 3), (120, 170, 220), np.uint8)
    with FilmWriter(path) as writer:
        for number in range(45):
            picture = (pictures[0], sky, pictures[1])[number // 15]
            writer.add(picture, number / 15)
    return path


@pytest.fixture
def gallery(tmp_path, mien):
    folder = tmp_path / "people"
    folder.mkdir()
    shutil.copy(portraits()["Eileen Collins"], folder / "Eileen Collins.png")
    assert mien("enroll", folder, "--gallery", tmp_path / "g.mien")[0] == 0
    return tmp_path / "g.mien"


def test_a_film_gives_a_row_tables_a_report_and_a_marked_copy(mien, film, gallery, tmp_path):
    code, out, err = mien(
        "identify", film, "-g", gallery, "--draw", tmp_path / "o", "--tables", tmp_path / "t",
        "--report", tmp_path / "r.html", "--every", "0.2",
    )  # fmt: skip
    assert code == 0, err
    row = json.loads(out)
    assert [person["label"] for person in row["people"]] == ["Eileen Collins", "unknown-1"]
    assert row["complete"]
    assert row["frames"]["decoded"] == 45
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [
        "appearances.csv", "appearances.json", "chapters.vtt", "people.png",
    ]  # fmt: skip
    vtt = (tmp_path / "t/chapters.vtt").read_text()
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nEileen Collins\n")
    lines = (tmp_path / "t/appearances.csv").read_text().splitlines()
    assert lines[0].startswith("person,start_s,end_s,outcome")
    assert lines[1].startswith("Eileen Collins,0.000,1.000,match")
    page = (tmp_path / "r.html").read_text()
    assert "People in two.mp4" in page
    assert page.count('class="row"') == 2
    assert "two.mp4#t=0.00" in page
    with open_film(tmp_path / "o/two.marked.mp4") as marked:
        assert len(list(marked.frames())) == 45


def test_what_was_seen_is_deleted_when_done_and_kept_when_asked(
    mien, film, gallery, tmp_path, monkeypatch
):
    segments = tmp_path / "two.segments"
    code, out, _ = mien(
        "identify", film, "-g", gallery, "--every", "0.5", "--segments", segments, "--table"
    )
    assert code == 0
    assert "Eileen Collins" in out
    assert segments.exists()
    code, again, _ = mien(
        "identify", film, "-g", gallery, "--every", "0.5", "--segments", segments, "--table"
    )
    assert (code, again) == (0, out)
    kept = set((home() / "runs").glob("*"))
    assert mien("identify", film, "-g", gallery, "--every", "0.5")[0] == 0
    assert set((home() / "runs").glob("*")) == kept


def test_ctrl_c_tells_what_was_seen_and_the_same_command_goes_on(film, gallery, tmp_path, held):
    long = tmp_path / "long.mp4"
    with open_film(film) as opened, FilmWriter(long) as writer:
        frames = [frame.image for frame in opened.frames()]
        for number in range(300):
            writer.add(frames[number % 45], number / 15)
    segments = tmp_path / "long.segments"
    words = ["identify", long, "-g", gallery, "--segments", segments, "--every", "0"]
    run = held(4, *words)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate()
    assert run.returncode == 130
    assert json.loads(out)["reason"] == "interrupted"
    assert "the same command continues" in err
    saved = segments.read_bytes().count(b"\n") - 1
    words = [sys.executable, "-m", "mien", *map(str, words)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert json.loads(done.stdout)["complete"]
    assert json.loads(done.stdout)["frames"]["given"] <= 300 - 7 * (saved - 2)


def test_looks_that_nobody_went_on_with_are_forgotten_after_a_week(mien, film, gallery):
    old = home() / "runs/old.identify"
    old.write_text("{}\n")
    os.utime(old, (0, 0))
    assert mien("identify", film, "-g", gallery, "--every", "0.5")[0] == 0
    assert not old.exists()


def test_unknown_people_are_blurred_beyond_recognition(mien, film, gallery, tmp_path, mtcnn):
    code, _, err = mien(
        "identify", film, "-g", gallery, "--draw", tmp_path, "--blur", "unknown", "--table"
    )
    assert code == 0, err
    with open_film(tmp_path / "two.blurred.mp4") as blurred:
        frames = list(blurred.frames())
    assert all(len(mtcnn(frame.image)) == 1 for frame in frames[:15:4])  # she is known
    assert not any(mtcnn(frame.image) for frame in frames[30:])  # not in a single frame


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--blur", "all"], "needs --draw"),
        (["--blur", "Nobody Here", "--draw", "o"], "no such person"),
        (["--report", "page.txt"], "must end in .html"),
        (["--every", "-1"], "not valid"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    mien, film, gallery, tmp_path, words, told, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, err = mien("identify", film, "-g", gallery, *words)
    assert code == 1
    assert told in err


def test_films_and_photos_go_together(mien, film, gallery):
    code, out, err = mien("identify", film, portraits()["Eileen Collins"], "-g", gallery)
    assert code == 0, err
    photo, there = sorted(
        (json.loads(line) for line in out.splitlines()), key=lambda r: "film" in r
    )
    assert photo["faces"][0]["decision"]["person"] == "Eileen Collins"
    assert "Eileen Collins" in {one["person"] for one in there["people"]}


def test_a_film_that_cannot_be_opened_is_told(mien, gallery, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    code, _, err = mien("identify", tmp_path / "bad.mp4", "-g", gallery)
    assert code == 1
    assert "not a film" in err


def test_watching_a_film_tells_and_logs_who_came_and_went(mien, film, gallery, tmp_path):
    log = tmp_path / "door.jsonl"
    code, out, err = mien("watch", film, "-g", gallery, "--log", log, "--table")
    assert code == 0, err
    words = {"start", "enters", "leaves", "end"}
    said = [next(w for w in line.split() if w in words) for line in out.splitlines()]
    assert said == ["start", "enters", "enters", "leaves", "leaves", "end"]
    assert "Eileen Collins" in out
    rows = [json.loads(line) for line in mien("events", log, "--after", "2")[1].splitlines()]
    assert [row["seq"] for row in rows] == [3, 4, 5, 6]
    assert rows[0]["person"] == "unknown-1"
    code, out, _ = mien("events", log, "--table")
    assert len(out.splitlines()) == 6

"""Inputs from the field, each one of a kind: nothing is left out without a word."""

import json
import os
import shutil
import sys

import numpy as np
import pytest

from mien.cli.terminal import printable, shortened
from mien.evaluate.demo import portraits
from mien.media import FilmWriter, find_images, read_image, write_image

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A gallery of the two portraits."""
    from mien import enroll

    folder = tmp_path_factory.mktemp("people")
    for name, path in portraits().items():
        (folder / name).mkdir()
        shutil.copy(path, folder / name)
    enroll(folder, folder / "g.mien")
    return folder / "g.mien"


@pytest.fixture
def astronaut_file(tmp_path, astronaut):
    write_image(tmp_path / "a.png", astronaut)
    return tmp_path / "a.png"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8_is_shown_with_a_stand_in(mien, people, astronaut, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    write_image(tmp_path / "plain.png", astronaut)
    os.rename(tmp_path / "plain.png", os.fsencode(folder) + b"/caf\xe9.png")
    code, out, err = mien("identify", folder, "-g", people, "--report", tmp_path / "n.html")
    assert code == 0, err
    assert json.loads(out)["faces"][0]["decision"]["person"] == "Eileen Collins"
    assert "caf?.png" in (tmp_path / "n.html").read_text("utf-8")
    code, out, _ = mien("detect", folder, "--table")
    assert (code, "caf\\xe9.png" in out.replace("\n", "")) == (0, True)


def test_entries_that_cannot_be_searched_are_reported_and_the_others_done(tmp_path, astronaut):
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for place in ("a.png", "sub/b.png", "../elsewhere/c.png"):
        write_image(folder / place, astronaut[:32, :32])
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "back").symlink_to(folder)
    (folder / "root").symlink_to("/")
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    skipped = []
    found = [path.name for path in find_images(folder, skipped=skipped.append)]
    assert found == ["a.png", "b.png"]
    assert any("root is a link to /" in one for one in skipped)
    assert any("out is a link to" in one for one in skipped)
    assert len(find_images(folder / "out")) == 1  # named, it is searched


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_does_not_stop_the_others(tmp_path, astronaut):
    write_image(tmp_path / "a.png", astronaut[:32, :32])
    (tmp_path / "lost+found").mkdir(mode=0)
    skipped = []
    assert len(find_images(tmp_path, skipped=skipped.append)) == 1
    assert "lost+found may not be read" in skipped[0]


def test_a_film_upside_down_says_so_and_the_option_for_photos_is_refused(
    mien, people, astronaut, tmp_path
):
    with FilmWriter(tmp_path / "down.mp4") as writer:
        for number in range(10):
            writer.add(np.ascontiguousarray(astronaut[::-1, ::-1]), number / 10)
    code, out, err = mien("identify", tmp_path / "down.mp4", "-g", people)
    assert code == 0
    assert json.loads(out)["reason"] == "turned-180"
    assert "half a turn" in err
    code, _, err = mien("identify", tmp_path / "down.mp4", "-g", people, "--turns", "always")
    assert code == 1
    assert "is for photos" in err


@pytest.mark.parametrize("gap", [0.04, 60.0])
def test_a_film_of_one_frame_or_one_frame_a_minute_names_the_person(
    mien, people, astronaut, tmp_path, gap
):
    frames = 1 if gap < 1 else 3
    with FilmWriter(tmp_path / "few.mp4") as writer:
        for number in range(frames):
            writer.add(astronaut, number * gap)
    code, out, err = mien("identify", tmp_path / "few.mp4", "-g", people)
    assert code == 0, err
    assert [one["person"] for one in json.loads(out)["people"]] == ["Eileen Collins"]


def test_the_bytes_decide_what_a_file_is(mien, people, astronaut, astronaut_file, tmp_path):
    shutil.copy(astronaut_file, tmp_path / "photo.mp4")
    with FilmWriter(tmp_path / "f.mp4") as writer:
        for number in range(10):
            writer.add(astronaut, number / 10)
    shutil.copy(tmp_path / "f.mp4", tmp_path / "camera.dav")
    code, out, err = mien("identify", tmp_path / "photo.mp4", tmp_path / "camera.dav", "-g", people)
    assert code == 0, err
    photo, film = (json.loads(line) for line in out.splitlines())
    assert photo["faces"][0]["decision"]["person"] == "Eileen Collins"
    assert film["people"][0]["person"] == "Eileen Collins"


def test_a_long_name_leaves_room_for_the_answer(mien, people, astronaut_file, tmp_path):
    name = tmp_path / f"{'x' * 59}.png"
    os.rename(astronaut_file, name)
    code, out, _ = mien("identify", name, "-g", people, "--table")
    assert code == 0
    assert "Eileen" in out
    assert "match" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_names_do_not_act_on_the_terminal(mien, astronaut_file, tmp_path):
    name = tmp_path / "\x1b]52;c;aGk=\x07\x1b[2J\u202egnp.png"
    os.rename(astronaut_file, name)
    _, out, _ = mien("detect", name, "--table")
    (tmp_path / "bad\x1b[2J.png").write_bytes(b"nothing")
    _, _, err = mien("detect", tmp_path / "bad\x1b[2J.png")
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    assert "\\x1b" in out.replace("\n", "")


def test_printable_and_shortened_by_hand():
    assert printable("a\x1b[2Jb\udce9\u202e") == "a\\x1b[2Jb\\xe9\\u202e"
    assert printable("Åsa 王 ok") == "Åsa 王 ok"
    assert len(shortened("x" * 63, 24)) == 24
    assert shortened("short.png", 24) == "short.png"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--fpir", "7"], "FPIR 7 is not possible"),
        (["--prior", "0"], "prior of 0 is not possible"),
        (["--report", "nowhere/x.html"], "folder 'nowhere' does not exist"),
        (["--report", "x.pdf"], "must end in .html"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_work(mien, people, tmp_path, words, says):
    write_image(tmp_path / "wall.png", np.full((64, 64, 3), 90, np.uint8))
    code, _, err = mien("identify", tmp_path / "wall.png", "-g", people, *words)
    assert code == 1
    assert says in err


def test_an_export_under_another_name_is_refused(mien, people, tmp_path):
    code, _, err = mien("gallery", "export", tmp_path / "people.csv", "-g", people)
    assert code == 1
    assert "must end in .zip" in err
    assert not (tmp_path / "people.csv").exists()


def test_a_grey_map_and_a_tiff_of_floats_are_read(tmp_path, astronaut):
    import cv2

    small = astronaut[:64, :96]
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    (tmp_path / "p.pgm").write_bytes(b"P5\n96 64\n255\n" + grey.tobytes())
    assert (read_image(tmp_path / "p.pgm")[..., 0] == grey).all()
    cv2.imwrite(str(tmp_path / "f.tiff"), (small[..., ::-1] / 255).astype(np.float32))
    assert np.abs(read_image(tmp_path / "f.tiff").astype(int) - small).max() <= 1

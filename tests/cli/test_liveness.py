import json

import numpy as np
import pytest

from mien.media import FilmWriter, write_image
from mien.synth import Actor, Scene, make_person, open_head, render
from mien.synth.render.attacks import present

pytestmark = pytest.mark.weights
HEAD = ("--liveness-head", "liveness-texture")


@pytest.fixture
def face(tmp_path, astronaut):
    write_image(tmp_path / "eileen.png", astronaut)
    return tmp_path / "eileen.png"


def test_a_picture_gets_an_answer_with_head_and_point(mien, face):
    code, out, _ = mien("liveness", face, *HEAD, "--liveness-at", "half")
    row = json.loads(out)
    assert code == 0
    assert row["image"] == str(face)
    [one] = row["faces"]
    assert one["liveness"]["model"].startswith("liveness-texture@")
    assert (one["liveness"]["point"], one["liveness"]["threshold"]) == ("half", 0.5)
    assert row["outcome"] == one["liveness"]["outcome"]


def test_a_table_fits_80_columns_and_names_what_is_missing(mien, face, tmp_path):
    write_image(tmp_path / "black.png", np.zeros((99, 99, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    code, out, err = mien("liveness", tmp_path, *HEAD, "--table")
    assert code == 1
    assert "broken.png" in err
    assert "no face (" in out
    assert "unreadable" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_exit_code_states_the_answer(mien, face, tmp_path, monkeypatch):
    write_image(tmp_path / "black.png", np.zeros((99, 99, 3), np.uint8))
    assert mien("liveness", tmp_path / "black.png", *HEAD, "--exit-code")[0] == 4
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert mien("liveness", tmp_path / "broken.png", *HEAD, "--exit-code")[0] == 5


def test_a_report_shows_the_face_and_its_liveness(mien, face, tmp_path):
    assert mien("liveness", face, *HEAD, "--report", tmp_path / "r.html")[0] == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "Liveness <b>" in page
    assert "bpcer5 of liveness-texture@" in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--liveness-at", "apcer1", *HEAD), "no operating point 'apcer1'"),
        (("--liveness-head", "mtcnn"), "does not check liveness"),
        (("--challenge", "2", *HEAD), None),
    ],
)
def test_wrong_wishes_are_refused(mien, face, tmp_path, words, says):
    if says is None:
        write_image(tmp_path / "two.png", np.zeros((9, 9, 3), np.uint8))
        code, _, err = mien("liveness", face, tmp_path / "two.png", *words)
        assert "exactly one camera" in err
    else:
        code, _, err = mien("liveness", face, *words)
        assert says in err
    assert code == 1


def test_without_weights_nothing_is_live(mien, face, tmp_path, monkeypatch):
    from mien.zoo.weights import cache

    monkeypatch.setattr(cache, "home", lambda: tmp_path / "none")
    for words in (("liveness", face), ("verify", face, face, "--liveness", "refuse")):
        code, out, err = mien(*words)
        assert (code, out) == (1, "")
        assert "mien models pull" in err


def test_verify_identify_and_enroll_take_it(mien, face, tmp_path):
    gallery = tmp_path / "g.mien"
    assert mien("enroll", face, "-g", gallery, "--liveness", "warn", *HEAD)[0] == 0
    _, out, _ = mien("identify", face, "-g", gallery, "--liveness", "warn", *HEAD)
    [one] = json.loads(out)["faces"]
    assert one["liveness"]["point"] == "bpcer5"
    assert one["decision"]["code"] is None
    _, out, _ = mien("verify", face, face, "--liveness", "refuse", *HEAD)
    row = json.loads(out)
    refused = row["liveness"]["outcome"] != "live"
    assert row["code"] == (f"liveness-{row['liveness']['outcome']}" if refused else None)
    assert row["outcome"] == ("review" if refused else "match")
    _, out, _ = mien("verify", face, face, "--liveness", "warn", *HEAD, "--table")
    assert "liveness" in out


def test_watching_with_measures_and_liveness_is_refused(mien, tmp_path):
    code, _, err = mien("watch", "x.mp4", "--analyze", "--liveness", "warn")
    assert code == 1
    assert "leave out --analyze" in err


def test_pictures_of_attempts_are_evaluated(mien, face, tmp_path, hopper):
    write_image(tmp_path / "grace.png", hopper)
    rows = "eileen.png,bona-fide,Eileen,Eileen\ngrace.png,print,sheet 1,Eileen\n"
    (tmp_path / "attempts.csv").write_text("path,species,subject,person\n" + rows)
    code, out, _ = mien("eval", "pad", tmp_path, *HEAD, "--liveness-at", "half")
    assert code == 0
    told = json.loads(out)
    assert "BPCER" in told["headline"]
    assert told["basis"]["Operating point"] == "half, above 0.5"
    assert told["basis"]["liveness"].startswith("liveness-texture@")
    assert mien("eval", "pad", tmp_path, "--layout", "lfw")[0] == 2


def test_depth_and_infrared_of_one_image_are_used_and_named(mien, tmp_path):
    head = open_head("builtin")
    frame = render(Actor(head, make_person(1_616, head)), Scene(), truth=True, nir=True)
    write_image(tmp_path / "f.png", frame.rgb)
    write_image(tmp_path / "ir.png", np.repeat(frame.nir[..., None], 3, 2))
    np.save(tmp_path / "d.npy", frame.depth)
    words = ("--liveness-head", "liveness-mmda")
    given = ("--depth", tmp_path / "d.npy", "--infrared", tmp_path / "ir.png")
    code, out, _ = mien("liveness", tmp_path / "f.png", *words, *given)
    [one] = json.loads(out)["faces"]
    assert code == 0
    assert one["liveness"]["modalities"] == ["rgb", "depth", "infrared"]
    assert one["liveness"]["outcome"] == "live"
    np.save(tmp_path / "d.npy", np.zeros_like(frame.depth))
    _, out, _ = mien("liveness", tmp_path / "f.png", *words, *given, "--table")
    assert "The score rests on rgb, infrared; left out: depth-empty." in out
    assert max(map(len, out.splitlines())) <= 80
    _, out, _ = mien("liveness", tmp_path / "f.png", *words)
    assert json.loads(out)["faces"][0]["liveness"]["modalities"] == ["rgb"]


def test_depth_that_no_head_can_use_is_refused(mien, face, tmp_path):
    np.save(tmp_path / "d.npy", np.ones((512, 512)))
    code, _, err = mien("liveness", face, *HEAD, "--depth", tmp_path / "d.npy")
    assert (code, "choose --liveness-head liveness-mmda" in err) == (1, True)
    words = ("--liveness-head", "liveness-mmda", "--depth", tmp_path / "d.npy")
    write_image(tmp_path / "two.png", np.zeros((9, 9, 3), np.uint8))
    code, _, err = mien("liveness", face, tmp_path / "two.png", *words)
    assert (code, "need exactly one image" in err) == (1, True)
    np.save(tmp_path / "d.npy", np.ones((9, 9)))
    code, _, err = mien("liveness", face, *words)
    assert (code, "aligned pixel by pixel" in err) == (1, True)


def test_attempts_with_depth_are_evaluated_at_their_threshold(mien, tmp_path):
    head = open_head("builtin")
    actor = Actor(head, make_person(1_616, head))
    frame, shown = render(actor, Scene(), truth=True), present(actor, Scene(), "print", 3)
    for name, one in (("live", frame), ("print", shown)):
        write_image(tmp_path / f"{name}.png", one.rgb)
        np.save(tmp_path / f"{name}.npy", one.depth)
    rows = "live.png,bona-fide,Ada,live.npy\nprint.png,print,sheet,print.npy\n"
    (tmp_path / "attempts.csv").write_text("path,species,subject,depth\n" + rows)
    code, out, _ = mien("eval", "pad", tmp_path, "--liveness-head", "liveness-mmda")
    basis = json.loads(out)["basis"]
    assert (code, basis["Scores rest on"]) == (0, "rgb+depth 2")
    (tmp_path / "print.npy").unlink()
    code, _, err = mien("eval", "pad", tmp_path, "--liveness-head", "liveness-mmda")
    assert (code, "do not exist" in err) == (1, True)


@pytest.fixture
def film(tmp_path, astronaut):
    """Three seconds of a photograph that nobody moves."""
    with FilmWriter(tmp_path / "still.mp4") as writer:
        for number in range(75):
            writer.add(astronaut, number / 25)
    return tmp_path / "still.mp4"


def test_a_film_of_a_photograph_that_lies_there_is_an_attack(mien, film, tmp_path):
    code, out, _ = mien("liveness", film, *HEAD, "--exit-code", "--report", tmp_path / "r.html")
    row = json.loads(out)
    assert (code, row["outcome"]) == (3, "attack")
    [face] = row["faces"]
    assert face["liveness"]["signs"] == face["motion"]["signs"] == ["still"]
    assert face["motion"]["moved"] < 0.002
    assert face["motion"]["reasons"]["pulse"] == "too-few-frames"
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "The face does not move at all" in page
    assert "liveness-texture@" in page
    assert page.count("<figure>") >= 6
    assert "Score over time" in page
    _, out, _ = mien("liveness", film, *HEAD, "--table")
    assert "still; moves by 0.0% of its width" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_report_has_images_or_films(mien, film, face, tmp_path):
    code, _, err = mien("liveness", film, face, *HEAD, "--report", tmp_path / "r.html")
    assert (code, "images or films, not both" in err) == (1, True)


def test_a_report_of_a_film_without_a_face_says_so(mien, tmp_path):
    with FilmWriter(tmp_path / "black.mp4") as writer:
        for number in range(10):
            writer.add(np.zeros((64, 64, 3), np.uint8), number / 10)
    (tmp_path / "<b>.mp4").write_bytes(b"no film")
    words = ("liveness", tmp_path / "black.mp4", tmp_path / "<b>.mp4", *HEAD)
    assert mien(*words, "--report", tmp_path / "r.html")[0] == 1
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "No face was found, so nothing was checked." in page
    assert "unreadable" in page
    assert "<b>.mp4" not in page

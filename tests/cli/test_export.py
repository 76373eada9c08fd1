"""Exports, regions to enrol, the schema and exit codes, as a user asks for them."""

import json
import shutil

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from mien.evaluate.demo import portraits
from mien.media import write_image

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """A gallery of Eileen Collins alone."""
    from mien import enroll

    folder = tmp_path_factory.mktemp("people")
    shutil.copy(portraits()["Eileen Collins"], folder / "Eileen Collins.png")
    enroll(folder, folder / "g.mien")
    return folder / "g.mien"


@pytest.fixture
def party(tmp_path, astronaut):
    """A folder with her, turned by its EXIF tag, and a text."""
    folder = tmp_path / "party"
    folder.mkdir()
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(astronaut)))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "her.jpg", exif=exif, quality=95)
    (folder / "notes.txt").write_text("x")
    return folder


def test_a_run_and_its_saved_answer_export_the_same(mien, gallery, party, tmp_path):
    run, saved = tmp_path / "run", tmp_path / "saved"
    how = ["identify", party, "-g", gallery, "--out", tmp_path / "a.jsonl"]
    code, _, err = mien(*how, "--export", f"xmp={run}", "--export", f"coco={tmp_path / 'c.json'}")
    assert code == 0, err
    assert "neither images nor films by their names are left out (1 .txt)" in err
    code, _, err = mien("export", tmp_path / "a.jsonl", "--to", f"xmp={saved}")
    assert code == 0, err
    text = (saved / "her.jpg.xmp").read_text("utf-8")
    assert text == (run / "her.jpg.xmp").read_text("utf-8")
    assert 'mwg-rs:Name="Eileen Collins"' in text
    assert len(json.loads((tmp_path / "c.json").read_text())["annotations"]) == 1
    code, _, _ = mien(*how, "--export", f"csv={tmp_path / 'again.csv'}")  # all is in the file
    assert (code, len((tmp_path / "again.csv").read_text().splitlines())) == (0, 2)


def test_regions_enrol_who_is_marked(mien, gallery, party, tmp_path):
    code, out, _ = mien("identify", party, "-g", gallery, "--export", "xmp")
    assert code == 0
    assert "skipped" in json.loads(out.splitlines()[0])
    code, out, err = mien("enroll", party, "--regions", "-g", tmp_path / "new.mien")
    row = json.loads(out)
    assert (code, row["outcome"], row["person"]) == (0, "enrolled", "Eileen Collins"), err
    shares = (party / "her.jpg.xmp").read_text("utf-8")
    (party / "her.jpg.xmp").write_text(shares.replace('stArea:x="0.', 'stArea:x="0.9'), "utf-8")
    code, out, _ = mien("enroll", party, "--regions", "-g", tmp_path / "other.mien")
    assert json.loads(out)["reason"] == "no-face-in-region"


def test_a_photo_that_went_away_fails_the_export(mien, gallery, party, tmp_path):
    mien("identify", party, "-g", gallery, "--out", tmp_path / "a.jsonl")
    (party / "her.jpg").unlink()
    code, _, err = mien("export", tmp_path / "a.jsonl", "--to", "xmp")
    assert code == 1
    assert "her.jpg" in err
    assert "1 could not be exported; the others are complete" in err


def test_a_wrong_wish_ends_before_the_work(mien, gallery, party):
    code, out, err = mien("identify", party, "-g", gallery, "--export", "word=x")
    assert (code, out) == (1, "")
    assert "no export format 'word'" in err


def test_formats_are_listed_in_80_columns(mien, monkeypatch):
    code, out, _ = mien("export")
    assert code == 0
    assert "xmp-embedded" in out
    assert max(map(len, out.splitlines())) <= 80
    assert mien("export", "--to", "xmp")[0] == 1


def test_exit_codes_state_the_answer(mien, gallery, party, tmp_path, hopper):
    def code(*names):
        return mien("identify", *names, "-g", gallery, "--exit-code")[0]

    write_image(tmp_path / "wall.png", np.full((64, 64, 3), 128, np.uint8))
    write_image(tmp_path / "other.png", hopper)
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    assert code(party) == 0
    assert code(tmp_path / "other.png") == 3
    assert code(tmp_path / "wall.png") == 4
    assert code(tmp_path / "wall.png", party) == 0
    assert code(party, tmp_path / "bad.jpg") == 5
    assert mien("identify", tmp_path / "other.png", "-g", gallery)[0] == 0
    assert mien("identify", tmp_path / "bad.jpg", "-g", gallery)[0] == 1
    her = party / "her.jpg"
    assert mien("verify", her, her, "--exit-code")[0] == 0
    assert mien("verify", her, tmp_path / "other.png", "--exit-code")[0] == 3
    assert mien("verify", her, tmp_path / "other.png")[0] == 0


def test_an_entry_that_cannot_be_read_is_in_the_answer(mien, gallery, party):
    (party / "loop").symlink_to(party / "loop")
    code, out, err = mien("identify", party, "-g", gallery, "--exit-code")
    told = [json.loads(line).get("skipped", "") for line in out.splitlines()]
    assert code == 5
    assert any("loop cannot be resolved" in one for one in told)
    assert "loop cannot be resolved" in err
    code, out, _ = mien("identify", party, "-g", gallery, "--table")
    assert code == 1
    assert "left out" in out


def test_a_resumed_file_counts_for_the_exit_code(mien, gallery, party, tmp_path, hopper):
    write_image(tmp_path / "other.png", hopper)
    how = ["-g", gallery, "--out", tmp_path / "a.jsonl", "--exit-code"]
    assert mien("identify", party, *how)[0] == 0
    assert mien("identify", party, tmp_path / "other.png", *how)[0] == 0


def test_details_and_sources_are_asked_for(mien, gallery, party):
    def face(*words):
        _, out, _ = mien("identify", party / "her.jpg", "-g", gallery, *words)
        assert len(out.encode()) <= 2000 or words
        [one] = json.loads(out)["faces"]
        return one

    assert "candidates" not in face()["decision"]
    whole = face("--details")
    assert set(whole["decision"]["candidates"][0]) == {"person", "similarity", "score", "template"}
    assert whole["quality"]["components"]
    assert "Eileen Collins.png" in face("--sources")["decision"]["candidates"][0]["source"]


def test_the_schema_is_printed_and_holds_for_the_output(mien, gallery, party):
    _, text, _ = mien("schema")
    _, out, _ = mien("identify", party, "-g", gallery)
    for line in out.splitlines():
        Draft202012Validator(json.loads(text)).validate(json.loads(line))

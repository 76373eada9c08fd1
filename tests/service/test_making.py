"""Makers as a use-case: whole files, provenance, resume, cancel; on a toy from outside."""

import json
import sys
import threading

import numpy as np
import pytest
from tests.outside_systems import write_package

from mien.contracts import Artefact, Made, Provenance
from mien.errors import CancelledError, ImageError, MienError, OptionError, UnknownModelError
from mien.media import (
    open_film,
    read_change,
    read_image,
    read_note,
    read_sound,
    write_image,
)
from mien.service import made_files, make
from mien.service.made_files import read_artefact
from mien.testing import TOY_DEVICE, noise
from mien.types import Mesh, Sound


@pytest.fixture
def darken(tmp_path, monkeypatch):
    """A maker card `darken` of another distribution, and pictures to darken."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    write_package(site, "nice_darken", "darken", "maker", card="options = { amount = 0.25 }")
    places = []
    for k, image in enumerate(noise(3, 40)):
        places.append(tmp_path / f"{k}.png")
        write_image(places[-1], image)
    yield places
    for name in [name for name in sys.modules if name.startswith("nice_darken")]:
        del sys.modules[name]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_results_have_a_mark_provenance_and_a_sidecar(darken, tmp_path):
    out = tmp_path / "made"
    items = list(make("darken", darken[:1], out, settings=["seed=7"]))
    [item] = items
    assert names(out) == ["0.png", "0.provenance.json"]
    told = json.loads((out / "0.provenance.json").read_text())
    assert (told["maker"], told["change"], told["seed"]) == ("darken", "edited", 7)
    assert told["options"] == {"amount": "0.25", "seed": "7"}  # the card's default, and the user's
    assert told["made_from"][0]["name"] == "0.png"
    assert len(told["made_from"][0]["sha256"]) == 64
    inside = json.loads(read_note(item.files[0]))
    assert inside["digital_source_type"].endswith("compositeSynthetic")
    assert inside["marked"] is True
    place = tmp_path / "plain.png"
    [bare_item] = make("darken", darken[:1], place, settings=["seed=7"], mark=False)
    marked, bare = read_image(item.files[0]), read_image(bare_item.files[0])
    assert not np.array_equal(marked[-14:, :30], bare[-14:, :30])  # the word is in the corner
    assert np.array_equal(marked[:20], bare[:20])


def test_the_same_command_again_makes_only_what_is_missing(darken, tmp_path):
    out = tmp_path / "made"
    assert [i.skipped for i in make("darken", darken[:2], out)] == [False, False]
    before = (out / "0.png").read_bytes()
    (out / "1.png").write_bytes(b"half")  # a result that is not what was written
    assert [i.skipped for i in make("darken", darken, out)] == [True, False, False]
    assert (out / "0.png").read_bytes() == before
    items = list(make("darken", darken, out, settings=["amount=0.9"]))
    assert all("was not made from this input with these settings" in i.error for i in items)
    assert (out / "0.png").read_bytes() == before
    write_image(tmp_path / "own.png", noise(1, 8)[0])  # a file of the user's own
    with pytest.raises(MienError, match=r"own\.png exists already"):
        list(make("darken", darken[:1], tmp_path / "own.png"))
    (tmp_path / "notes.txt").write_text("about notes.png")  # no result has this suffix
    [beside] = make("darken", darken[:1], tmp_path / "notes.png")
    assert beside.files == (tmp_path / "notes.png",)


def test_a_run_that_is_cancelled_keeps_what_is_whole_and_goes_on(darken, tmp_path):
    out, cancel, seen = tmp_path / "made", threading.Event(), []

    def on_step(name, done, total):
        seen.append((name, done, total))
        if name == "grain" and sum(step[0] == "grain" for step in seen) == 2:
            cancel.set()

    with pytest.raises(CancelledError, match="the same call continues"):
        for _ in make("darken", darken, out, on_step=on_step, cancel=cancel):
            pass
    assert set(names(out)) >= {"0.png", "0.provenance.json"}
    assert not [name for name in names(out) if "part" in name]
    assert "2.png" not in names(out)
    items = list(make("darken", darken, out))
    assert items[0].skipped
    assert len(names(out)) == 6


def test_one_bad_input_does_not_stop_the_others(darken, tmp_path):
    write_image(darken[1], np.zeros((40, 40, 3), np.uint8))
    items = list(make("darken", darken, tmp_path / "made"))
    assert ["too dark" in item.error for item in items] == [False, True, False]
    darken[1].write_bytes(b"no picture")
    assert [bool(i.error) for i in make("darken", darken, tmp_path / "made")] == [0, 1, 0]
    with pytest.raises(ImageError):
        list(make("darken", darken[1:2], tmp_path / "made"))
    assert "1.png" not in names(tmp_path / "made")


def test_what_cannot_be_made_is_refused_before_any_work(darken, tmp_path):
    out = tmp_path / "made"
    for arguments, error, says in (
        (("expression", darken, out), UnknownModelError, "is a chip-head, not a maker"),
        (("darken", [], out), MienError, "needs image per result, got 0 files"),
        (("darken", darken, tmp_path / "a.png"), MienError, "is one file, but there are 3 results"),
        (("darken", darken[:1], tmp_path / "a.bmp"), MienError, "is not supported"),
        (("darken", [tmp_path / "none.png"], out), MienError, "is not a file"),
        (("darken", [darken[0], darken[0]], out), MienError, "would both be written to"),
    ):
        with pytest.raises(error, match=says):
            make(*arguments)
    with pytest.raises(OptionError, match="'size=3' is not a setting of darken: write KEY=VALUE"):
        make("darken", darken, out, settings=["size=3"])
    assert not out.exists()


class Various:
    """Gives one artefact of each kind."""

    name, digest, device = "darken", "", TOY_DEVICE

    def __call__(self, inputs, options, on_step=None):
        film = ((k / 10, noise(1, 32, k)[0]) for k in range(5))
        tone = np.sin(np.arange(800) / 10).astype(np.float32)
        corner = np.float32([[0, 0, 0], [10, 0, 0], [0, 10, 0]])
        made = (
            Artefact("image", image=noise(1, 32)[0], name="still"),
            Artefact("film", frames=film, name="film"),
            Artefact("sound", sound=Sound(tone, 8000), name="tone"),
            Artefact("mesh", mesh=Mesh(corner, np.array([[0, 1, 2]])), name="face"),
        )
        told = Provenance("darken", "", "synthetic", (), ("a@1",), (), 3)
        return Made(made, told, ("a note",))


def test_each_kind_of_artefact_is_written_with_its_provenance_and_read_again(darken, tmp_path):
    [item] = make("darken", darken[:1], tmp_path / "made", maker=Various())
    assert [path.name for path in item.files] == [
        "0-made-still.png", "0-made-film.mp4", "0-made-tone.wav", "0-made-face.obj",
    ]  # fmt: skip
    still, film, tone, face = item.files
    for path in (still, film, tone):
        assert json.loads(read_note(path))["seed"] == 3
    assert '"seed": 3' in face.read_text().splitlines()[0]
    with open_film(film) as opened:
        assert len(list(opened.frames())) == 5
    samples = np.concatenate([block for _, block in read_sound(tone, rate=8000)])
    assert samples[:100] == pytest.approx(np.sin(np.arange(100) / 10), abs=1e-3)
    assert read_artefact("mesh", face).mesh.points.tolist()[1] == [10, 0, 0]
    assert read_artefact("sound", tone).sound.samples.size == pytest.approx(1600, abs=32)
    assert read_artefact("film-2", film).path == film
    with pytest.raises(MienError, match="expected a film"):
        read_artefact("film", still)
    [again] = make("darken", darken[:1], tmp_path / "made", maker=Various())
    assert again.skipped
    assert again.files == item.files
    assert item.notes == ("a note",)


def test_a_result_that_its_file_cannot_hold_leaves_nothing_behind(darken, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(MienError, match=r"The result is a image, but '\.mp4' cannot store it"):
        list(make("darken", darken[:1], tmp_path / "out" / "a.mp4"))
    assert names(tmp_path / "out") == []


def test_a_disk_that_fills_in_the_middle_of_a_set_loses_nothing(darken, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole", tmp_path / "made"
    list(make("darken", darken, whole))
    written, kept = [], made_files.write_bytes

    def full(path, data):
        written.append(path)
        if len(written) > 3:  # one result with its sidecar, and the pixels of the second
            raise ImageError(f"'{path}' cannot be written: the disk is full; free some space.")
        kept(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(made_files, "write_bytes", full)
        items = list(make("darken", darken, out))
    assert ["disk is full" in item.error for item in items] == [False, True, True]
    assert names(out) == ["0.png", "0.provenance.json"]
    assert [item.skipped for item in make("darken", darken, out)] == [True, False, False]
    assert names(out) == names(whole)
    for name in names(whole):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_each_file_states_the_version_and_what_other_programs_understand(darken, tmp_path):
    [item] = make("darken", darken[:1], tmp_path / "made")
    inside = json.loads(read_note(item.files[0]))
    assert inside["mien"]
    assert inside["made_from"][0]["sha256"]
    assert read_change(item.files[0]) == "edited"
    assert b"compositeSynthetic" in item.files[0].read_bytes()

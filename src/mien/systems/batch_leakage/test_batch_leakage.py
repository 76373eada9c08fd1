"""Heads that leak are found, others pass, and too few faces are refused."""

import numpy as np
import pytest

from mien.contracts import Samples, Scope, Subject
from mien.errors import ScopeError, TooFewTrialsError
from mien.media import write_image
from mien.metrics.findings import plain
from mien.service import audit
from mien.testing import TOY_DEVICE, check, noise
from mien.types import Crop, Reading
from mien.zoo import load


class Bright:
    """Brightness of a chip; `mixed` subtracts the mean of the batch, as a leaking head does."""

    crop = Crop(size=8)
    name, digest, device = "bright", "0123", TOY_DEVICE

    def __init__(self, mixed):
        self.mixed = mixed

    def __call__(self, chips):
        value = chips.reshape(len(chips), -1).mean(1) / 255
        value = value - self.mixed * value.mean()
        return [Reading("light", {"a": float(v), "b": 0.0}, "share", "toy") for v in value]


class Shy(Bright):
    """Gives no answer for several chips."""

    def __call__(self, chips):
        found = super().__call__(chips)
        return found if len(chips) == 1 else [Reading("light", {}, "share", "toy")] * len(chips)


def run(head, pictures, labels=(), **more):
    columns = {"class": tuple(labels)} if len(labels) else {}
    data = Samples("noise", tuple(pictures), columns)
    return audit("batch-leakage", Subject("chip-head", head), data, **more)


def test_it_keeps_the_contract_of_audits():
    check("audit", load("batch-leakage"))


def test_a_head_that_processes_each_face_alone_passes():
    result = plain(run(Bright(0), noise(40, 8)))
    assert result["headline"]["leaks"]["value"] == 0
    assert result["headline"]["largest change"]["value"] < 1e-6
    assert result["warnings"] == []
    assert result["risk"]["level"] == "none found"
    # Nothing happened in 40 independent faces: at most 1 - 0.05^(1/40) = 7.2 % of faces.
    changed = result["headline"]["faces whose answer changes"]
    assert (changed["value"], changed["low"]) == (0, 0)
    assert changed["high"] == pytest.approx(0.072, abs=0.016)


@pytest.mark.parametrize("head", [Bright(1), Bright(1e-2), Shy(0)])
def test_a_head_that_mixes_the_batch_is_found(head):
    result = plain(run(head, noise(40, 8)))
    assert result["headline"]["leaks"]["value"] == 1
    assert "the head mixes faces" in result["warnings"][0]
    assert result["risk"]["level"] == "high"


def test_sorting_by_class_shows_what_shuffling_hides():
    chips = np.concatenate([np.full((40, 8, 8, 3), v, np.uint8) for v in (40, 200)])
    found = run(Bright(1), chips, ["dark"] * 40 + ["light"] * 40)
    rows = {row[0]: row[1] for row in found.tables[0].rows}
    assert set(rows) == {"shuffled", "sorted by class"}
    assert found.tables[0].rows[1][3] is not None


def test_a_few_faces_are_refused():
    with pytest.raises(TooFewTrialsError, match="3 faces"):
        run(Bright(0), noise(3, 8))


def test_more_questions_than_agreed_are_not_asked():
    with pytest.raises(ScopeError, match="would show bright 24 pictures, and 20 were agreed"):
        run(Bright(0), noise(8, 8), scope=Scope(queries=20), settings=["batch=8"])
    result = plain(run(Bright(0), noise(8, 8), scope=Scope("a reason", queries=24)))
    assert result["basis"]["Purpose"] == "a reason"
    assert result["basis"]["Pictures shown to the head"] == "24"


def test_a_folder_of_classes_is_read_and_pictures_that_are_none_are_left_out(tmp_path):
    for k, picture in enumerate(noise(12, 16)):
        folder = tmp_path / ("one" if k % 2 else "two")
        folder.mkdir(exist_ok=True)
        write_image(folder / f"{k}.png", picture)
    (tmp_path / "one" / "99.png").write_bytes(b"no picture")
    result = plain(audit("batch-leakage", "expression", tmp_path, cut=True))
    assert result["basis"]["Read by"].startswith("expression@")
    assert result["warnings"] == ["1 of 13 images show no face and are left out."]
    assert [row["Batch"] for row in result["tables"][0]["rows"]] == ["shuffled", "sorted by class"]


@pytest.mark.realdata
def test_the_default_expression_head_does_not_mix_real_faces(data):
    import zipfile

    with zipfile.ZipFile(data / "ck48.zip") as pack:
        names = sorted(n for n in pack.namelist() if n.endswith(".png"))[::16]
        from mien.media import read_image

        pictures = tuple(read_image(pack.read(name)) for name in names)
    labels = {"expression": tuple(name.split("/")[-2] for name in names)}
    result = plain(audit("batch-leakage", "expression", Samples("CK+", pictures, labels), cut=True))
    assert result["risk"]["level"] == "none found"
    assert result["headline"]["faces whose answer changes"]["trials"] == len(names)

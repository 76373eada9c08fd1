"""The MiniFASNet pair: as its authors' program answers, on real pictures and on NUAA."""

import struct
import zipfile

import numpy as np
import pytest

from mien.datasets import ATTEMPTS
from mien.errors import WeightsError
from mien.evaluate.attempts import score_attempts
from mien.liveness import LivenessCheck, MiniFasNet
from mien.media import read_image
from mien.metrics import equal_error_rate, roc_area
from mien.photo import Pipeline
from mien.runtime import Session
from mien.testing import check, noise
from mien.types import Clip
from mien.zoo import cards, load
from mien.zoo.convert.minifasnet import convert
from mien.zoo.weights.cache import sha256_of

NEAR, FAR = "2.7_80x80_MiniFASNetV2.pth", "4_0_0_80x80_MiniFASNetV1SE.pth"


@pytest.fixture(scope="module")
def head(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("minifasnet")
    card = cards()["minifasnet"]
    paths = [folder / file.ready for file in card.files]
    for name, path in zip((NEAR, FAR), paths, strict=True):
        convert(models / name, path)
    return MiniFasNet(*paths, name=card.name, digest=card.digest, **card.options)


@pytest.mark.realdata
def test_the_converted_files_are_those_of_the_card(models, tmp_path):
    for file, name in zip(cards()["minifasnet"].files, (NEAR, FAR), strict=True):
        convert(models / name, tmp_path / "net.onnx")
        assert sha256_of(tmp_path / "net.onnx") == file.ready_sha256
        assert sha256_of(models / name) == file.sha256


@pytest.mark.realdata
def test_both_networks_answer_as_torch_does(models, tmp_path):
    # Computed once with torch 2.13.0 and the authors' network on this very input.
    want = {NEAR: (0.0015155, 0.9947175, 0.0037671), FAR: (0.0115422, 0.9862369, 0.0022209)}
    for name, classes in want.items():
        convert(models / name, tmp_path / "net.onnx")
        session = Session(tmp_path / "net.onnx", (None, 80, 80, 3))
        got = session(noise(1, 80))["classes"][0]
        assert got == pytest.approx(classes, abs=1e-5)


@pytest.mark.realdata
def test_the_head_keeps_its_contract(head):
    check("clip-head", head)
    assert head(Clip(np.zeros(0))) == []


@pytest.mark.realdata
@pytest.mark.weights
def test_the_pictures_of_its_authors_get_their_answers(head, data):
    pipeline = Pipeline(detector=load("mtcnn"), quality=False, liveness=LivenessCheck(head, "half"))
    folder = data / "assets" / "Silent-Face-Anti-Spoofing"
    found = {
        name: pipeline(read_image(folder / f"image_{name}.jpg")).faces[0].liveness.outcome
        for name in ("T1", "F1", "F2")
    }
    assert found == {"T1": "live", "F1": "attack", "F2": "attack"}


@pytest.mark.realdata
@pytest.mark.weights
def test_the_figures_of_the_card_hold_on_nuaa(head, data, tmp_path):
    with zipfile.ZipFile(data / "nuaa.zip") as pack:
        pack.extractall(tmp_path)
    pipeline = Pipeline(detector=load("mtcnn"), quality=False, liveness=LivenessCheck(head, "half"))
    found = score_attempts(ATTEMPTS["nuaa"](tmp_path / "nuaa"), pipeline)
    rows = [one for one in found.presentations if one.responded]
    live, prints = (np.array([p.score for p in rows if p.attack == a]) for a in (False, True))
    assert (len(live), len(prints) + sum(found.silent.values())) == (252, 336)
    assert roc_area(live, prints) > 0.9995
    assert equal_error_rate(live, prints) < 0.005
    assert not (prints > 0.5).any()
    stated = next(r["value"] for r in cards()["minifasnet"].results if "BPCER" in r["metric"])
    assert np.mean(live <= 0.5) == pytest.approx(stated, abs=0.002)
    for point, share in (("bpcer1", 0.01), ("bpcer5", 0.05), ("bpcer10", 0.1)):
        assert np.mean(live <= head.points[point]) == pytest.approx(share, abs=0.005)


def test_a_file_that_is_another_network_is_refused(tmp_path):
    import pickle

    from mien.zoo.convert.safe_pickle import MAGIC

    parts = (MAGIC, 1001, {}, {}, [])
    (tmp_path / "other.pth").write_bytes(b"".join(pickle.dumps(p, 2) for p in parts))
    with pytest.raises(WeightsError, match="not a checkpoint of MiniFASNet"):
        convert(tmp_path / "other.pth", tmp_path / "net.onnx")
    (tmp_path / "cut.pth").write_bytes(struct.pack("<q", 1))
    with pytest.raises(WeightsError, match="cannot be read as a torch checkpoint"):
        convert(tmp_path / "cut.pth", tmp_path / "net.onnx")

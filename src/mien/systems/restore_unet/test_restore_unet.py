"""Restoration repairs what it was trained on, leaves the rest, and marks what it made."""

import json
import zipfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from mien.align import align
from mien.contracts import Artefact
from mien.detect import detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError
from mien.gallery import open_gallery
from mien.media import enlarged, read_change, read_note, write_image
from mien.metrics import psnr
from mien.photo import Pipeline
from mien.service import Item, enroll, make
from mien.synth.render.bad_conditions import enlarge_photo
from mien.systems.restore_unet.make import CROP, SIDE, Options, RestoreUNet
from mien.testing import check, noise
from mien.zoo import load


@pytest.fixture(scope="module")
def maker():
    return load("restore-unet")


@pytest.fixture(scope="module")
def chips(astronaut, hopper, mtcnn):
    """Two aligned portraits that no training saw, (2, 128, 128, 3)."""
    found = []
    for image in (astronaut, hopper):
        faces = detect_with_retries(mtcnn, image, "never").faces
        found.append(align(image, faces[:1], CROP)[0])
    return np.stack(found)


def picture(image, name="a.jpg"):
    return {"image": Artefact("image", image=image, name=name, sha256="ab" * 32)}


def test_it_keeps_the_contract_of_makers(maker, astronaut):
    check("maker", maker, inputs=picture(astronaut))


@pytest.mark.weights
def test_enlarged_faces_come_nearer_to_the_original_than_by_interpolation(maker, chips):
    small = np.stack([enlarge_photo(chip, 4) for chip in chips])
    better = np.rint(maker.chips(small)).astype(np.uint8)
    assert (psnr(better, chips) > psnr(small, chips) + 0.2).all()


@pytest.mark.weights
def test_what_is_far_from_the_face_stays(maker, astronaut):
    made = maker(picture(astronaut), Options(changes=True))
    done, changes = (one.image for one in made.artefacts)
    assert [one.name for one in made.artefacts] == ["restored", "changes"]
    assert done.shape == astronaut.shape
    assert np.array_equal(done[400:], astronaut[400:])
    assert not changes[400:].any()
    assert made.provenance.change == "restored"
    assert [w.partition("@")[0] for w in made.provenance.weights] == ["restore-unet", "mtcnn"]


def test_an_image_that_is_cut_to_the_face_needs_no_detector(maker, chips):
    made = maker(picture(chips[0][:, 10:90]), Options(aligned=True, scale=2))
    assert made.artefacts[0].image.shape == (256, 160, 3)
    assert made.provenance.weights == (f"restore-unet@{maker.digest}",)


@pytest.mark.weights
def test_a_large_face_is_restored_with_a_note(maker, hopper):
    [note] = maker(picture(enlarged(hopper, 2)), Options()).notes
    assert "finer faults in them stay" in note


@pytest.mark.parametrize(
    ("inputs", "options", "error", "says"),
    [
        ({}, Options(), MienError, "restores a photograph"),
        (picture(noise(1, 64)[0]), Options(scale=5), OptionError, "scale is 5; expected 1, 2"),
        (picture(np.zeros((2, 9000, 3), np.uint8)), Options(scale=2), OptionError, "cut it to"),
    ],
)
def test_what_cannot_be_restored_is_refused(maker, inputs, options, error, says):
    with pytest.raises(error, match=says):
        maker(inputs, options)


@pytest.mark.weights
def test_a_picture_without_a_face_is_refused(maker):
    with pytest.raises(NoFaceError, match=r"No face in a\.jpg.*aligned=true"):
        maker(picture(np.full((90, 90, 3), 128, np.uint8)), Options())


@pytest.mark.weights
def test_a_restored_face_declares_itself_and_is_refused_by_enrolment(
    maker, astronaut, tmp_path, mtcnn, embedder
):
    write_image(tmp_path / "in.png", astronaut)
    [item] = make("restore-unet", [tmp_path / "in.png"], tmp_path / "out.png", maker=maker)
    assert read_change(item.files[0]) == "restored"
    assert json.loads(read_note(item.files[0]))["made_from"][0]["name"] == "in.png"
    pipeline = Pipeline(detector=mtcnn, embedder=embedder)
    with open_gallery(tmp_path / "g.mien", embedder.contract, create=True) as known:
        [refused] = enroll([Item("Eileen", item.files[0])], pipeline, known)
    assert refused.reason == "made-restored"


def test_two_steps_of_training_and_the_file_answers_as_the_network(torch, lab, tmp_path):
    from mien.train import export

    images = noise(6, SIDE)
    faces = lab.data.Faces(images, np.full(6, ""), np.array([f"{k}" for k in range(6)]))
    config = lab.train.Config(epochs=1, batch=2)
    some = faces.rows(np.arange(2))
    net, found = lab.train.fitted(config, faces.rows(np.arange(2, 6)), some, None)
    assert set(found) == {"median psnr before", "median psnr"}
    path = tmp_path / "weights.onnx"
    assert export(net, path, lab.train.unit_tensor(images[:3]), outputs=("y",), half=True,
                  tolerance=lab.train.HALF) < lab.train.HALF  # fmt: skip
    small = RestoreUNet(path, name="trained")
    shown = lab.train.restored(net, images[:3]).astype(float)
    assert np.abs(np.rint(small.chips(images[:3])) - shown).max() <= 1


def test_an_untrained_network_returns_its_input(torch, lab):
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(lab.model.network()(x), x)


def test_conditions_of_an_epoch_are_the_same_again_and_differ_from_the_next(torch, lab):
    batches = lab.train.ChangedBatches(noise(4, SIDE), 2, lab.train.spoiled)
    first = [bad for bad, _ in batches]
    assert all(torch.equal(a, b) for a, b in zip(first, [bad for bad, _ in batches], strict=True))
    batches.set_epoch(1)
    assert not any(torch.equal(a, b) for a, b in zip(first, [b for b, _ in batches], strict=True))


def test_the_loss_is_the_logarithm_of_the_error(torch):
    from mien.train.unet import log_error

    wanted = torch.zeros(2, 3, 4, 4)
    found = torch.cat([wanted[:1] + 0.1, wanted[1:] + 0.2])
    by_hand = (np.log(0.01) + np.log(0.04)) / 2
    assert float(log_error(found, wanted, 0.0)) == pytest.approx(by_hand, abs=1e-4)


def test_shares_of_the_proof_by_hand(torch):
    proof = import_module("mien.systems.restore_unet.proof")
    angles = np.radians(np.concatenate([np.arange(20), 90 + np.arange(20)]))
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    people = np.repeat(["a", "b"], 20)
    assert (proof.accepted(vectors, vectors, people, 0.01) == 1).all()
    assert proof.accepted(vectors, vectors, np.tile(["a", "b"], 20), 0.01).mean() < 0.2


def test_the_proof_measures_each_condition_of_each_set_once(torch, monkeypatch):
    proof = import_module("mien.systems.restore_unet.proof")
    asked = []

    class Same:
        """Returns what it is given."""

        def chips(self, chips):
            asked.append(len(chips))
            return chips.astype(np.float32)

    monkeypatch.setattr(proof, "load", lambda name: Same())
    monkeypatch.setattr(proof, "ALL", ("blur", "clean"))
    some = proof.Faces(noise(3, SIDE), np.full(3, ""), np.array(["a", "b", "c"]))
    given = proof.Photographs(some, noise(2, SIDE), np.array(["x", "y"]))
    found = proof._gains("restore-unet", 0, given)
    assert asked == [2, 2, 3, 3]
    assert found["actors: blur: gain"] == found["UTKFace: clean: gain"] == 0
    assert found["actors: clean: before"] == proof.CAP
    assert "not measured" in proof.perceived(Same(), given)

    def difference(pictures, references):
        return np.abs(pictures - 1.0 * references).mean((1, 2, 3))

    monkeypatch.setattr(proof, "Lpips", lambda path: difference)
    shown = proof.perceived(Same(), replace(given, lpips=Path("lpips.pth")))
    assert "| clean | 0.000 (" in shown
    text = proof.pictures(found, proof.ACTORS, "2 portraits")
    assert "| clean | 60.00 | 60.00 | +0.00 (+nan to +nan) |" in text


@pytest.mark.realdata
@pytest.mark.weights
def test_real_actors_enlarged_four_times(torch, maker, data, tmp_path):
    proof = import_module("mien.systems.restore_unet.proof")
    with zipfile.ZipFile(data / "taiwan_expressions.zip") as pack:
        pack.extractall(tmp_path)
    clean, people = proof.actors(tmp_path / "taiwan", proof.CROP, tmp_path / "run")
    assert len(set(people)) == 25
    bad = proof.degraded(clean, "x4")
    found = proof.gain(clean, bad, proof.restored(maker, bad))
    low, high = GAIN
    assert low <= found.value <= high
    assert found.low > 0


GAIN = (1.35, 1.60)  # dB, the interval in README.md

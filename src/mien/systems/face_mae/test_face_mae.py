"""Hidden patches are predicted from the others; the encoder is a start for other trainings."""

import zipfile

import numpy as np
import pytest

from mien.errors import TrainingError
from mien.media import write_image
from mien.systems.face_mae.head import FaceMae
from mien.testing import check, noise


@pytest.fixture(scope="module")
def run(torch, tmp_path_factory):
    """A tiny pretraining on stripes; its folder and what it measured."""
    from mien.systems.face_mae.train import Config, train

    root = tmp_path_factory.mktemp("mae")
    (root / "set").mkdir()
    for k in range(24):
        stripes = np.arange(112)[:, None, None] // (4 + k % 3) % 2 * 200 + k
        image = np.broadcast_to(stripes, (112, 112, 3)).astype(np.uint8)
        write_image(root / "set" / f"{k}.png", image)
    config = Config(width=32, depth=1, epochs=6, batch=1, rate=3e-3, precision="32")
    return root, config, train(config, root / "set", root / "run")


def test_the_file_keeps_the_contract_and_learns_stripes(run):
    root, _, found = run
    head = FaceMae(root / "run" / "weights.onnx", name="tiny")
    check("chip-head", head)
    assert found["error"] < 0.7 * found["error before"]
    assert head.vectors(noise(2, 112)).shape == (2, 32)
    assert head.vectors(noise(0, 112)).shape[0] == 0
    easy = np.broadcast_to(np.arange(112)[:, None, None] // 4 % 2 * 200, (1, 112, 112, 3))
    [one], [other] = head(easy.astype(np.uint8)), head(noise(1, 112))
    assert one.values["hidden_error"] < other.values["hidden_error"]


def test_an_encoder_is_read_back(run, torch):
    from mien.train.masked import read_encoder

    root, _, _ = run
    assert read_encoder(root / "run", 112)(torch.rand(2, 3, 112, 112)).shape == (2, 32)
    with pytest.raises(TrainingError, match="112 px, and 64 px are needed"):
        read_encoder(root / "run", 64)
    with pytest.raises(TrainingError, match="no run folder of a pretraining"):
        read_encoder(root, 112)
    (root / "encoder.pt").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_encoder(root, 112)


def test_shuffled_patches_are_the_same_patches(lab):
    images = noise(2, 112)
    mixed = lab.train.shuffled(images, 16)
    assert not np.array_equal(mixed, images)
    assert np.array_equal(np.sort(mixed.ravel()), np.sort(images.ravel()))
    assert any((mixed[0, :16, :16] == images[0, r : r + 16, c : c + 16]).all()
               for r in range(0, 112, 16) for c in range(0, 112, 16))  # fmt: skip


def test_what_cannot_be_learnt_from_is_refused(run):
    from dataclasses import replace

    from mien.systems.face_mae.train import train

    root, config, _ = run
    with pytest.raises(TrainingError, match="--data"):
        train(config, None, root / "x")
    (root / "few").mkdir(exist_ok=True)
    write_image(root / "few" / "a.png", noise(1, 32)[0])
    with pytest.raises(TrainingError, match="has 1 images"):
        train(config, root / "few", root / "x")
    (root / "names.txt").write_text("nobody.png\n")
    with pytest.raises(TrainingError, match="None of the images"):
        train(replace(config, leave_out=str(root / "names.txt")), root / "set", root / "x")
    with pytest.raises(TrainingError, match="not possible"):
        train(replace(config, patch=15), root / "set", root / "x")


@pytest.mark.realdata
def test_the_error_of_the_card_holds(data, tmp_path):
    """On 40 crops; nearly all of them were learnt from, so this only guards the file."""
    from mien.align import align
    from mien.media import read_image
    from mien.zoo import find, load

    with zipfile.ZipFile(data / "utkface_part1.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith(".jpg")][::200]
        archive.extractall(tmp_path, names)
    head, detector, chips = load("face-mae"), load("mtcnn"), []
    for name in names:
        image = read_image(tmp_path / name)
        faces = detector(image)
        chips += [align(image, faces[:1], head.crop)[0]] if faces else []
    error = np.array([r.values["hidden_error"] for r in head(np.stack(chips))])
    stated = find("face-mae").results[0]["value"]
    half = 2.6 * error.std() / np.sqrt(len(error))  # 99 %
    assert abs(error.mean() - stated) < half + 0.02

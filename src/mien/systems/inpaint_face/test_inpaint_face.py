"""What is hidden is filled, all else stays, and the result declares itself."""

import hashlib
import json
import zipfile
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from mien.align import align
from mien.contracts import Artefact
from mien.detect import detect_with_retries
from mien.errors import ImageError, MienError, NoFaceError, OptionError
from mien.gallery import open_gallery
from mien.media import inpainted, read_change, read_note, write_image
from mien.photo import Pipeline
from mien.service import Item, enroll, make
from mien.systems.inpaint_face.holes import KINDS, any_hole, hole, polygon
from mien.systems.inpaint_face.make import CROP, SIDE, InpaintFace, Options
from mien.testing import check, noise
from mien.zoo import load


@pytest.fixture(scope="module")
def maker():
    return load("inpaint-face")


@pytest.fixture(scope="module")
def chips(astronaut, hopper, mtcnn):
    """Two aligned portraits that no training saw, (2, 64, 64, 3)."""
    found = []
    for image in (astronaut, hopper):
        faces = detect_with_retries(mtcnn, image, "never").faces
        found.append(align(image, faces[:1], CROP)[0])
    return np.stack(found)


def photo(image, name="a.jpg"):
    return {"image": Artefact("image", image=image, name=name, sha256="ab" * 32)}


def masked(folder, shape, box):
    left, top, right, bottom = box
    mask = np.zeros((*shape[:2], 3), np.uint8)
    mask[top:bottom, left:right] = 255
    write_image(folder / "mask.png", mask)
    return Options(hidden=str(folder / "mask.png")), mask[..., 0] > 0


def test_a_polygon_by_hand():
    square = polygon(np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]), 8)
    assert square.sum() == 16
    assert square[2:6, 2:6].all()


@pytest.mark.parametrize("kind", list(KINDS))
def test_holes_hide_a_part_and_are_the_same_for_a_seed(kind):
    shares = [hole(kind, 64, seed).mean() for seed in range(40)]
    assert all(0.005 < share < 0.65 for share in shares)
    assert len(set(shares)) > 20
    assert np.array_equal(hole(kind, 64, 3), hole(kind, 64, 3))
    assert len({any_hole(64, seed).mean() for seed in range(20)}) > 10


def test_filling_from_the_surroundings_keeps_what_is_seen():
    image = noise(1, 40)[0]
    hidden = hole("block", 40, 1)
    done = inpainted(image, hidden)
    assert np.array_equal(done[~hidden], image[~hidden])
    flat = np.full((20, 20, 3), 77, np.uint8)
    flat[5:9, 5:9] = 0
    assert np.abs(inpainted(flat, np.all(flat == 0, -1)).astype(int) - 77).max() <= 3
    with pytest.raises(ImageError, match="mask is"):
        inpainted(image, hidden[:5])


@pytest.mark.weights
def test_it_keeps_the_contract_of_makers(maker, astronaut, monkeypatch):
    from dataclasses import dataclass

    @dataclass(frozen=True, slots=True)
    class Eyes(Options):
        """Options that hide something by default."""

        hidden: str = "eyes"

    monkeypatch.setattr(InpaintFace, "options", Eyes)
    check("maker", maker, inputs=photo(astronaut))


@pytest.mark.weights
def test_filled_eyes_come_nearer_to_the_original_than_by_their_surroundings(maker, chips):
    holes = [hole("sunglasses", SIDE, seed) for seed in range(8)]
    faces = np.repeat(chips, 4, 0)
    simple = np.stack([inpainted(a, b) for a, b in zip(faces, holes, strict=True)])
    better = maker.chips(simple, np.stack(holes))
    off = [[np.abs(x[h] - f[h].astype(float)).mean() for x, f, h in
            zip(some, faces, holes, strict=True)] for some in (better, simple)]  # fmt: skip
    assert np.mean(off[0]) < 0.9 * np.mean(off[1])
    for got, given, hidden in zip(better, simple, holes, strict=True):
        assert np.abs(got[~hidden] - given[~hidden]).max() < 0.01


@pytest.mark.weights
def test_only_what_a_mask_hides_changes(maker, astronaut, mtcnn, tmp_path):
    [face] = mtcnn(astronaut)[:1]
    x, y = face.points[3].astype(int)
    options, hidden = masked(tmp_path, astronaut.shape, (x - 12, y - 8, x + 40, y + 12))
    made = maker(photo(astronaut), options)
    done = made.artefacts[0].image
    assert np.array_equal(done[~hidden], astronaut[~hidden])
    assert (done[hidden] != astronaut[hidden]).any()
    assert not np.array_equal(done, inpainted(astronaut, hidden))  # the network took part
    assert "is a guess" in made.notes[0]
    digest = hashlib.sha256((tmp_path / "mask.png").read_bytes()).hexdigest()
    assert made.provenance.made_from == (("a.jpg", "ab" * 32), ("mask.png", digest))


@pytest.mark.weights
def test_a_scratch_beside_the_face_is_filled_from_its_surroundings(maker, astronaut, tmp_path):
    options, hidden = masked(tmp_path, astronaut.shape, (2, 400, 90, 404))
    done = maker(photo(astronaut), options).artefacts[0].image
    assert np.array_equal(done, inpainted(astronaut, hidden))


@pytest.mark.weights
def test_a_picture_without_a_face_is_filled_by_a_mask_only(maker, tmp_path):
    plain = np.full((90, 90, 3), 128, np.uint8)
    options, _ = masked(tmp_path, plain.shape, (10, 10, 30, 30))
    made = maker(photo(plain), options)
    assert (made.artefacts[0].image == 128).all()
    assert "No face was found" in made.notes[1]
    with pytest.raises(NoFaceError, match=r"No face in a\.jpg.*give a mask"):
        maker(photo(plain), Options(hidden="mouth"))


@pytest.mark.weights
def test_what_cannot_be_filled_is_refused(maker, tmp_path):
    image = noise(1, 64)[0]
    small, _ = masked(tmp_path, (32, 32), (1, 1, 5, 5))
    cases = [
        ({}, Options(), MienError, "fills a photograph"),
        (photo(image), Options(), OptionError, "Nothing is hidden: --set hidden=MASK"),
        (photo(image), small, OptionError, "mask has 32 x 32 px, the image 64 x 64 px"),
        (photo(image), Options(hidden=str(tmp_path / "no.png")), ImageError, "no.png"),
    ]
    for inputs, options, error, says in cases:
        with pytest.raises(error, match=says):
            maker(inputs, options)
    for box, says in (((0, 0, 0, 0), "white nowhere"), ((0, 0, 64, 64), "white everywhere")):
        options, _ = masked(tmp_path, image.shape, box)
        with pytest.raises(OptionError, match=says):
            maker(photo(image), options)


@pytest.mark.weights
def test_a_filled_face_declares_itself_and_is_refused_by_enrolment(
    maker, astronaut, tmp_path, mtcnn, embedder
):
    write_image(tmp_path / "in.png", astronaut)
    [item] = make("inpaint-face", [tmp_path / "in.png"], tmp_path / "out.png", maker=maker,
                  settings=["hidden=eyes"])  # fmt: skip
    assert read_change(item.files[0]) == "restored"
    assert json.loads(read_note(item.files[0]))["options"] == {"hidden": "eyes"}
    pipeline = Pipeline(detector=mtcnn, embedder=embedder)
    with open_gallery(tmp_path / "g.mien", embedder.contract, create=True) as known:
        [refused] = enroll([Item("Eileen", item.files[0])], pipeline, known)
    assert refused.reason == "made-restored"


def test_two_steps_of_training_and_the_file_answers_as_the_network(torch, lab, tmp_path, mtcnn):
    from mien.train import export

    images = noise(6, SIDE)
    faces = lab.data.Faces(images, np.full(6, ""))
    config = lab.train.Config(epochs=1, batch=2)
    net, found = lab.train.fitted(config, faces.rows(np.arange(2, 6)), faces.rows(np.arange(2)),
                                  None)  # fmt: skip
    assert set(found) == {"error before", "error"}
    holes = [any_hole(SIDE, k) for k in range(3)]
    given = lab.data.filled(images[:3], holes)
    path = tmp_path / "weights.onnx"
    export(net, path, lab.train.tensor(given, holes), outputs=("y",), half=True,
           tolerance=lab.train.HALF)  # fmt: skip
    small = InpaintFace(path, name="trained", detector=mtcnn)
    shown = net(lab.train.tensor(given, holes)).clamp(0, 1).detach().numpy().transpose(0, 2, 3, 1)
    assert np.abs(small.chips(given, np.stack(holes)) - 255 * shown).max() < 1


def test_an_untrained_network_returns_the_simple_filling(torch, lab):
    x = torch.rand(2, 4, 64, 64)
    assert torch.equal(lab.model.Inpainter()(x), x[:, :3])


def test_the_loss_counts_hidden_pixels_only(torch, lab):
    true, found = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    hidden = torch.zeros(1, 1, 4, 4)
    hidden[..., :2] = 1
    found[..., 3] = 0.9  # seen
    assert float(lab.train.hidden_error(found, true, hidden)) == 0
    found[..., :2] = 0.2
    assert float(lab.train.hidden_error(found, true, hidden)) > 0.2


def test_holes_of_an_epoch_are_the_same_again_and_differ_from_the_next(torch, lab):
    batches = lab.train.ChangedBatches(noise(4, SIDE), 2, lab.train.partly_hidden)
    first = [x for x, _ in batches]
    assert all(torch.equal(a, b) for a, b in zip(first, [x for x, _ in batches], strict=True))
    batches.set_epoch(1)
    assert not any(torch.equal(a, b) for a, b in zip(first, [x for x, _ in batches], strict=True))


def test_errors_of_hidden_pixels_by_hand(torch):
    proof = import_module("mien.systems.inpaint_face.proof")
    faces, hidden = np.zeros((1, 4, 4, 3), np.uint8), np.zeros((4, 4), bool)
    hidden[0] = True
    done = np.full((1, 4, 4, 3), 255.0, np.float32)
    assert proof.hidden_psnr(done, faces, [hidden]) == pytest.approx([0])
    done[:, 0] = 25.5
    assert proof.hidden_psnr(done, faces, [hidden]) == pytest.approx([20])


def test_lpips_of_filled_faces_needs_weights(torch, monkeypatch, tmp_path):
    proof = import_module("mien.systems.inpaint_face.proof")
    monkeypatch.setattr(proof, "_tar", lambda *given: 1.0)
    faces = noise(2, SIDE)
    given = proof.Photographs({proof.ACTORS: faces}, np.array(["a", "b"]), faces[0] * 1.0)
    found = {"mean": [proof._run(proof.ARMS[proof.MEAN], 0, given)]}
    assert "not measured" in proof._perceived(found, given)
    monkeypatch.setattr(proof, "lpips_of", lambda weights, x, y: 0.25 if weights else None)
    given = replace(given, lpips=tmp_path / "lpips.pth")
    found = {"mean": [proof._run(proof.ARMS[proof.MEAN], 0, given)]}
    assert "mean 0.250" in proof._perceived(found, given)


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_real_actors_are_filled_better_than_from_their_surroundings(torch, data, tmp_path):
    proof = import_module("mien.systems.inpaint_face.proof")
    with zipfile.ZipFile(data / "taiwan_expressions.zip") as pack:
        pack.extractall(tmp_path)
    faces, people = proof.actors(tmp_path / "taiwan", CROP, tmp_path / "run")
    assert len(set(people)) == 25
    gains = []
    for number, kind in enumerate(KINDS):
        holes = [hole(kind, SIDE, 1000 * number + k) for k in range(len(faces))]
        ours, simple = (proof.hidden_psnr(proof.ARMS[arm](faces, holes, None), faces, holes)
                        for arm in (proof.NAME, proof.TELEA))  # fmt: skip
        gains.append((ours - simple).mean())
    low, high = GAIN
    assert low <= np.mean(gains) <= high


GAIN = (3.3, 3.9)  # dB; README.md has 3.54 to 3.69 over other draws of the holes

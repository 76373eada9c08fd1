import numpy as np
import pytest
from onnx import TensorProto

from mien.align import align
from mien.embed import ArcFaceEmbedder, DlibEmbedder
from mien.embed.batches import unit_vectors
from mien.testing import check, noise


def test_unit_vectors_by_hand():
    chips = np.zeros((3, 2, 2, 3), np.uint8)
    chips[:, :, 0] = 1  # the left column is marked, so mirroring can be told
    seen = []

    def run(batch):
        seen.append(len(batch))
        left = (batch[:, 0, 0, 0] == 1)[:, None]
        return np.where(left, [3.0, 0.0], [0.0, 4.0]).astype(np.float32)

    assert unit_vectors(chips, run, 2, mirror=False).tolist() == [[1, 0]] * 3
    assert np.allclose(unit_vectors(chips, run, 2, mirror=True), [[0.6, 0.8]] * 3)
    assert seen == [3, 6]  # mirrored chips share the run
    assert unit_vectors(chips[:0], run, 2, mirror=True).shape == (0, 2)


def test_batches_stay_small_however_many_faces_there_are():
    sizes = []

    def run(batch):
        sizes.append(len(batch))
        return np.ones((len(batch), 4), np.float32)

    unit_vectors(np.zeros((70, 2, 2, 3), np.uint8), run, 4, mirror=False)
    assert sizes == [32, 32, 6]


def test_the_contract_names_model_weights_width_crop_and_mirroring(toy):
    path = toy(("n", 150, 150, 3), {"vector": np.ones((1, 128))}, TensorProto.UINT8)
    plain = DlibEmbedder(path, name="d", digest="abc", mirror=False)
    assert plain.contract == "d/abc/128/zoom-1.05"
    assert DlibEmbedder(path, name="d", digest="abc").contract == "d/abc/128/zoom-1.05/mirror"
    before = plain.as_in("d/abc/128")
    assert (before.contract, before.crop.zoom, plain.crop.zoom) == ("d/abc/128", 1.0, 1.05)
    assert plain.as_in("d/abc/128/mirror") is None
    path = toy(("n", 3, 112, 112), {"v": np.ones((1, 64))})
    assert ArcFaceEmbedder(path, name="a", digest="x").contract == "a/x/64"


@pytest.mark.weights
def test_the_default_embedder_keeps_its_contract(embedder):
    check("embedder", embedder)


@pytest.mark.weights
def test_one_person_is_more_alike_than_two(embedder, mtcnn, astronaut, hopper):
    def vector(image):
        return embedder(align(image, mtcnn(image)[:1], embedder.crop))[0]

    collins, noisy = vector(astronaut), vector((astronaut * 0.7).astype(np.uint8))
    assert collins @ noisy > 0.98
    assert collins @ vector(hopper) < 0.9  # these vectors lie close together: 0.93 is a match


@pytest.mark.realdata
def test_mobilefacenet_answers_as_torch_does_without_torch(models, tmp_path):
    from mien.zoo.convert.mobilefacenet import convert

    convert(models / "068.ckpt", tmp_path / "m.onnx")
    model = ArcFaceEmbedder(tmp_path / "m.onnx", name="mobilefacenet", scale=128.0)
    check("embedder", model)
    # Computed once with torch 2.13.0 and the network of the public port on this very input.
    vector = model.raw(noise(1, 112))[0]
    assert np.allclose(vector[:4], [-0.0308475, -0.2988968, -0.2780398, -0.1303848], atol=1e-5)
    assert vector.sum() == pytest.approx(3.4589071, abs=1e-4)

"""Larger networks that users fetch, on graphs that stand for them: framing, range, tiles."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

from mien.align import align
from mien.contracts import Artefact
from mien.errors import MienError, OptionError, WeightsError
from mien.systems.restore_unet.enlarge import AROUND, FACTOR, Options, RealESRGAN
from mien.systems.restore_unet.large import GFPGAN, CodeFormer, FaithfulOptions
from mien.systems.restore_unet.make import Options as FaceOptions
from mien.testing import check, noise

FACE = [1, 3, 512, 512]


def picture(image, name="a.jpg"):
    return {"image": Artefact("image", image=image, name=name, sha256="ab" * 32)}


def saved(path, nodes, inputs, constants=()):
    """Write a graph of these nodes whose output is `y`."""
    graph = h.make_graph(
        nodes,
        "stands for the network",
        [h.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [h.make_tensor_value_info("y", T.FLOAT, [1, 3, None, None])],
        [numpy_helper.from_array(value, name) for name, value in constants],
    )
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def codeformer(tmp_path, mtcnn):
    """A graph that gives the weight of the photograph everywhere, as CodeFormer takes it."""
    nodes = [
        h.make_node("Cast", ["weight"], ["w"], to=T.FLOAT),
        h.make_node("Mul", ["x", "none"], ["zero"]),
        h.make_node("Add", ["zero", "w"], ["y"]),
    ]
    inputs = [("x", T.FLOAT, FACE), ("weight", T.DOUBLE, [1])]
    path = saved(tmp_path / "c.onnx", nodes, inputs, [("none", np.zeros(1, np.float32))])
    return CodeFormer(path, name="codeformer", digest="0123", detector=mtcnn)


@pytest.fixture
def esrgan(tmp_path):
    """Return make(factor) -> a maker whose graph repeats each pixel."""

    def make(factor=FACTOR):
        nodes = [h.make_node("Resize", ["x", "", "by"], ["y"], mode="nearest",
                             coordinate_transformation_mode="asymmetric",
                             nearest_mode="floor")]  # fmt: skip
        by = np.array([1, 1, factor, factor], np.float32)
        inputs = [("x", T.FLOAT, [1, 3, "h", "w"])]
        path = saved(tmp_path / f"{factor}.onnx", nodes, inputs, [("by", by)])
        return RealESRGAN(path, name="real-esrgan", digest="4567")

    return make


def colour_of_the_nose(image, made, detector):
    [face] = detector(image)[:1]
    x, y = face.points[2].astype(int)
    return made.artefacts[0].image[y, x].astype(int)


@pytest.mark.weights
def test_gfpgan_restores_in_its_own_framing_and_range(toy, astronaut, mtcnn):
    # A graph that always gives 0, which stands for mid grey where pixels are -1 to 1.
    path = toy(FACE, {"output": np.zeros((1, 3, 512, 512))})
    maker = GFPGAN(path, name="gfpgan", digest="0123", detector=mtcnn)
    check("maker", maker, inputs=picture(astronaut))
    made = maker(picture(astronaut), FaceOptions())
    assert np.abs(colour_of_the_nose(astronaut, made, mtcnn) - 128).max() <= 1
    assert np.array_equal(made.artefacts[0].image[500:], astronaut[500:])
    assert made.provenance.change == "restored"
    assert made.provenance.maker == "gfpgan"
    # Eyes, nose and mouth corners lie where facexlib puts them.
    [face] = mtcnn(astronaut)[:1]
    assert align(astronaut, [face], GFPGAN.crop).shape == (1, 512, 512, 3)


@pytest.mark.weights
@pytest.mark.parametrize("fidelity", [0.0, 0.5, 1.0])
def test_codeformer_is_told_how_faithful_to_be(codeformer, astronaut, mtcnn, fidelity):
    made = codeformer(picture(astronaut), FaithfulOptions(fidelity=fidelity))
    wanted = 255 * (1 + fidelity) / 2
    assert np.abs(colour_of_the_nose(astronaut, made, mtcnn) - wanted).max() <= 1
    assert ("fidelity", str(fidelity)) in made.provenance.options


def test_what_codeformer_refuses(tmp_path, codeformer, toy):
    with pytest.raises(OptionError, match="fidelity is 2; expected 0 to 1"):
        FaithfulOptions(fidelity=2)
    one = toy(FACE, {"output": np.zeros((1, 3, 512, 512))})
    with pytest.raises(WeightsError, match="has 1 inputs: expected 2"):
        CodeFormer(one, name="codeformer")


@pytest.mark.parametrize("size", [(7, 40), (33, 50), (32, 32)])
def test_tiles_of_an_enlarged_photograph_meet_without_a_seam(esrgan, size):
    image = noise(1, 64)[0][: size[0], : size[1]]
    steps = []
    made = esrgan()(picture(image), Options(tile=16), lambda *step: steps.append(step))
    assert np.array_equal(made.artefacts[0].image, image.repeat(4, 0).repeat(4, 1))
    tiles = -(-size[0] // 16) * -(-size[1] // 16)
    assert steps[-1] == ("tiles", tiles, tiles)
    assert made.provenance.change == "restored"


def test_a_tile_sees_what_lies_beside_it(esrgan):
    maker, seen = esrgan(), []
    run = maker._run
    maker._run = lambda tile: (seen.append(tile.shape[:2]), run(tile))[1]
    maker(picture(noise(1, 64)[0]), Options(tile=32))
    assert seen == [(32 + 2 * AROUND, 32 + 2 * AROUND)] * 4


def test_twice_as_wide_is_the_average_of_four_times(esrgan):
    image = noise(1, 24)[0]
    made = esrgan()(picture(image), Options(scale=2))
    assert np.array_equal(made.artefacts[0].image, image.repeat(2, 0).repeat(2, 1))
    check("maker", esrgan(), inputs=picture(image))


def test_what_cannot_be_enlarged_is_refused(esrgan):
    maker = esrgan()
    with pytest.raises(MienError, match="enlarges a photograph, and got none"):
        maker({}, Options())
    with pytest.raises(OptionError, match="a side would exceed 16,384 px"):
        maker(picture(np.zeros((2, 5000, 3), np.uint8)), Options())
    with pytest.raises(WeightsError, match="does not enlarge by 4"):
        esrgan(2)(picture(noise(1, 24)[0]), Options())
    for wrong in ({"scale": 1}, {"scale": 5}, {"tile": 8}):
        with pytest.raises(OptionError, match="expected"):
            Options(**wrong)

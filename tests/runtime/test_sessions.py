import threading

import numpy as np
import pytest

from mien.errors import DeviceError, WeightsError
from mien.runtime import LiteSession, Session
from mien.zoo import fetch, find


def test_a_graph_answers_under_its_own_names(toy):
    session = Session(toy((1, 3), {"answer": [[1, 2]]}), (1, 3))
    assert session(np.zeros((1, 3), np.float32))["answer"].tolist() == [[1, 2]]
    assert session.device.provider == "CPUExecutionProvider"
    assert session.device.threads >= 1


def test_threads_asked_for_are_threads_told(toy):
    assert Session(toy((1,), {"a": [1]}), (1,), threads=3).device.threads == 3


@pytest.mark.parametrize("shape", [(1, 4), (1, 3, 1), (2, 3)])
def test_a_graph_of_another_shape_is_refused(toy, shape):
    with pytest.raises(WeightsError, match=r"has input \[1, 3\]: expected"):
        Session(toy((1, 3), {"answer": [[1, 2]]}), shape)


def test_free_sides_fit_anything(toy):
    Session(toy(("n", 3), {"answer": [[1, 2]]}), (None, 3))
    Session(toy(("n", 3), {"answer": [[1, 2]]}), (5, 3))


@pytest.mark.parametrize("content", [b"", b"not a graph"])
@pytest.mark.parametrize("kind", [Session, LiteSession])
def test_what_is_not_a_graph_is_refused_with_the_way_out(tmp_path, kind, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="mien models pull"):
        kind(path, (1, 3))


def test_a_missing_device_is_never_replaced_by_the_cpu(toy):
    with pytest.raises(DeviceError, match="offers only"):
        Session(toy((1,), {"a": [1]}), (1,), device="rocm")


def test_a_lite_graph_is_fed_pixels_and_refuses_other_shapes():
    [mesh] = fetch(find("face-mesh"))
    session = LiteSession(mesh, (1, 192, 192, 3), threads=1)
    chip = np.random.default_rng(0).integers(0, 256, (1, 192, 192, 3), np.uint8)
    fed, turned = session(chip, white=255), session(chip.astype(np.float32) / 255)
    assert all(np.array_equal(fed[name], turned[name]) for name in session.outputs)
    with pytest.raises(ValueError, match=r"\[192, 192, 3\]: expected \[1, 192, 192, 3\]"):
        session(chip[0])
    with pytest.raises(WeightsError, match="has 1 inputs: expected 2"):
        LiteSession(mesh, (1, 192, 192, 3), (1, 2))


def test_a_lite_graph_may_take_several_inputs():
    _, regions = fetch(find("attention-mesh"))
    session = LiteSession(regions, *[(1, 16, 16, 32)] * 3, threads=1)
    tiles = np.random.default_rng(0).normal(size=(3, 1, 16, 16, 32)).astype(np.float32)
    first, second = session(*tiles), session(tiles[0], tiles[2], tiles[1])
    assert np.array_equal(first["conv_lips"], second["conv_lips"])
    assert not np.array_equal(first["conv_left_eye"], second["conv_left_eye"])
    with pytest.raises(ValueError, match="The inputs have shapes"):
        session(tiles[0])


def test_threads_may_share_a_session(toy):
    session = Session(toy((1, 3), {"answer": [[1, 2]]}), (1, 3))
    answers = []
    crowd = [
        threading.Thread(
            target=lambda: answers.append(session(np.zeros((1, 3), np.float32))["answer"].sum())
        )
        for _ in range(16)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert answers == [3] * 16

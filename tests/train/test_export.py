import numpy as np
import onnx
import pytest
import torch
from torch import nn

from mien.errors import TrainingError
from mien.runtime import Session
from mien.train import export, halved, quantised, seeded


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.GELU(),
            nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        )  # fmt: skip
        self.last = nn.Linear(32, 5)

    def forward(self, x):
        features = self.trunk(x).mean((2, 3))
        return self.last(features), features


class Leaky(nn.Module):
    """Takes the mean over the batch away from each row: the defect that exports must not have."""

    def forward(self, x):
        return x.mean((1, 2, 3)) - x.mean()


@pytest.fixture
def net():
    seeded(0)
    net = Net()
    net.train()(torch.rand(32, 3, 24, 24))  # batch norms that do something
    return net


@pytest.fixture
def example():
    return torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(1))


def test_the_file_answers_as_the_network_with_any_number_of_rows(net, example, tmp_path):
    path = tmp_path / "net.onnx"
    assert export(net, path, example, outputs=("logits", "features")) < 1e-5
    session = Session(path, (None, 3, 24, 24))
    assert session.outputs == ["logits", "features"]
    assert session(np.zeros((7, 3, 24, 24), np.float32))["logits"].shape == (7, 5)
    assert onnx.load(path).opset_import[0].version == 17


def test_rows_that_know_of_each_other_are_refused_and_no_file_is_left(example, tmp_path):
    with pytest.raises(TrainingError, match="rows of a batch depend on each other"):
        export(Leaky(), tmp_path / "leaky.onnx", example, outputs=("y",))
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_none_are_no_agreement(net, example, tmp_path):
    with torch.no_grad():
        net.last.bias[0] = torch.nan
    with pytest.raises(TrainingError, match="differ by nan"):
        export(net, tmp_path / "net.onnx", example, outputs=("logits", "features"))


def test_half_the_bits_are_half_the_file(net, example, tmp_path):
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    export(net, whole, example, outputs=("logits", "features"))
    with pytest.raises(TrainingError, match="more than 1e-07"):
        export(net, small, example, outputs=("logits", "features"), half=True, tolerance=1e-7)
    apart = export(net, small, example, outputs=("logits", "features"), half=True, tolerance=1e-2)
    assert 0 < apart < 1e-2
    assert small.stat().st_size < 0.75 * whole.stat().st_size
    halved(whole, tmp_path / "again.onnx")
    session = Session(tmp_path / "again.onnx", (None, 3, 24, 24))
    assert session(example.numpy())["logits"].dtype == np.float32


def test_eight_bits_answer_nearly_as_the_network_does(net, example, tmp_path):
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    export(net, whole, example, outputs=("logits", "features"))
    quantised(whole, small, [example.numpy()])
    told = Session(small, (None, 3, 24, 24))(example.numpy())["logits"]
    want = Session(whole, (None, 3, 24, 24))(example.numpy())["logits"]
    assert 0 < np.abs(told - want).max() < 0.1 * np.abs(want).max()
    with pytest.raises(TrainingError, match="real inputs"):
        quantised(whole, small, [])

"""Convolutions of a graph, as floats and from 8 bits."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")


def test_weights_of_8_bits_stand_for_those_they_were_made_from(tmp_path):
    from mien.train import export, quantised
    from mien.train.convolutions import convolutions

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(),
                              torch.nn.Conv2d(8, 4, 3, 1, 1), torch.nn.Flatten())  # fmt: skip
    pixels = torch.rand(4, 3, 16, 16)
    export(net, tmp_path / "floats.onnx", pixels)
    quantised(tmp_path / "floats.onnx", tmp_path / "bits.onnx", [pixels.numpy()])
    floats, bits = (convolutions(tmp_path / f"{name}.onnx") for name in ("floats", "bits"))
    assert [(c.stride, c.padding) for c in bits] == [(2, 1), (1, 1)]
    for one, other, layer in zip(floats, bits, (net[0], net[2]), strict=True):
        weight = layer.weight.detach().numpy()
        assert np.array_equal(one.weight, weight)
        steps = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / 127
        assert (np.abs(other.weight - weight) <= 0.51 * steps).all()
        assert np.allclose(other.bias, layer.bias.detach().numpy(), atol=1e-3)


@pytest.mark.weights
def test_a_trunk_has_at_most_the_blocks_of_its_card():
    from mien.train.trunk import Trunk

    with pytest.raises(ValueError, match="'expression' has 9 blocks, so 10"):
        Trunk(10, 64, "expression")


def test_matrices_are_those_of_products_and_a_damaged_file_is_named(tmp_path):
    from mien.errors import WeightsError
    from mien.train import export
    from mien.train.convolutions import matrices

    class Product(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.rand(3, 2))

        def forward(self, x):
            return x @ self.weight

    net = Product()
    export(net, tmp_path / "a.onnx", torch.rand(4, 3))
    [found] = matrices(tmp_path / "a.onnx")
    assert np.array_equal(found, net.weight.detach().numpy())
    (tmp_path / "b.onnx").write_bytes(b"no graph at all")
    with pytest.raises(WeightsError, match=r"b\.onnx cannot be read"):
        matrices(tmp_path / "b.onnx")

"""Read the convolutions of an ONNX graph, to start a network of our own from them."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mien.errors import WeightsError


class Convolution(NamedTuple):
    """One convolution of a graph that was written before."""

    weight: NDArray[np.float32]  # (O, I, H, W)
    bias: NDArray[np.float32]  # (O,)
    stride: int
    padding: int


def convolutions(path: Path) -> list[Convolution]:
    """The convolutions of an ONNX file, in the order in which they are computed.

    Weights of 8 bits are returned as the floats that they stand for.

    Raises:
        WeightsError: the file is no ONNX graph, or a convolution has no bias.
    """
    graph = _graph(path)
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    stored |= _dequantised(graph, stored)
    found = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        if len(node.input) != 3 or not set(node.input[1:]) <= set(stored):
            raise WeightsError(f"A convolution of {path} has no bias, or weights of its own.")
        how = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        strides, pads = how.get("strides", [1]), how.get("pads", [0])
        weight, bias = (stored[name].astype(np.float32) for name in node.input[1:])
        found.append(Convolution(weight, bias, strides[0], pads[0]))
    return found


def matrices(path: Path) -> list[NDArray[np.float32]]:
    """The stored matrices of the products in an ONNX file, (I, O), in their order.

    Raises:
        WeightsError: the file is no ONNX graph.
    """
    graph = _graph(path)
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    return [stored[node.input[1]].copy() for node in products if node.input[1] in stored]


def _graph(path: Path) -> onnx.GraphProto:
    try:
        return onnx.load(path).graph
    except (OSError, DecodeError) as error:
        raise WeightsError(f"{path} cannot be read as an ONNX graph: {error}.") from error


def _dequantised(
    graph: onnx.GraphProto, stored: dict[str, NDArray[Any]]
) -> dict[str, NDArray[np.float32]]:
    """The weights that a graph stores in 8 bits, as `mien.train.quantised` writes them."""
    found = {}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or not set(node.input) <= set(stored):
            continue
        value, scale, zero = (stored[name] for name in node.input)
        axes = [helper.get_attribute_value(one) for one in node.attribute if one.name == "axis"]
        shape = [1] * value.ndim
        if scale.ndim:
            shape[axes[0] if axes else 1] = len(scale)
        whole = value.astype(np.float32) - zero.astype(np.float32).reshape(shape)
        found[node.output[0]] = whole * scale.reshape(shape)
    return found

"""Read the convolutions of an ONNX graph, to start a network of our own from them."""

from pathlib import Path
from typing import NamedTuple

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

    Raises:
        WeightsError: the file is no ONNX graph, or a convolution has no bias.
    """
    try:
        graph = onnx.load(path).graph
    except (OSError, DecodeError) as error:
        raise WeightsError(f"{path} cannot be read as an ONNX graph: {error}.") from error
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
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

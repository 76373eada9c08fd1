"""Write small ONNX graphs node by node, and read them: shared by the converters."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien.errors import WeightsError

OPSET = 17  # understood by every ONNX Runtime since 1.12


class Graph:
    """A graph under construction: each call adds one node and returns the name of its output."""

    def __init__(self, shape: list[int | str], kind: int = TensorProto.UINT8) -> None:
        """Start with one input named `x` of this shape."""
        self.inputs = [helper.make_tensor_value_info("x", kind, shape)]
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, value: NDArray[Any]) -> str:
        """Store an array; return its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of this kind; return the name of its output."""
        output = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def pixels(self, x: str = "x") -> str:
        """(N, H, W, 3) uint8 -> (N, 3, H, W) float32, still 0 to 255."""
        return self.add("Cast", self.add("Transpose", x, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)

    def conv(
        self, x: str, weight: NDArray[Any], bias: NDArray[Any] | None = None, **attributes: Any
    ) -> str:
        """Convolve with (O, I, H, W) weights."""
        more = [] if bias is None else [self.weight(bias.astype(np.float32))]
        return self.add("Conv", x, self.weight(weight.astype(np.float32)), *more, **attributes)

    def quantise(self, x: str, scale: float, zero: int) -> str:
        """float32 -> uint8: x / scale + zero, rounded."""
        return self.add("QuantizeLinear", x, *self._steps(scale, zero))

    def dequantise(self, x: str, scale: float, zero: int) -> str:
        """uint8 -> float32: (x - zero) * scale."""
        return self.add("DequantizeLinear", x, *self._steps(scale, zero))

    def dequantised(self, weight: NDArray[Any], scales: NDArray[Any]) -> str:
        """Integers with one scale per channel of the first axis, as float32 values."""
        steps = self.weight(scales.astype(np.float32))
        return self.add("DequantizeLinear", self.weight(weight), steps, axis=0)

    def _steps(self, scale: float, zero: int) -> tuple[str, str]:
        return self.weight(np.array(scale, np.float32)), self.weight(np.array(zero, np.uint8))

    def prelu(self, x: str, slope: NDArray[Any]) -> str:
        """max(x, 0) + slope * min(x, 0), slope broadcast over x.

        The PRelu node is equivalent, but ONNX Runtime takes twice as long for it.
        """
        below = self.add("Min", x, self.weight(np.zeros(1, np.float32)))
        scaled = self.add("Mul", below, self.weight(slope.astype(np.float32)))
        return self.add("Add", self.add("Relu", x), scaled)

    def save(self, target: Path, outputs: dict[str, list[int | str]]) -> None:
        """Check the graph and write it; the same arrays give the same bytes."""
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()]
        graph = helper.make_graph(self.nodes, "mien", self.inputs, ends, self.weights)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=8,
            producer_name="mien",
        )
        onnx.checker.check_model(model)
        target.write_bytes(model.SerializeToString(deterministic=True))


class Convolution(NamedTuple):
    """One convolution of an existing graph."""

    weight: NDArray[np.float32]  # (O, I, H, W)
    bias: NDArray[np.float32]  # (O,)
    stride: int
    padding: int


def convolutions(path: Path) -> list[Convolution]:
    """The convolutions of an ONNX file, in the order of computation.

    Raises:
        WeightsError: the file is not an ONNX graph, or a convolution has no bias.
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

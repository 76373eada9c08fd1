"""Write small ONNX graphs node by node: shared by the converters."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.zoo.convert import onnx_bytes
from mien.zoo.convert.onnx_bytes import FLOAT, UINT8

OPSET = 17  # understood by every ONNX Runtime since 1.12


class Graph:
    """A graph under construction: each call adds one node and returns the name of its output."""

    def __init__(self, shape: list[int | str], kind: int = UINT8) -> None:
        """Start with one input named `x` of this shape."""
        self.inputs = [onnx_bytes.value_info("x", kind, shape)]
        self.nodes: list[bytes] = []
        self.weights: list[bytes] = []

    def weight(self, value: NDArray[Any]) -> str:
        """Store an array; return its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(onnx_bytes.tensor(name, value))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of this kind; return the name of its output."""
        output = name or f"n{len(self.nodes)}"
        self.nodes.append(onnx_bytes.node(kind, inputs, output, attributes))
        return output

    def pixels(self, x: str = "x") -> str:
        """(N, H, W, 3) uint8 -> (N, 3, H, W) float32, still 0 to 255."""
        return self.add("Cast", self.add("Transpose", x, perm=[0, 3, 1, 2]), to=FLOAT)

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
        """Write the graph; the same arrays give the same bytes."""
        ends = [onnx_bytes.value_info(name, FLOAT, shape) for name, shape in outputs.items()]
        target.write_bytes(
            onnx_bytes.model(
                self.nodes,
                self.weights,
                self.inputs,
                ends,
                name="mien",
                opset=OPSET,
                version=8,
            )
        )

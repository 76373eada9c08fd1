"""Convert dlib's face recognition network: its .dat file in, one ONNX graph out.

The file is a stream of layers in forward order. Each learned layer starts with its name; a
tensor is version, four packed integers and raw float32, little-endian.

Source: dlib, `dlib/dnn/layers.h` and `dlib/serialize.h`; the network is `anet_type` of
`dnn_face_recognition_ex.cpp` (Davis King, "High quality face recognition with deep metric
learning", 2017): ResNet-29, 128 numbers.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mien.errors import WeightsError
from mien.types import Floats
from mien.zoo.convert.onnx_graphs import Graph

# Mean of RGB in training, and the divisor.
# Source: dlib, input_rgb_image_sized.
MEAN = np.array([122.782, 117.001, 104.298])
SCALE = 256.0
SIDE = 150  # px
NAMES = re.compile(rb"con_4|affine_|relu_|max_pool_2|avg_pool_2|add_prev_|fc_2")


class Layer(NamedTuple):
    """One layer of the file; pools and sums have no weights here, since their form is known."""

    kind: str
    weight: Floats | None = None  # (O, I, H, W) of a convolution, (256, 128) of the last layer
    bias: Floats | None = None  # (O,)
    stride: int = 1
    padding: int = 0


class Map(NamedTuple):
    """A feature map on its way through the graph."""

    name: str
    channels: int
    side: int
    scale: float = 0.0  # step size of its 8-bit values; 0: it has 32-bit values


Mark = Callable[[Graph, Map], Map]


class Stream:
    """Read dlib's serialisation from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def name(self) -> str | None:
        """Skip to the next layer; return its name, or None at the end."""
        match = NAMES.search(self.data, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group().decode("ascii")

    def integer(self) -> int:
        """A packed integer: a byte of sign and length, then that many bytes."""
        head = self.data[self.at]
        length = head & 0x0F
        value = int.from_bytes(self.data[self.at + 1 : self.at + 1 + length], "little")
        self.at += 1 + length
        return -value if head & 0x80 else value

    def tensor(self) -> Floats:
        """All numbers of a tensor, flat, float32."""
        version = self.integer()
        count = int(np.prod([self.integer() for _ in range(4)]))  # samples, channels, rows, columns
        if version != 2 or self.at + 4 * count > len(self.data):
            raise WeightsError("The .dat file ends early, or is not dlib's recognition network.")
        values = np.frombuffer(self.data, "<f4", count, self.at)
        self.at += 4 * count
        return values


def convert(source: Path, target: Path) -> None:
    """Write the network as ONNX: `x` (N, 150, 150, 3) uint8 RGB -> `vector` (N, 128)."""
    build(source, target, lambda graph, x: x)


def convert_int8(source: Path, target: Path) -> None:
    """Write the network with 8-bit values and weights: a third of the time, similar vectors.

    Weights have one scale per channel. Values have the ranges that were measured on faces of people
    who are in no other measurement (tools/ranges_dlib.py), stored in ranges/dlib-resnet29.json. The
    input is 8-bit already, so it loses nothing.

    Source: Jacob et al., "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", CVPR 2018.
    """
    text = files("mien.zoo").joinpath("ranges/dlib-resnet29.json").read_text("utf-8")
    ranges = iter(json.loads(text)["ranges"])
    build(source, target, lambda graph, x: _quantised(graph, x, *next(ranges)), quantise=True)


def observe(source: Path, target: Path) -> list[str]:
    """Write the network with the inputs of convert_int8 as outputs; return their names."""
    seen: list[str] = []

    def mark(graph: Graph, x: Map) -> Map:
        seen.append(graph.add("Identity", x.name, name=f"seen{len(seen)}"))
        return x

    build(source, target, mark, seen)
    return seen


def build(
    source: Path, target: Path, mark: Mark, seen: Sequence[str] = (), quantise: bool = False
) -> None:
    """Write the graph; `mark` may change each complete feature map."""
    layers = list(read(Stream(source.read_bytes())))
    graph = Graph(["n", SIDE, SIDE, 3])
    x = skip = _input(graph, quantise)
    before = ""
    for layer in layers[:-2]:  # all but the last pool and the last layer
        if layer.kind == "con_4":
            x = _conv(graph, x, layer)
        elif layer.kind == "relu_":
            x = mark(graph, x._replace(name=graph.add("Relu", x.name)))
            skip = x if before == "add_prev_" else skip  # a sum ends a block; the next one opens
        elif layer.kind == "max_pool_2":
            x = skip = mark(graph, _pool(graph, x, "MaxPool", 3))
        elif layer.kind == "avg_pool_2":
            skip = mark(graph, _pool(graph, skip, "AveragePool", 2))
        elif layer.kind == "add_prev_":
            x = _sum(graph, mark(graph, x), skip, mark)
        before = layer.kind
    mean = graph.add("GlobalAveragePool", x.name)
    last = layers[-1].weight
    assert last is not None
    graph.add("MatMul", graph.add("Flatten", mean), graph.weight(last), name="vector")
    outputs: dict[str, list[int | str]] = {"vector": ["n", last.shape[1]]}
    graph.save(target, outputs | {name: ["n", "c", "h", "w"] for name in seen})


def read(stream: Stream) -> Iterator[Layer]:
    """Layers in forward order.

    Affine layers are folded into the convolution before them; mean and scale of the input into
    the first one, which has no padding, so that this is exact.
    """
    channels = 3
    while kind := stream.name():
        if kind == "con_4":
            values = stream.tensor()
            count, rows, columns, stride, _, padding, _ = (stream.integer() for _ in range(7))
            weight = values[:-count].reshape(count, channels, rows, columns).astype(np.float64)
            bias = values[-count:].astype(np.float64)
            if channels == 3:
                bias = bias - np.einsum("oihw,i->o", weight, MEAN / SCALE)
                weight = weight / SCALE
            if stream.name() != "affine_":
                raise WeightsError("A convolution of the .dat file has no affine layer after it.")
            gain, shift = stream.tensor().astype(np.float64).reshape(2, count)
            weight, bias = weight * gain[:, None, None, None], bias * gain + shift
            yield Layer(kind, weight.astype(np.float32), bias.astype(np.float32), stride, padding)
            channels = count
        elif kind == "fc_2":
            outputs, inputs = stream.integer(), stream.integer()
            yield Layer(kind, stream.tensor().reshape(inputs, outputs))
        else:
            yield Layer(kind)


def _input(graph: Graph, quantise: bool) -> Map:
    if not quantise:
        return Map(graph.pixels(), 3, SIDE)
    turned = graph.add("Transpose", "x", perm=[0, 3, 1, 2])
    return Map(graph.dequantise(turned, 1.0, 0), 3, SIDE, 1.0)


def _quantised(graph: Graph, x: Map, low: float, high: float) -> Map:
    """Round to 256 steps between `low` (at most 0) and `high`; 0 stays exactly 0."""
    scale = (high - low) / 255
    zero = round(-low / scale)
    return x._replace(
        name=graph.dequantise(graph.quantise(x.name, scale, zero), scale, zero), scale=scale
    )


def _conv(graph: Graph, x: Map, layer: Layer) -> Map:
    assert layer.weight is not None
    assert layer.bias is not None
    count, _, kernel, _ = layer.weight.shape
    stride, pad = layer.stride, layer.padding
    how: dict[str, Any] = {"strides": [stride] * 2, "pads": [pad] * 4}
    if x.scale:
        steps = np.abs(layer.weight).max(axis=(1, 2, 3)) / 127  # (O,)
        weight = np.rint(layer.weight / steps[:, None, None, None]).astype(np.int8)
        bias = np.rint(layer.bias / (steps * x.scale)).astype(np.int32)
        parts = (graph.dequantised(weight, steps), graph.dequantised(bias, steps * x.scale))
        name = graph.add("Conv", x.name, *parts, **how)
    else:
        name = graph.conv(x.name, layer.weight, layer.bias, **how)
    return Map(name, count, (x.side + 2 * pad - kernel) // stride + 1)


def _pool(graph: Graph, x: Map, kind: str, kernel: int) -> Map:
    name = graph.add(kind, x.name, kernel_shape=[kernel] * 2, strides=[2, 2])
    return Map(name, x.channels, (x.side - kernel) // 2 + 1)


def _sum(graph: Graph, a: Map, b: Map, mark: Mark) -> Map:
    """Add two maps; the smaller one is filled up with zeros in channels, rows and columns."""
    channels, side = max(a.channels, b.channels), max(a.side, b.side)
    a, b = (_fill(graph, x, channels, side, mark) for x in (a, b))
    return Map(graph.add("Add", a.name, b.name), channels, side)


def _fill(graph: Graph, x: Map, channels: int, side: int, mark: Mark) -> Map:
    more, far = channels - x.channels, side - x.side
    if not more and not far:
        return x
    pads = graph.weight(np.array([0, 0, 0, 0, 0, more, far, far], dtype=np.int64))
    return mark(graph, Map(graph.add("Pad", x.name, pads), channels, side))

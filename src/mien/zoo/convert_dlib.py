"""dlib's face recognition network: its .dat file in, one ONNX graph out.

The file is a stream of layers in forward order. Each learned layer starts with its name; a
tensor is version, four packed integers and raw float32, little-endian.

Source: dlib, `dlib/dnn/layers.h` and `dlib/serialize.h`; the network is `anet_type` of
`dnn_face_recognition_ex.cpp` (Davis King, "High quality face recognition with deep metric
learning", 2017): ResNet-29, 128 numbers.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mien.errors import WeightsError
from mien.types import Floats
from mien.zoo.graphs import Graph

# Mean of RGB that the network was trained with, and what it divides by.
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


class Stream:
    """Read dlib's serialisation from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def name(self) -> str | None:
        """Skip to the next layer; its name, or None at the end."""
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
    layers = list(read(Stream(source.read_bytes())))
    graph = Graph(["n", SIDE, SIDE, 3])
    x = skip = Map(graph.pixels(), 3, SIDE)
    before = ""
    for layer in layers[:-2]:  # all but the last pool and the last layer
        if layer.kind == "con_4":
            x = _conv(graph, x, layer)
        elif layer.kind == "relu_":
            x = x._replace(name=graph.add("Relu", x.name))
            skip = x if before == "add_prev_" else skip  # a sum ends a block; the next one opens
        elif layer.kind == "max_pool_2":
            x = skip = _pool(graph, x, "MaxPool", 3)
        elif layer.kind == "avg_pool_2":
            skip = _pool(graph, skip, "AveragePool", 2)
        elif layer.kind == "add_prev_":
            x = _sum(graph, x, skip)
        before = layer.kind
    mean = graph.add("GlobalAveragePool", x.name)
    last = layers[-1].weight
    assert last is not None
    graph.add("MatMul", graph.add("Flatten", mean), graph.weight(last), name="vector")
    graph.save(target, {"vector": ["n", last.shape[1]]})


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


def _conv(graph: Graph, x: Map, layer: Layer) -> Map:
    assert layer.weight is not None
    count, kernel, stride, pad = (
        len(layer.weight),
        layer.weight.shape[2],
        layer.stride,
        layer.padding,
    )
    name = graph.conv(x.name, layer.weight, layer.bias, strides=[stride] * 2, pads=[pad] * 4)
    return Map(name, count, (x.side + 2 * pad - kernel) // stride + 1)


def _pool(graph: Graph, x: Map, kind: str, kernel: int) -> Map:
    name = graph.add(kind, x.name, kernel_shape=[kernel] * 2, strides=[2, 2])
    return Map(name, x.channels, (x.side - kernel) // 2 + 1)


def _sum(graph: Graph, a: Map, b: Map) -> Map:
    """Add two maps; the smaller one is filled up with zeros in channels, rows and columns."""
    channels, side = max(a.channels, b.channels), max(a.side, b.side)
    a, b = (_fill(graph, x, channels, side) for x in (a, b))
    return Map(graph.add("Add", a.name, b.name), channels, side)


def _fill(graph: Graph, x: Map, channels: int, side: int) -> Map:
    more, far = channels - x.channels, side - x.side
    if not more and not far:
        return x
    pads = graph.weight(np.array([0, 0, 0, 0, 0, more, far, far], dtype=np.int64))
    return Map(graph.add("Pad", x.name, pads), channels, side)

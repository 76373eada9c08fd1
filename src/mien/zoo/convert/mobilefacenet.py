"""Convert MobileFaceNet of the public PyTorch port: a checkpoint in, one ONNX graph out.

Source: Chen et al., "MobileFaceNets: efficient CNNs for accurate real-time face verification",
2018 (arXiv:1804.07573), Table 1; names of the arrays as in MobileFaceNet_Pytorch.
"""

from pathlib import Path

import numpy as np

from mien.zoo.convert.folding import convolve
from mien.zoo.convert.onnx_bytes import FLOAT
from mien.zoo.convert.onnx_graphs import Graph
from mien.zoo.convert.safe_pickle import Arrays, read_checkpoint

# Table 1: expansion, channels, repeats, stride of the first
BLOCKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
# The port was trained on chips of 112 x 96, the middle of the 112 px template.
LEFT, RIGHT = 8, 104  # px


def convert(source: Path, target: Path) -> None:
    """Write the network as ONNX: `x` (N, 3, 112, 112) float32 -> `vector` (N, 128)."""
    arrays = read_checkpoint(source, "net_state_dict")
    graph = Graph(["n", 3, 112, 112], FLOAT)
    ends = (graph.weight(np.array([value], np.int64)) for value in (LEFT, RIGHT, 3))
    x = graph.add("Slice", "x", *ends)
    x = _block(graph, arrays, x, "conv1", stride=2, pad=1)
    x = _block(graph, arrays, x, "dw_conv1", pad=1)
    number, before = 0, 64
    for _, channels, repeats, first in BLOCKS:
        for repeat in range(repeats):
            stride = first if repeat == 0 else 1
            y = _bottleneck(graph, arrays, x, f"blocks.{number}.conv", stride)
            x = graph.add("Add", x, y) if stride == 1 and before == channels else y
            number, before = number + 1, channels
    x = _block(graph, arrays, x, "conv2")
    x = _block(graph, arrays, x, "linear7", linear=True)
    x = _block(graph, arrays, x, "linear1", linear=True)
    graph.add("Flatten", x, name="vector")
    graph.save(target, {"vector": ["n", 128]})


def _bottleneck(graph: Graph, arrays: Arrays, x: str, at: str, stride: int) -> str:
    """Expand, convolve depthwise, reduce; no activation at the end."""
    for first, pad, step in ((0, 0, 1), (3, 1, stride)):
        names = [f"{at}.{first + i}" for i in range(3)]
        x = convolve(graph, arrays, x, names, stride=step, pad=pad)
    return convolve(graph, arrays, x, [f"{at}.6", f"{at}.7"])


def _block(
    graph: Graph,
    arrays: Arrays,
    x: str,
    at: str,
    stride: int = 1,
    pad: int = 0,
    linear: bool = False,
) -> str:
    names = [f"{at}.conv", f"{at}.bn"] + ([] if linear else [f"{at}.prelu"])
    return convolve(graph, arrays, x, names, stride=stride, pad=pad)

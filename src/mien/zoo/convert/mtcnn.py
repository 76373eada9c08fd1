"""Convert MTCNN's three networks: Keras arrays in, ONNX graphs out.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", IEEE SPL 2016, Fig. 2; layer order and padding as in the `mtcnn` package 1.0.0.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import WeightsError
from mien.zoo.convert.joblib_arrays import read_arrays
from mien.zoo.convert.onnx_graphs import Graph

Arrays = list[NDArray[Any]]
# Sides of the pools after the convolutions, 0 for none, and whether Keras pads them ("same").
POOLS = {
    "pnet": [(2, True), (0, False), (0, False)],
    "rnet": [(3, True), (3, False), (0, False)],
    "onet": [(3, True), (3, False), (2, True), (0, False)],
}
SIDE = {"rnet": 24, "onet": 48}


def convert(source: Path, target: Path) -> None:
    """Write one of pnet, rnet, onet (named by the stem of `source`) as ONNX.

    The graph takes (N, H, W, 3) uint8 RGB and gives `boxes` (offsets), `scores` and, for onet,
    `points`; for pnet these are maps (N, 4, H', W') and (N, 2, H', W').
    """
    arrays: Arrays = read_arrays(source)
    net = source.stem
    if net not in POOLS:
        raise WeightsError(f"Expected pnet, rnet or onet, got {source}.")
    side: int | str = SIDE.get(net, "side")
    graph = Graph(["n", side, side if net in SIDE else "width", 3])
    shift, scale = (graph.weight(np.array(v, np.float32)) for v in (127.5, 1 / 128))
    x = graph.add("Mul", graph.add("Sub", graph.pixels(), shift), scale)
    for pool, padded in POOLS[net]:
        kernel, bias, slope, *arrays = arrays
        x = graph.conv(x, kernel.transpose(3, 2, 0, 1), bias)
        x = graph.prelu(x, slope.reshape(-1, 1, 1))
        if pool:
            pad = "SAME_UPPER" if padded else "VALID"
            x = graph.add("MaxPool", x, kernel_shape=[pool, pool], strides=[2, 2], auto_pad=pad)
    if net == "pnet":
        _heads_of_maps(graph, x, arrays, target)
    else:
        _heads_of_vectors(graph, x, arrays, target)


def _heads_of_maps(graph: Graph, x: str, arrays: Arrays, target: Path) -> None:
    boxes, boxes_bias, scores, scores_bias = arrays
    graph.add("Identity", graph.conv(x, boxes.transpose(3, 2, 0, 1), boxes_bias), name="boxes")
    logits = graph.conv(x, scores.transpose(3, 2, 0, 1), scores_bias)
    graph.add("Softmax", logits, axis=1, name="scores")
    graph.save(target, {"boxes": ["n", 4, "h", "w"], "scores": ["n", 2, "h", "w"]})


def _heads_of_vectors(graph: Graph, x: str, arrays: Arrays, target: Path) -> None:
    kernel, bias, slope, *arrays = arrays
    # The dense layer was trained on column-major maps: (N, C, H, W) -> (N, W, H, C).
    x = graph.add("Flatten", graph.add("Transpose", x, perm=[0, 3, 2, 1]))
    x = graph.add("Gemm", x, graph.weight(kernel), graph.weight(bias))
    x = graph.prelu(x, slope)
    names = ["boxes", "points", "scores"] if len(arrays) == 6 else ["boxes", "scores"]
    outputs: dict[str, list[int | str]] = {}
    for name, kernel, bias in zip(names, arrays[::2], arrays[1::2], strict=True):
        end = graph.add("Gemm", x, graph.weight(kernel), graph.weight(bias))
        graph.add("Softmax" if name == "scores" else "Identity", end, name=name)
        outputs[name] = ["n", len(bias)]
    graph.save(target, outputs)

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

Array = NDArray[Any]
Arrays = list[Array]
# Sides of the pools after the convolutions, 0 for none, and whether Keras pads them ("same").
POOLS = {
    "pnet": [(2, True), (0, False), (0, False)],
    "rnet": [(3, True), (3, False), (0, False)],
    "onet": [(3, True), (3, False), (2, True), (0, False)],
}
SIDE = {"rnet": 24, "onet": 48}


def convert_pooled(source: Path, target: Path) -> None:
    """Write one of pnet, rnet, onet (named by the stem of `source`) as ONNX.

    In pnet the pool comes before the PReLU, see `_pooled_prelu`.

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
        kernel, slope = kernel.transpose(3, 2, 0, 1), slope.ravel()
        pad = "SAME_UPPER" if padded else "VALID"
        how: dict[str, Any] = {"kernel_shape": [pool, pool], "strides": [2, 2], "auto_pad": pad}
        if net == "pnet" and pool:
            x = _pooled_prelu(graph, x, kernel, bias, slope, how)
            continue
        x = graph.prelu(graph.conv(x, kernel, bias), slope.reshape(-1, 1, 1))
        x = graph.add("MaxPool", x, **how) if pool else x
    if net == "pnet":
        _heads_of_maps(graph, x, arrays, target)
    else:
        _heads_of_vectors(graph, x, arrays, target)


def _pooled_prelu(
    graph: Graph, x: str, kernel: Array, bias: Array, slope: Array, how: dict[str, Any]
) -> str:
    """Convolve, pool, then apply the PReLU: equal to a pool at the end, and up to twice as fast.

    A PReLU that rises (slope of at least 0) commutes with the maximum. One of negative slope is
    max(x, slope * x), so its maximum is the larger of the maximum of x and of -slope times the
    maximum of -x; the convolution gives -x as additional channels. The largest maps are then
    read once, and the arithmetic is done on a quarter of the values.
    """
    falling = np.flatnonzero(slope < 0)
    kernel, bias = (np.concatenate([w, -w[falling]]) for w in (kernel, bias))
    pooled = graph.add("MaxPool", graph.conv(x, kernel, bias), **how)

    own = np.arange(len(slope))
    opposite = own.copy()
    opposite[falling] = len(slope) + np.arange(len(falling))
    column, rises = (-1, 1, 1), slope >= 0
    rising, mirrored = (
        graph.add("Gather", pooled, graph.weight(channels), axis=1) for channels in (own, opposite)
    )
    rising = graph.prelu(rising, slope.clip(0).reshape(column))
    scaled = graph.add("Mul", mirrored, graph.weight(np.where(rises, 0, -slope).reshape(column)))
    lowest = np.where(rises, np.finfo(np.float32).min, 0).astype(np.float32)  # changes no maximum
    return graph.add("Max", rising, graph.add("Add", scaled, graph.weight(lowest.reshape(column))))


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

"""Convolutions of torch checkpoints as ONNX nodes, with their normalisation folded in."""

from collections.abc import Sequence

import numpy as np

from mien.zoo.convert.onnx_graphs import Graph
from mien.zoo.convert.safe_pickle import Arrays

EPSILON = 1e-5  # of torch's batch normalisation


def convolve(
    graph: Graph, arrays: Arrays, x: str, names: Sequence[str], stride: int = 1, pad: int = 0
) -> str:
    """Add a convolution with its normalisation, and the activation if a third name is given.

    Args:
        graph: receives the nodes.
        arrays: of the checkpoint.
        x: name of the input.
        names: of the convolution, its batch normalisation, and its PReLU if there is one.
        stride: px.
        pad: px on each side.
    """
    conv, norm, *activation = names
    weight = arrays[f"{conv}.weight"].astype(np.float64)
    spread = np.sqrt(arrays[f"{norm}.running_var"].astype(np.float64) + EPSILON)
    gain = arrays[f"{norm}.weight"] / spread
    bias = arrays[f"{norm}.bias"] - arrays[f"{norm}.running_mean"] * gain
    depthwise = weight.shape[1] == 1
    x = graph.conv(
        x,
        weight * gain[:, None, None, None],
        bias,
        strides=[stride] * 2,
        pads=[pad] * 4,
        group=len(weight) if depthwise else 1,
    )
    if activation:
        x = graph.prelu(x, arrays[f"{activation[0]}.weight"].reshape(-1, 1, 1))
    return x

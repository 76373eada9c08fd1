"""Convert MiniFASNet of Silent-Face-Anti-Spoofing: a checkpoint in, one ONNX graph out.

Source: minivision-ai/Silent-Face-Anti-Spoofing, `MiniFASNet.py`: a MobileFaceNet whose channels
were pruned. The converter reads the channels off the arrays, so one converter serves both files.
"""

from pathlib import Path

from mien.errors import WeightsError
from mien.zoo.convert.folding import convolve
from mien.zoo.convert.onnx_graphs import Graph
from mien.zoo.convert.safe_pickle import Arrays, read_checkpoint

SIDE = 80  # px
STAGES = (("conv_23", "conv_3", 4), ("conv_34", "conv_4", 6), ("conv_45", "conv_5", 2))
# The first stage takes 40 px and halves it; 80 px end as 5 x 5, the kernel of conv_6_dw.


def convert(source: Path, target: Path) -> None:
    """Write the network as ONNX: `x` (N, 80, 80, 3) uint8 RGB -> `classes` (N, 3), softmax.

    Class 1 is live; 0 and 2 are attacks.

    Raises:
        WeightsError: the file is not such a checkpoint.
    """
    saved = read_checkpoint(source)
    arrays = {name.removeprefix("module."): value for name, value in saved.items()}
    try:
        graph = _graph(arrays)
    except KeyError as error:
        raise WeightsError(
            f"{source} is not a checkpoint of MiniFASNet: the array {error} is missing. "
            "Fetch it again: mien models pull minifasnet"
        ) from error
    graph.save(target, {"classes": ["n", 3]})


def _graph(arrays: Arrays) -> Graph:
    # Trained on blue, green, red; the graph takes red, green, blue.
    arrays["conv1.conv.weight"] = arrays["conv1.conv.weight"][:, ::-1]
    for linear in ("linear", "prob"):  # of one pixel, so a convolution
        arrays[f"{linear}.weight"] = arrays[f"{linear}.weight"][:, :, None, None]
    graph = Graph(["n", SIDE, SIDE, 3])
    x = _block(graph, arrays, graph.pixels(), "conv1", stride=2, pad=1)
    x = _block(graph, arrays, x, "conv2_dw", pad=1)
    for down, stage, repeats in STAGES:
        x = _bottleneck(graph, arrays, x, down, stride=2)
        for k in range(repeats):
            at = f"{stage}.model.{k}"
            y = _bottleneck(graph, arrays, x, at)
            if f"{at}.se_module.fc1.weight" in arrays:
                y = _squeezed(graph, arrays, y, f"{at}.se_module")
            x = graph.add("Add", x, y)
    x = _block(graph, arrays, x, "conv_6_sep")
    x = convolve(graph, arrays, x, ["conv_6_dw.conv", "conv_6_dw.bn"])
    x = convolve(graph, arrays, x, ["linear", "bn"])
    x = graph.conv(x, arrays["prob.weight"])
    x = graph.add("Flatten", x)
    graph.add("Softmax", x, axis=1, name="classes")
    return graph


def _block(graph: Graph, arrays: Arrays, x: str, at: str, stride: int = 1, pad: int = 0) -> str:
    names = [f"{at}.conv", f"{at}.bn", f"{at}.prelu"]
    return convolve(graph, arrays, x, names, stride=stride, pad=pad)


def _bottleneck(graph: Graph, arrays: Arrays, x: str, at: str, stride: int = 1) -> str:
    """Expand, convolve depthwise, reduce; no activation at the end."""
    x = _block(graph, arrays, x, f"{at}.conv")
    x = _block(graph, arrays, x, f"{at}.conv_dw", stride=stride, pad=1)
    return convolve(graph, arrays, x, [f"{at}.project.conv", f"{at}.project.bn"])


def _squeezed(graph: Graph, arrays: Arrays, x: str, at: str) -> str:
    """Weight the channels by their means (squeeze and excitation)."""
    y = graph.add("GlobalAveragePool", x)
    y = graph.add("Relu", convolve(graph, arrays, y, [f"{at}.fc1", f"{at}.bn1"]))
    y = graph.add("Sigmoid", convolve(graph, arrays, y, [f"{at}.fc2", f"{at}.bn2"]))
    return graph.add("Mul", x, y)

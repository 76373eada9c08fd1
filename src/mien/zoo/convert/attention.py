"""Split MediaPipe's attention mesh, one TensorFlow Lite graph, into two parts for LiteRT.

Source: Grishchenko et al., "Attention Mesh: high-fidelity face mesh prediction in real-time",
arXiv:2006.10962; the graph is MediaPipe's face_landmark_with_attention. Between the network of the
face and those of its regions are three operations that only MediaPipe's own build supports. They
are arithmetic on a few numbers, computed in mien.landmarks.attention.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.errors import WeightsError, extra

with extra("analyze", "The attention mesh"):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

# Part -> names of its input tensors, and of its output tensors.
PARTS = {
    "face": (["input_1"], ["output_mesh", "conv_faceflag", "p_re_lu_3"]),
    "regions": (
        [f"transform_tensor_bilinear_v2{end}" for end in ("", "_1", "_2")],
        ["conv_lips", "conv_left_eye", "conv_right_eye", "conv_left_iris", "conv_right_iris"],
    ),
}


def convert(source: Path, target: Path) -> None:
    """Write one part, face or regions (named by the stem of `target`), as .tflite."""
    if target.stem not in PARTS:
        raise WeightsError(f"{target} is none of {', '.join(PARTS)}.")
    takes, gives = PARTS[target.stem]
    # The weights' SHA-256 was checked before, so this is the file that MediaPipe published.
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(source.read_bytes(), 0))
    keep(model, takes, gives)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    target.write_bytes(builder.Output())


def keep(model: Any, takes: Sequence[str], gives: Sequence[str]) -> None:
    """Keep the part of a model between tensors.

    Args:
        model: a `schema.ModelT` of one graph, changed in place.
        takes: names of the tensors that become its inputs.
        gives: names of those that become its outputs.
    """
    [graph] = model.subgraphs
    named = {tensor.name.decode(): index for index, tensor in enumerate(graph.tensors)}
    inputs, outputs = ([named[name] for name in names] for names in (takes, gives))
    graph.operators = _behind(graph, outputs, stop=set(inputs))
    tensors = sorted({*inputs, *outputs, *(t for o in graph.operators for t in _around(o))})
    place = {old: new for new, old in enumerate(tensors)}
    for operator in graph.operators:
        operator.inputs = [place.get(int(t), -1) for t in operator.inputs]  # -1: left out
        operator.outputs = [place[int(t)] for t in operator.outputs]
    graph.inputs, graph.outputs = ([place[t] for t in ends] for ends in (inputs, outputs))
    graph.tensors = [graph.tensors[t] for t in tensors]
    model.metadata = []  # it counts buffers, and describes the whole model
    _sort_out(model, graph)


def _behind(graph: Any, outputs: Sequence[int], stop: set[int]) -> list[Any]:
    """The operations that `outputs` need, in their order; none that produce `stop`."""
    makers = {int(t): number for number, o in enumerate(graph.operators) for t in o.outputs}
    wanted: set[int] = set()
    ask = list(outputs)
    while ask:
        tensor = ask.pop()
        maker = makers.get(tensor)
        if tensor in stop or maker is None or maker in wanted:
            continue
        wanted.add(maker)
        ask += [int(t) for t in graph.operators[maker].inputs]
    return [graph.operators[number] for number in sorted(wanted)]


def _around(operator: Any) -> list[int]:
    return [int(t) for t in (*operator.inputs, *operator.outputs) if t >= 0]


def _sort_out(model: Any, graph: Any) -> None:
    """Drop unused buffers and kinds of operations; buffer 0 is the empty one."""
    buffers = [0]
    for tensor in graph.tensors:
        if model.buffers[tensor.buffer].data is None:
            tensor.buffer = 0
        else:
            buffers.append(tensor.buffer)
            tensor.buffer = len(buffers) - 1
    model.buffers = [model.buffers[number] for number in buffers]
    kinds = sorted({o.opcodeIndex for o in graph.operators})
    model.operatorCodes = [model.operatorCodes[kind] for kind in kinds]
    for operator in graph.operators:
        operator.opcodeIndex = kinds.index(operator.opcodeIndex)

"""Export a trained network to ONNX and check that the file gives the same outputs."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx import helper as h
from torch import Tensor, nn

from mien.errors import TrainingError
from mien.runtime import Session
from mien.types import Floats

TOLERANCE = 1e-4  # largest difference between a network and its file
OPSET = 17


def export(
    model: nn.Module,
    path: Path,
    example: Tensor,
    *,
    outputs: Sequence[str] = ("logits",),
    free: Sequence[int] = (0,),
    half: bool = False,
    tolerance: float = TOLERANCE,
    facts: Mapping[str, str] | None = None,
) -> float:
    """Write a network as ONNX, run the file, and compare the outputs.

    Args:
        model: one tensor in; one tensor out, or a tuple of them. It is put into eval mode.
        path: of the .onnx file; it is written only if the comparison passes.
        example: a batch of real input, at least two rows.
        outputs: names of the outputs.
        free: axes of the input with variable length.
        half: store the weights in 16 bits, which halves the file; sums stay in 32. The rounding
            is part of the comparison, so it needs its own tolerance.
        tolerance: largest absolute difference over the example, also of its first row alone and
            of the rows in reverse order: rows must be independent of each other.
        facts: notes that are stored in the file, by key; `Session.metadata` returns them.

    Returns:
        The maximum absolute difference.

    Raises:
        TrainingError: the difference is larger.
    """
    model = model.eval().cpu().float()
    example = example.detach().cpu().float().contiguous()
    with TemporaryDirectory(prefix="mien-") as work:
        draft = Path(work) / "draft.onnx"
        with (
            warnings.catch_warnings()
        ):  # the exporter without extra packages is marked as deprecated
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model,
                (example,),
                str(draft),
                input_names=["x"],
                output_names=list(outputs),
                dynamic_axes={
                    "x": {axis: f"axis{axis}" for axis in free},
                    **{name: {0: "axis0"} for name in outputs if 0 in free},
                },
                opset_version=OPSET,
                dynamo=False,
            )
        if half:
            halved(draft, draft)
        difference = _max_difference(model, draft, example, outputs, free)
        if not difference <= tolerance:
            raise TrainingError(
                f"The graph and the network differ by {difference:.2g}, more than {tolerance:g}. "
                "An operation differs in ONNX, or rows of a batch depend on each other."
            )
        made = onnx.load(draft)
        h.set_model_props(made, dict(facts or {}))
        _write(made, path)
    return difference


def _max_difference(
    model: nn.Module, file: Path, example: Tensor, outputs: Sequence[str], free: Sequence[int]
) -> float:
    """Maximum absolute difference over a few batches; NaN where either is."""
    shape = [None if axis in free else side for axis, side in enumerate(example.shape)]
    session = Session(file, tuple(shape))
    batches = [example, *((example[:1], example.flip(0)) if 0 in free else ())]
    worst = 0.0
    with torch.no_grad():
        whole = _tuple(model(example))
        wanted = [
            whole,
            *(([w[:1] for w in whole], [w.flip(0) for w in whole]) if 0 in free else ()),
        ]
    for batch, want in zip(batches, wanted, strict=True):
        answers = session(batch.contiguous().numpy())
        for name, value in zip(outputs, want, strict=True):
            worst = float(np.maximum(worst, np.abs(answers[name] - value.numpy()).max()))
    return worst


def _tuple(value: Any) -> tuple[Tensor, ...]:
    return (value,) if isinstance(value, Tensor) else tuple(value)


def halved(source: Path, target: Path) -> None:
    """Store the weights of a graph in 16 bits; they become 32-bit when it is opened."""
    model = onnx.load(source)
    kept, casts = [], []
    for weight in model.graph.initializer:
        array = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or array.size < 64:  # no gain for biases
            kept.append(weight)
            continue
        name = f"{weight.name}-16"
        limit = np.finfo(np.float16).max
        kept.append(numpy_helper.from_array(np.clip(array, -limit, limit).astype(np.float16), name))
        casts.append(h.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    _write(model, target)


def quantised(source: Path, target: Path, batches: Sequence[Floats]) -> None:
    """Write a graph with 8-bit weights and sums (QDQ, one scale per channel).

    The loss of accuracy must be measured on data; no comparison is built in.

    Args:
        source: .onnx of 32-bit floats.
        target: output path.
        batches: real inputs, from which the ranges of the sums are measured; some hundreds of rows.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.registry import QDQRegistry
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not batches:
        raise TrainingError("Quantisation needs real inputs to measure ranges; pass some batches.")
    name = onnx.load(source).graph.input[0].name

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(batches)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            batch = next(self.left, None)
            return None if batch is None else {name: batch}

    with TemporaryDirectory(prefix="mien-") as work:
        ready, draft = Path(work) / "ready.onnx", Path(work) / "draft.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready), str(draft), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            # A layer norm has few weights and no channels to scale.
            op_types_to_quantize=[kind for kind in QDQRegistry if kind != "LayerNormalization"],
        )  # fmt: skip
        _write(onnx.load(draft), target)


def _write(model: onnx.ModelProto, path: Path) -> None:
    from mien.media import write_bytes

    model.ir_version = min(model.ir_version, 8)  # supported by older runtimes
    write_bytes(path, model.SerializeToString())

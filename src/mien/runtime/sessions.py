"""Sessions: open a graph, run it, report the device."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from mien.errors import WeightsError, extra
from mien.runtime.devices import cpu_quota, provider_of, sums_bytes_exactly
from mien.types import Device, Floats

Shape = tuple[int | None, ...]


class Session:
    """An ONNX graph, checked against the input shapes of the caller.

    Thread-safe.
    """

    def __init__(
        self,
        weights: Path,
        *shapes: Shape,
        device: str = "cpu",
        threads: int | None = None,
        small: bool = False,
    ) -> None:
        """Open a graph.

        Args:
            weights: the .onnx file.
            shapes: shape of each input, in the order of the graph; None for a variable side.
            device: "cpu", "cuda", ...; an unavailable device is an error.
            threads: for one call; default: the CPU quota of this process.
            small: keep memory for the next call although a side is variable: 5 % faster, and only
                good for graphs whose inputs are always small.
        """
        provider = provider_of(device)
        threads = threads or cpu_quota()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only; mien raises its own
        # Spinning idle threads take CPU time from decoding and other models.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not sums_bytes_exactly():  # slower, but correct: 8-bit sums would saturate silently
            options.add_session_config_entry("session.x64quantprecision", "1")
        if any(None in shape for shape in shapes) and not small:
            options.enable_mem_pattern = False  # plans of all shapes would be kept, ...
            options.enable_cpu_mem_arena = False  # ... with blocks of memory for each
        try:
            self._session = ort.InferenceSession(str(weights), options, providers=[provider])
        except Exception as error:  # onnxruntime raises many types for this fault
            raise WeightsError(
                f"{weights} cannot be opened as an ONNX graph ({str(error).splitlines()[0]}). "
                "Fetch it again: mien models verify, then mien models pull."
            ) from error
        used = self._session.get_providers()[0]
        self.device = Device(device, used, threads if device == "cpu" else 1)
        nodes = self._session.get_inputs()
        check_shapes(weights, [node.shape for node in nodes], shapes)
        self.shape: list[int | str | None] = nodes[0].shape
        self._inputs = [node.name for node in nodes]
        self.outputs = [output.name for output in self._session.get_outputs()]
        # What the writer of the file noted in it, by key.
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, *xs: np.ndarray[Any, Any]) -> dict[str, Floats]:
        """Run the graph on its inputs; keys are the output names of the graph."""
        feed = dict(zip(self._inputs, xs, strict=True))
        return dict(zip(self.outputs, self._session.run(None, feed), strict=True))


class LiteSession:
    """A TensorFlow Lite graph, run by LiteRT on the CPU.

    An interpreter owns its buffers, so calls from several threads are serialised.
    """

    def __init__(
        self, weights: Path, *shapes: Shape, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Open a graph; the arguments are those of Session."""
        with extra("analyze", f"The graph {weights.name}"):
            from ai_edge_litert.interpreter import Interpreter

        if device != "cpu":
            provider_of(device)  # raises an error for an unknown or missing device
            raise WeightsError(f"{weights.name} is a .tflite graph, which runs on --device cpu.")
        threads = threads or cpu_quota()
        try:
            self._interpreter = Interpreter(model_path=str(weights), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise WeightsError(
                f"{weights} cannot be opened as a TensorFlow Lite graph "
                f"({str(error).splitlines()[0]}). Fetch it again: mien models pull."
            ) from error
        self.device = Device("cpu", "LiteRT XNNPACK", threads)
        inputs = self._interpreter.get_input_details()
        self.shapes: list[list[int]] = [one["shape"].tolist() for one in inputs]
        check_shapes(weights, self.shapes, shapes)
        self._feeds = [self._interpreter.tensor(one["index"]) for one in inputs]
        self._outputs = self._interpreter.get_output_details()
        self.outputs = [output["name"] for output in self._outputs]
        self._lock = threading.Lock()

    def __call__(self, *xs: np.ndarray[Any, Any], white: float = 1.0) -> dict[str, Floats]:
        """Run the graph; keys are the output names of the graph.

        Args:
            xs: the inputs; conversion of pixels to floats is not necessary.
            white: divisor of each input when it is copied to the graph.
        """
        if [list(x.shape) for x in xs] != self.shapes:
            got = ", ".join(str(list(x.shape)) for x in xs)
            raise ValueError(
                f"The inputs have shapes {got}: expected {', '.join(map(str, self.shapes))}."
            )
        with self._lock:
            for feed, x in zip(self._feeds, xs, strict=True):
                # No view of that memory may exist when the graph runs.
                np.divide(x, np.float32(white), out=feed(), dtype=np.float32)
            self._interpreter.invoke()
            return {o["name"]: self._interpreter.get_tensor(o["index"]) for o in self._outputs}


def check_shapes(
    weights: Path, found: Sequence[Sequence[int | str | None]], shapes: Sequence[Shape]
) -> None:
    """Raise an error unless a graph accepts the input shapes; -1 and names are free sides."""
    if len(found) != len(shapes):
        raise WeightsError(f"{weights} has {len(found)} inputs: expected {len(shapes)}.")
    for have, shape in zip(found, shapes, strict=True):
        fits = len(have) == len(shape) and all(
            want is None or not isinstance(side, int) or side in (want, -1)
            for want, side in zip(shape, have, strict=True)
        )
        if not fits:
            raise WeightsError(f"{weights} has input {list(have)}: expected {list(shape)}.")

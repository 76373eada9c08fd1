"""Open a graph, run it, say on what it ran."""

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
    """An ONNX graph with one input, checked against the shape the caller feeds.

    Safe to call from several threads at once.
    """

    def __init__(
        self, weights: Path, shape: Shape, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Open a graph.

        Args:
            weights: the .onnx file.
            shape: what will be fed; None for a side that changes from call to call.
            device: "cpu", "cuda", ...; an error if it is not there.
            threads: for one call; by default the CPU quota of this process.
        """
        provider = provider_of(device)
        threads = threads or cpu_quota()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors; ours are raised in our own words
        # Idle threads that spin steal the CPU from decoding and from other models.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not sums_bytes_exactly():  # slower, and right: 8-bit sums would saturate in silence
            options.add_session_config_entry("session.x64quantprecision", "1")
        if None in shape:
            options.enable_mem_pattern = False  # a plan for each shape would be kept for ever, ...
            options.enable_cpu_mem_arena = False  # ... and blocks for each, which never fit again
        try:
            self._session = ort.InferenceSession(str(weights), options, providers=[provider])
        except Exception as error:  # onnxruntime raises a dozen kinds, all of which mean this
            raise WeightsError(
                f"{weights} cannot be opened as an ONNX graph ({str(error).splitlines()[0]}). "
                "Fetch it anew: mien models verify, then mien models pull."
            ) from error
        used = self._session.get_providers()[0]
        self.device = Device(device, used, threads if device == "cpu" else 1)
        node = self._session.get_inputs()[0]
        check_shape(weights, node.shape, shape)
        self.shape: list[int | str | None] = node.shape
        self._input = node.name
        self.outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, x: np.ndarray[Any, Any]) -> dict[str, Floats]:
        """Run the graph; keys are the graph's own output names."""
        return dict(zip(self.outputs, self._session.run(None, {self._input: x}), strict=True))


class LiteSession:
    """A TensorFlow Lite graph, run by LiteRT on the CPU.

    An interpreter owns its buffers, so calls from several threads wait for each other.
    """

    def __init__(
        self, weights: Path, *shapes: Shape, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Open a graph; the arguments are those of Session, with a shape for each input."""
        with extra("analyze", f"The graph {weights.name}"):
            from ai_edge_litert.interpreter import Interpreter

        if device != "cpu":
            provider_of(device)  # says so if the name is wrong or the device is missing
            raise WeightsError(f"{weights.name} is a .tflite graph, which runs on --device cpu.")
        threads = threads or cpu_quota()
        try:
            self._interpreter = Interpreter(model_path=str(weights), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise WeightsError(
                f"{weights} cannot be opened as a TensorFlow Lite graph "
                f"({str(error).splitlines()[0]}). Fetch it anew: mien models pull."
            ) from error
        self.device = Device("cpu", "LiteRT XNNPACK", threads)
        inputs = self._interpreter.get_input_details()
        if len(inputs) != len(shapes):
            raise WeightsError(f"{weights} takes {len(inputs)} inputs, not {len(shapes)}.")
        self.shapes: list[list[int]] = [one["shape"].tolist() for one in inputs]
        for have, shape in zip(self.shapes, shapes, strict=True):
            check_shape(weights, have, shape)
        self._feeds = [self._interpreter.tensor(one["index"]) for one in inputs]
        self._outputs = self._interpreter.get_output_details()
        self.outputs = [output["name"] for output in self._outputs]
        self._lock = threading.Lock()

    def __call__(self, *xs: np.ndarray[Any, Any], white: float = 1.0) -> dict[str, Floats]:
        """Run the graph; keys are the graph's own output names.

        Args:
            xs: what its inputs are fed; pixels need not be turned into floats before.
            white: what each is divided by on its way into the graph's own memory.
        """
        if [list(x.shape) for x in xs] != self.shapes:
            told = ", ".join(str(list(x.shape)) for x in xs)
            raise ValueError(f"The graph takes {', '.join(map(str, self.shapes))}, not {told}.")
        with self._lock:
            for feed, x in zip(self._feeds, xs, strict=True):
                # A view of that memory must be gone when the graph runs.
                np.divide(x, np.float32(white), out=feed(), dtype=np.float32)
            self._interpreter.invoke()
            return {o["name"]: self._interpreter.get_tensor(o["index"]) for o in self._outputs}


def check_shape(weights: Path, have: Sequence[int | str | None], feed: Shape) -> None:
    """Refuse a graph that does not take what the caller feeds; -1 and names are free sides."""
    fits = len(have) == len(feed) and all(
        want is None or not isinstance(side, int) or side in (want, -1)
        for want, side in zip(feed, have, strict=True)
    )
    if not fits:
        raise WeightsError(f"{weights} takes {have}, but this model feeds {list(feed)}.")

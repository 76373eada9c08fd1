"""Products of bytes, by the processor's own instructions for them."""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray


class Products:
    """A graph that multiplies two matrices of bytes and sums in 32 bits. Thread-safe.

    It runs on the calling thread, so it never competes with other threads for a core.
    """

    def __init__(self, graph: bytes) -> None:
        """Open a graph with the inputs `a` (Q, D) uint8 and `b` (D, M) int8."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        # The shape differs from call to call; memory of past shapes would be kept.
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def __call__(self, a: NDArray[np.uint8], b: NDArray[np.int8]) -> NDArray[np.int32]:
        """Return the (Q, M) products, exact if each value of `a` is at most 127."""
        product: Any = self._session.run(None, {"a": a, "b": b})[0]
        return np.asarray(product, dtype=np.int32)

"""Run a network on many rows, in batches."""

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@torch.no_grad()
def predict_batches(
    net: nn.Module,
    rows: NDArray[Any],
    prepare: Callable[[NDArray[Any]], Tensor],
    size: int = 128,
) -> Tensor:
    """Run a network in eval mode, on its device.

    Args:
        net: takes the output of `prepare`.
        rows: (N, ...) as stored, such as grey values.
        prepare: makes the network's input from some of the rows.
        size: rows per batch.

    Returns:
        (N, ...) float32, on the CPU.
    """
    device = next(net.parameters()).device
    net.eval()
    parts = [
        net(prepare(rows[start : start + size]).to(device)).float().cpu()
        for start in range(0, len(rows), size)
    ]
    return torch.cat(parts)

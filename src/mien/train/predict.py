"""What a network says to many rows, a part of them at a time."""

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
    """Ask a network in eval mode, on the device where it is.

    Args:
        net: takes what `prepare` gives.
        rows: (N, ...) as they are kept, such as grey values.
        prepare: makes the network's input of some of the rows.
        size: rows at a time.

    Returns:
        (N, ...) float32, on the processor.
    """
    device = next(net.parameters()).device
    net.eval()
    parts = [
        net(prepare(rows[start : start + size]).to(device)).float().cpu()
        for start in range(0, len(rows), size)
    ]
    return torch.cat(parts)

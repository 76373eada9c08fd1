"""The network: one linear layer on the pixels of a flow image."""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from mien.types import Doubles


class Linear(nn.Module):
    """(N, 28, 28, 3) in [0, 1] -> (N, K) logits."""

    def __init__(self, weight: Doubles, bias: Doubles) -> None:
        super().__init__()
        self.out = nn.Linear(*weight.shape)
        with torch.no_grad():
            self.out.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight.T)))
            self.out.bias.copy_(torch.from_numpy(bias))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return cast(Tensor, self.out(x.flatten(1)))

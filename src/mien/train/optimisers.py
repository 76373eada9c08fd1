"""Optimisers that training mostly begins with."""

from typing import Any

import torch
from torch import nn


def adamw(model: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW whose decay pulls on weights alone, not on gains and biases.

    Args:
        model: whose parameters are learnt.
        rate: peak of the schedule.
        decay: of weights, each step times the rate.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.
    """
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=decay)

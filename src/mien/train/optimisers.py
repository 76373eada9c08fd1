"""Optimisers for the start of most trainings."""

from typing import Any

import torch
from torch import nn


def adamw(model: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW with decay on weights only, not on gains and biases.

    Args:
        model: whose parameters are trained.
        rate: peak of the schedule.
        decay: of weights, per step times the rate.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.
    """
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=decay)

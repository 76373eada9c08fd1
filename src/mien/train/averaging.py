"""A moving average of weights."""

import torch
from torch import nn


@torch.no_grad()
def blend_weights(average: nn.Module, model: nn.Module, decay: float, done: int) -> None:
    """Move an average towards the weights; faster in the first steps, when they are noisy.

    Args:
        average: a copy of the network, changed in place; counters are copied.
        model: the network.
        decay: such as 0.999.
        done: steps before this one.

    Source: the moving average of TensorFlow, which starts with (1 + done) / (10 + done).
    """
    decay = min(decay, (1 + done) / (10 + done))
    mine = model.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(mine[name], 1 - decay)
        else:
            value.copy_(mine[name])

"""A small network with gradients, for the proof."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.train import Augment, fit, predict_batches, seeded, tensor
from mien.train.mitigation import Mitigation, mitigated
from mien.types import Doubles, Pixels

EPOCHS = 12


class SmallNet:
    """Two classes from 48 px; the answers are probabilities, and the gradient is offered."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net.eval()

    def __call__(self, chips: Pixels) -> Doubles:
        """(N, 48, 48, 3) chips -> (N, 2) probabilities."""
        found: Doubles = predict_batches(self.net, chips, tensor).softmax(1).double().numpy()
        return found

    def gradient(self, chips: Pixels, weights: Doubles) -> Doubles:
        """(N, 48, 48, 3) gradient of the weighted sum of the answers, by pixel level."""
        pixels = torch.from_numpy(chips.transpose(0, 3, 1, 2).copy()).float().div(255)
        pixels.requires_grad_()
        found = (self.net(pixels * 2 - 1).softmax(1) * torch.from_numpy(weights)).sum()
        (slope,) = torch.autograd.grad(found, pixels)
        return np.asarray(slope.numpy().transpose(0, 2, 3, 1) / 255, np.float64)

    def randomised(self, seed: int) -> "SmallNet":
        """The same network with new weights."""
        seeded(seed)
        net = copy.deepcopy(self.net)
        for part in net.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
        return SmallNet(net)


def trained(
    chips: Pixels,
    label: NDArray[np.int64],
    seed: int,
    epochs: int = EPOCHS,
    *,
    mitigate: Mitigation = "none",
    group: NDArray[np.bool_] | None = None,
    others: Pixels | None = None,
) -> SmallNet:
    """Train on labels, with a mitigation for groups; see mien.train.mitigation."""
    seeded(seed)
    net = nn.Sequential(*_block(3, 16), *_block(16, 32), *_block(32, 64), nn.Flatten(),
                        nn.Linear(64 * 36, 2))  # fmt: skip
    batches, step = mitigated(
        mitigate, chips, torch.from_numpy(label), label if group is None else group, others,
        size=32, see=lambda model, x: model(x * 2 - 1), seed=seed,
        change=Augment(shift=0.05, light=0.1),
    )  # fmt: skip
    fit(step, net, batches, torch.optim.AdamW(net.parameters(), 2e-3), epochs=epochs, seed=seed)
    return SmallNet(net)


def _block(into: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(into, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()

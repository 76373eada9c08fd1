"""Residual dilated convolutions over descriptors, which see only what is past."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.train import Augment
from mien.types import Doubles, Pixels

CHANGE = Augment(shift=0.03, turn=4, scale=0.05, light=0.06, contrast=0.15)  # between frames
NOISE = 4.0  # grey values, of a sensor
LOW, HIGH = -7.0, 3.0  # limits of the logarithm of the variance


class Net(nn.Module):
    """(N, T, D + 1) descriptors with confidence to four numbers per moment."""

    def __init__(self, mean: Doubles, spread: Doubles, width: int, dilations: tuple[int, ...]):
        """Start with the scale of the descriptors (D,) of the training part."""
        super().__init__()
        self.register_buffer("middle", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(spread, dtype=torch.float32))
        self.first = nn.Linear(len(mean) + 1, width)
        self.steps = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=d) for d in dilations)
        self.last = nn.Linear(width, 4)
        # Starts at a spread of about 0.3; exp of an untrained variance of 1 slows the means.
        with torch.no_grad():
            self.last.bias[2:] = -2.4
        self.heat = nn.Parameter(torch.ones(2), requires_grad=False)  # fitted after the training

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of variances, (N, T, 2) each."""
        known = x[..., -1:]
        y = self.first(torch.cat([(x[..., :-1] - self.middle) / self.scale * known, known], -1))
        y = y.transpose(1, 2)  # (N, width, T)
        for step in self.steps:
            assert isinstance(step, nn.Conv1d)
            y = y + F.gelu(step(F.pad(y, (2 * step.dilation[0], 0))))
        out = self.last(y.transpose(1, 2))
        return torch.tanh(out[..., :2]), out[..., 2:].clamp(LOW, HIGH)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the last moment, (N, 2) each."""
        mean, log = self.moments(x)
        return mean[:, -1], torch.exp(log[:, -1] / 2) * self.heat


def moved(images: Pixels, seed: int) -> Pixels:
    """(N, S, S, 3) chips as other frames of the same film would show them."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    seen = CHANGE(pixels, generator) * 255
    seen = seen + NOISE * torch.randn(seen.shape, generator=generator)
    return np.asarray(seen.clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy())

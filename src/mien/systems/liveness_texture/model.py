"""The network: five stages of depthwise convolutions, 0.19 million weights."""

from itertools import pairwise
from typing import cast

from torch import Tensor, nn

WIDTHS = (24, 48, 96, 128, 160)


class Net(nn.Module):
    """(N, 3, 80, 80) in [-1, 1] -> (N, 1) logit of a live face."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        stages: list[nn.Module] = [_normed(nn.Conv2d(3, WIDTHS[0], 3, 2, 1, bias=False))]
        for before, width in pairwise(WIDTHS):
            stages += [_separable(before, width, 2), _separable(width, width, 1)]
        self.body = nn.Sequential(*stages)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(WIDTHS[-1], 1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return cast(Tensor, self.out(self.body(x).mean((2, 3))))


def _normed(convolution: nn.Conv2d) -> nn.Module:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())


def _separable(before: int, width: int, stride: int) -> nn.Module:
    spread = nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False)
    return nn.Sequential(_normed(spread), _normed(nn.Conv2d(before, width, 1, bias=False)))

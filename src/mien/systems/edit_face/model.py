"""The classifier that the proof trains with and without edited faces."""

from typing import cast

from torch import Tensor, nn

WIDTHS = (16, 32, 64)


class Classifier(nn.Module):
    """Three stages of two convolutions, and a linear layer on their mean: 72,000 weights."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *WIDTHS), WIDTHS, strict=False):
            for width in (before, after):
                stride = 2 if width == 3 else 1  # a fourth of the work
                layers += [nn.Conv2d(width, after, 3, stride, padding=1, bias=False),
                           nn.BatchNorm2d(after), nn.ReLU()]  # fmt: skip
            layers.append(nn.MaxPool2d(2))
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.last = nn.Linear(WIDTHS[-1], classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) in [0, 1] to (N, classes)."""
        return cast(Tensor, self.last(self.trunk(pixels)))

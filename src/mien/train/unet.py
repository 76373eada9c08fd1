"""A small U-Net of residual blocks, for networks that return an image."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to their input; the width stays."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape."""
        return x + cast(Tensor, self.second(F.relu(self.first(x))))


class UNet(nn.Module):
    """Add a learned correction to an image; before training the correction is zero.

    The image is folded to fewer, wider pixels, which makes it fast on a CPU.

    Source: Ronneberger et al., arXiv:1505.04597, with residual blocks, and with the folding of
    Shi et al., arXiv:1609.05158.
    """

    def __init__(
        self, widths: Sequence[int] = (48, 64), blocks: int = 2, fold: int = 4, extra: int = 0
    ) -> None:
        """Create the network.

        Args:
            widths: channels of each level, from fine to coarse; each level halves the size.
            blocks: residual blocks per level, on the way down and on the way up.
            fold: px that are folded into one, per side.
            extra: further planes of the input, such as a mask, which are not corrected.
        """
        super().__init__()
        self.fold = fold
        self.stem = nn.Conv2d((3 + extra) * fold**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_level(width, blocks) for width in widths)
        self.up = nn.ModuleList(_level(width, blocks) for width in widths[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairwise(widths))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[0], 3 * fold**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(cast(Tensor, self.last.bias))

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3 + extra, S, S) to (N, 3, S, S); S is a multiple of fold x 2 ** (levels - 1)."""
        x = self.stem(F.pixel_unshuffle(pixels, self.fold))
        skips = []
        for level, shrink in zip(self.down, self.shrink, strict=False):
            skips.append(level(x))
            x = shrink(skips[-1])
        x = self.down[-1](x)
        for level, grow, skip in reversed(list(zip(self.up, self.grow, skips, strict=True))):
            x = level(grow(x) + skip)
        return pixels[:, :3] + F.pixel_shuffle(self.last(x), self.fold)


def _level(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))


def log_error(found: Tensor, wanted: Tensor, least: float = 1e-5) -> Tensor:
    """Mean over images of the logarithm of the mean squared error: PSNR, up to scale and sign.

    An image that can hardly be restored, such as one in dense fog, does not outweigh the others.

    Args:
        found: (N, C, H, W) in [0, 1].
        wanted: the same shape.
        least: added to each error, so that images that are almost clean do not outweigh the
            others either.
    """
    return torch.log(((found - wanted) ** 2).mean((1, 2, 3)) + least).mean()

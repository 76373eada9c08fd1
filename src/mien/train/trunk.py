"""dlib's face recognition network as pretrained trunk of our networks.

It was trained on about three million faces and may be used for any purpose (CC0). Its features
need not be learnt again from a few thousand images. It is cut at the block that a task names,
and each convolution gets a batch norm that is an identity at first.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.embed.dlib import SIDE
from mien.train.convolutions import Convolution, convolutions, matrices
from mien.zoo import fetch
from mien.zoo import find as card

CARD = "dlib-resnet29"
BLOCKS = 14  # residual blocks of two convolutions in dlib's network
SETTLING = 8  # batches for the first statistics of the batch norms


class Step(nn.Module):
    """One convolution with its batch norm, which is an identity until `settle` has seen faces."""

    def __init__(self, given: Convolution) -> None:
        super().__init__()
        out, into, kernel, _ = given.weight.shape
        self.conv = nn.Conv2d(into, out, kernel, given.stride, given.padding)
        self.conv.weight.data = torch.from_numpy(given.weight.copy())
        self.conv.bias.data = torch.from_numpy(given.bias.copy())
        self.norm = nn.BatchNorm2d(out)
        self.seen: list[tuple[Tensor, Tensor]] | None = None  # mean and variance, while settling

    def forward(self, x: Tensor) -> Tensor:
        """(N, I, H, W) to (N, O, H', W')."""
        x = self.conv(x)
        if self.seen is None:
            return cast(Tensor, self.norm(x))
        values = x.detach().float()
        self.seen.append((values.mean((0, 2, 3)), values.var((0, 2, 3))))
        return x

    def settle(self) -> None:
        """Set mean and spread of the batch norm, and gains that undo them: same output."""
        assert self.seen
        mean = torch.stack([mean for mean, _ in self.seen]).mean(0)
        spread = torch.stack([spread for _, spread in self.seen]).mean(0)
        cast(Tensor, self.norm.running_mean).copy_(mean)
        cast(Tensor, self.norm.running_var).copy_(spread)
        self.norm.weight.data = torch.sqrt(spread + self.norm.eps)
        self.norm.bias.data = mean.clone()
        self.seen = None


class Block(nn.Module):
    """Two steps with a skip connection, which is pooled and padded where they change the shape."""

    def __init__(self, first: Convolution, second: Convolution) -> None:
        super().__init__()
        self.first, self.second = Step(first), Step(second)
        self.halves = first.stride == 2
        self.more = second.weight.shape[0] - first.weight.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """(N, I, H, W) to (N, O, H', W')."""
        y = self.second(F.relu(self.first(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2, 2)
            # Sides are known at export, so these are constants there.
            rows, columns = int(x.shape[2] - y.shape[2]), int(x.shape[3] - y.shape[3])
            y = F.pad(y, (0, max(columns, 0), 0, max(rows, 0)))
            x = F.pad(x, (0, max(-columns, 0), 0, max(-rows, 0), 0, self.more))
        return F.relu(x + y)


class Trunk(nn.Module):
    """The first blocks of dlib's network: pixels in, one vector per face out."""

    def __init__(self, blocks: int, side: int, name: str = CARD) -> None:
        """Open the weights of a card; fetch them if they are missing.

        Args:
            blocks: number of the 14 residual blocks that are kept, from the front.
            side: px; images of another size are resized first.
            name: dlib's network, or one of ours that began as its first blocks.
        """
        super().__init__()
        if not 1 <= blocks <= BLOCKS:
            raise ValueError(f"dlib's network has {BLOCKS} blocks, so {blocks} cannot be kept.")
        [path] = fetch(card(name))
        stem, *rest = convolutions(path)
        self.stem = Step(stem)
        pairs = list(zip(rest[::2], rest[1::2], strict=True))
        if blocks > len(pairs):
            raise ValueError(f"'{name}' has {len(pairs)} blocks, so {blocks} cannot be kept.")
        pairs = pairs[:blocks]
        self.blocks = nn.Sequential(*(Block(first, second) for first, second in pairs))
        self.width, self.side = int(pairs[-1][1].weight.shape[0]), side

    def forward(self, pixels: Tensor) -> Tensor:
        """Vectors (N, width) of (N, 3, S, S) pixels in [0, 1]."""
        return self.maps(pixels).mean((2, 3))

    def maps(self, pixels: Tensor) -> Tensor:
        """Output of the last block, (N, width, H, W), for (N, 3, S, S) pixels in [0, 1]."""
        if pixels.shape[-1] != self.side:
            size = (self.side, self.side)
            pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
        x = F.max_pool2d(F.relu(self.stem(pixels * 255)), 3, 2)
        return cast(Tensor, self.blocks(x))

    @torch.no_grad()
    def settle(self, batches: Iterable[Tensor]) -> None:
        """Initialise the statistics of the batch norms from (N, 3, S, S) pixels; once."""
        steps = [part for part in self.modules() if isinstance(part, Step)]
        for step in steps:
            step.seen = []
        for count, pixels in enumerate(batches, 1):
            self(pixels)
            if count == SETTLING:
                break
        for step in steps:
            step.settle()


class FrozenRecogniser(nn.Module):
    """dlib's whole network, frozen: a loss on its vectors has gradients by the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(BLOCKS, SIDE).requires_grad_(False)
        [path] = fetch(card(CARD))
        [last] = matrices(path)
        self.last = nn.Parameter(torch.from_numpy(last), requires_grad=False)  # (256, 128)

    def train(self, mode: bool = True) -> "FrozenRecogniser":
        """Keep the batch norms as they are: they are identities."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 150, 150) in [0, 1], cut by DlibEmbedder.crop, to unit vectors (N, 128)."""
        return F.normalize(self.trunk(pixels) @ self.last, dim=1)

"""The network: a masked autoencoder of small size, and what its file computes."""

import torch
from torch import Tensor, nn

from mien.train.masked import Autoencoder, Encoder, Sizes

QUARTERS = 4  # of the patches; each is shown once


def autoencoder(sizes: Sizes) -> Autoencoder:
    """An encoder of given sizes with a decoder of 64 numbers and two layers."""
    return Autoencoder(Encoder.of(sizes), 64, 2, 4)


class Exported(nn.Module):
    """The file: error on hidden patches (N,), and the mean token (N, width)."""

    order: Tensor  # a buffer

    def __init__(self, net: Autoencoder) -> None:
        super().__init__()
        self.net = net
        count = net.encoder.across**2
        order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        shown = round(count * (1 - net.MASKED))
        self.register_buffer("order", order[: shown * QUARTERS].reshape(QUARTERS, shown))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Of (N, 3, S, S) pixels in [0, 1]; the patches that are shown are always the same."""
        n, (_, shown) = pixels.shape[0], self.order.shape
        four = pixels[:, None].expand(-1, QUARTERS, -1, -1, -1).reshape(-1, *pixels.shape[1:])
        order = self.order[None].expand(n, -1, -1).reshape(-1, shown)
        error = self.net.errors(four, order).reshape(n, QUARTERS).mean(1)
        return error, self.net.encoder(pixels)

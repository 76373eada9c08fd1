"""The network: a U-Net that corrects what a simple filling guessed, and is told where that is."""

import torch
from torch import Tensor, nn

from mien.train.unet import UNet

WIDTHS, BLOCKS, FOLD = (32, 48, 64, 96), 1, 2


class Inpainter(nn.Module):
    """(N, 4, S, S): filled pixels in [0, 1] and the mask, to pixels; seen ones stay."""

    def __init__(self) -> None:
        super().__init__()
        self.net = UNet(WIDTHS, BLOCKS, FOLD, extra=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, S, S) to (N, 3, S, S)."""
        seen, hidden = x[:, :3], x[:, 3:]
        return torch.where(hidden > 0.5, self.net(x), seen)

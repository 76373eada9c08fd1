"""The network: a U-Net that adds a correction to a face of 128 px."""

from torch import nn

from mien.train.unet import UNet

WIDTHS, BLOCKS, FOLD = (32, 48, 72), 1, 2


def network() -> nn.Module:
    """(N, 3, 128, 128) pixels in [0, 1] in, the same shape out."""
    return UNet(WIDTHS, BLOCKS, FOLD)

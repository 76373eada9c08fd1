"""The networks: dlib's first blocks, or a transformer, with one output per year."""

import math
from typing import cast

import torch
from torch import Tensor, nn

from mien.systems.age_fahr.head import YEARS
from mien.train.trunk import Trunk


class Net(nn.Module):
    """(N, 3, S, S) pixels in [0, 1] in, (N, 101) logits of the years 0 to 100 out."""

    def __init__(self, trunk: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.trunk, self.norm = trunk, nn.LayerNorm(width)
        self.drop, self.last = nn.Dropout(dropout), nn.Linear(width, len(YEARS))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, 101)."""
        return cast(Tensor, self.last(self.drop(self.norm(self.trunk(pixels)))))


class Exported(nn.Module):
    """The shipped graph: logits (N, 101), and the vector (N, width) that they are computed from."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Both, of (N, 3, S, S) pixels in [0, 1]."""
        vector = self.net.norm(self.net.trunk(pixels))
        return self.net.last(vector), vector


def convolutional(blocks: int, side: int, dropout: float) -> Net:
    """The shipped network: its face features are pretrained."""
    trunk = Trunk(blocks, side)
    return Net(trunk, trunk.width, dropout)


class Encoder(nn.Module):
    """A vision transformer: mean of the tokens of all patches, or of given ones.

    Source: FAHR-Face's card: ViT, 112 px, mean and spread 0.5; sizes are free here. The layers
    are those of He et al., "Masked autoencoders are scalable vision learners", arXiv:2111.06377.
    """

    def __init__(self, side: int, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        if side % patch:
            raise ValueError(f"{side} px cannot be cut into patches of {patch} px.")
        self.patch, self.width, self.across = patch, width, side // patch
        self.cut = nn.Conv2d(3, width, patch, patch)
        self.register_buffer("place", positions(self.across, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)

    place: Tensor  # a buffer

    def tokens(self, pixels: Tensor) -> Tensor:
        """(N, T, width) of (N, 3, S, S) pixels in [0, 1], before any layer."""
        patches = self.cut((pixels - 0.5) / 0.5).flatten(2).transpose(1, 2)
        return cast(Tensor, patches + self.place)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, width)."""
        return cast(Tensor, self.norm(self.layers(self.tokens(pixels))).mean(1))


class Autoencoder(nn.Module):
    """Predict three quarters of the patches from the others: pretraining without labels."""

    MASKED = 0.75
    place: Tensor  # a buffer

    def __init__(self, encoder: Encoder, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.narrow = nn.Linear(encoder.width, width)
        self.blank = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("place", positions(encoder.across, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.paint = nn.Linear(width, 3 * encoder.patch**2)

    def forward(self, pixels: Tensor) -> Tensor:
        """Mean squared error on the hidden patches, each normalised by its own mean and spread."""
        tokens = self.encoder.tokens(pixels)
        n, count, width = tokens.shape
        order = torch.rand(n, count, device=pixels.device).argsort(1)
        shown = order[:, : round(count * (1 - self.MASKED))]
        seen = tokens.gather(1, shown[..., None].expand(-1, -1, width))
        seen = self.narrow(self.encoder.norm(self.encoder.layers(seen)))
        whole = self.blank.expand(n, count, -1).to(seen.dtype)
        whole = whole.scatter(1, shown[..., None].expand(-1, -1, seen.shape[2]), seen)
        painted = self.paint(self.layers(whole + self.place)).float()
        hidden = torch.ones(n, count, device=pixels.device).scatter(1, shown, 0)
        error = ((painted - self._targets(pixels)) ** 2).mean(2)
        return cast(Tensor, (error * hidden).sum() / hidden.sum())

    def _targets(self, pixels: Tensor) -> Tensor:
        patch = self.encoder.patch
        cut = nn.functional.unfold(pixels, patch, stride=patch).transpose(1, 2)  # (N, T, 3 p p)
        mean, spread = cut.mean(2, keepdim=True), cut.var(2, keepdim=True)
        return (cut - mean) / (spread + 1e-6).sqrt()


def positions(across: int, width: int) -> Tensor:
    """(1, T, width) sines and cosines of row and column, not trained.

    Source: Vaswani et al., arXiv:1706.03762, with separate rows and columns as in arXiv:2111.06377.
    """
    quarter = width // 4
    rates = torch.exp(-math.log(10_000) * torch.arange(quarter) / quarter)
    turn = torch.arange(across)[:, None] * rates  # (across, quarter)
    wave = torch.cat([turn.sin(), turn.cos()], 1)  # (across, width / 2)
    rows = wave[:, None].expand(-1, across, -1)
    return torch.cat([rows, rows.transpose(0, 1)], 2).reshape(1, across**2, -1)

"""The networks: dlib's first blocks, or a transformer, with one output per year."""

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from mien.systems.age_fahr.head import YEARS
from mien.train.masked import read_encoder
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


def pretrained(folder: Path, side: int, dropout: float) -> Net:
    """A transformer that starts from the encoder in a run folder of `mien train face-mae`.

    Raises:
        TrainingError: there is no encoder, or it takes images of another size.
    """
    encoder = read_encoder(folder, side)
    return Net(encoder, encoder.width, dropout)

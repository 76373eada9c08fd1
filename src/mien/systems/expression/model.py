"""The network: the first blocks of dlib's, and one linear layer."""

from typing import cast

from torch import Tensor, nn

from mien.systems.expression.head import LABELS
from mien.train.trunk import Trunk


class Net(nn.Module):
    """(N, 3, 64, 64) pixels in [0, 1] in, (N, 7) logits out."""

    def __init__(self, blocks: int, side: int, dropout: float) -> None:
        super().__init__()
        self.trunk = Trunk(blocks, side)
        self.drop, self.last = nn.Dropout(dropout), nn.Linear(self.trunk.width, len(LABELS))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, 7) in the order of LABELS."""
        return cast(Tensor, self.last(self.drop(self.trunk(pixels))))

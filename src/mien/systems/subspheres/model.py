"""A decoder from vectors to small faces, learnt from rendered people only.

It tells whether a point of the sphere is a face that can be shown at all. No vector of a real
person is decoded, and no picture is written.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.contracts import silent
from mien.media import stretched
from mien.train import Batches, fit, predict_batches, seeded
from mien.types import Doubles, OnStep, Pixels

SIDE = 48  # px of a decoded face
WIDTHS = (256, 128, 64, 32)  # channels at 6, 12, 24 and 48 px
EPOCHS, SIZE, RATE = 40, 32, 2e-3


class Decoder(nn.Module):
    """Vectors (N, D) to colours (N, 3, 48, 48) from 0 to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, WIDTHS[0] * 36)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(WIDTHS))
        self.last = nn.Conv2d(WIDTHS[-1], 3, 3, padding=1)

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, D) to (N, 3, 48, 48)."""
        x = self.first(vectors).unflatten(1, (WIDTHS[0], 6, 6))
        for block in self.blocks:
            x = F.relu(block(F.interpolate(x, scale_factor=2.0)))
        return torch.sigmoid(self.last(x))


def learn(
    vectors: Doubles, chips: Pixels, seed: int = 0, *, epochs: int = EPOCHS,
    on_step: OnStep = silent,
) -> Decoder:  # fmt: skip
    """Learn to draw chips from their vectors, by the mean absolute error of pixels and edges.

    Args:
        vectors: (N, D) unit vectors.
        chips: (N, S, S, 3) as the matcher sees them.
        seed: of weights and batches.
        epochs: over all chips.
        on_step: called after each step.
    """
    seeded(seed)
    net = Decoder(vectors.shape[1])
    small = np.stack([stretched(chip, SIDE) for chip in chips])
    wanted = torch.from_numpy(small.transpose(0, 3, 1, 2).copy()).float() / 255

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        drawn, true = model(batch[0]), batch[1]
        edges = [F.l1_loss(drawn.diff(dim=k), true.diff(dim=k)) for k in (2, 3)]
        return F.l1_loss(drawn, true) + edges[0] + edges[1]

    rows = Batches(torch.from_numpy(vectors.astype(np.float32)), wanted, size=SIZE, seed=seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE)
    fit(step, net, rows, optimiser, epochs=epochs, seed=seed, on_step=on_step)
    return net


def decode(net: Decoder, vectors: Doubles, side: int) -> Pixels:
    """Draw vectors (N, D) as chips (N, side, side, 3)."""
    drawn = predict_batches(net, vectors, lambda rows: torch.from_numpy(rows.astype(np.float32)))
    pixels = (drawn.numpy().transpose(0, 2, 3, 1) * 255).round().astype(np.uint8)
    return np.stack([stretched(one, side) for one in pixels])

"""Tensors in memory as seeded, shuffled batches."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Generator, Tensor

from mien.errors import TrainingError
from mien.types import Pixels

Change = Callable[[Tensor, Generator], Tensor]


class Batches:
    """Rows of tensors, shuffled anew each epoch; the same seed and epoch give the same batches.

    Any loader with a length can be passed to `fit` instead: a torch DataLoader, or your own.
    """

    def __init__(
        self,
        *columns: Tensor,
        size: int,
        seed: int = 0,
        change: Change | None = None,
        weight: Tensor | None = None,
    ) -> None:
        """Divide columns into batches.

        Args:
            columns: each (N, ...): pixels first, then labels or other inputs of the step.
            size: rows in a batch; a smaller remainder is left for other epochs.
            seed: of the order and of the changes.
            change: of the first column, such as an Augment.
            weight: (N,) sampling weights of rows, drawn with repetition; default: each row once.

        Raises:
            TrainingError: columns of different lengths, or no rows.
        """
        counts = {len(column) for column in columns}
        if len(counts) != 1 or 0 in counts:
            raise TrainingError(f"Columns must have N rows each, got {sorted(counts)}.")
        self.columns, self.seed, self.change, self.weight = columns, seed, change, weight
        self.count = counts.pop()
        self.size = min(size, self.count)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Select the order of that epoch; `fit` does so."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.size

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.weight is None:
            order = torch.randperm(self.count, generator=generator)
        else:
            order = torch.multinomial(self.weight, self.count, True, generator=generator)
        for number in range(len(self)):
            rows = order[number * self.size : (number + 1) * self.size]
            first, *rest = (column[rows] for column in self.columns)
            yield (self.change(first, generator) if self.change else first, *rest)


class ChangedBatches:
    """Batches of faces that are changed, and half of them mirrored, anew in each epoch."""

    def __init__(
        self,
        images: Pixels,
        size: int,
        change: Callable[[Pixels, int], tuple[Tensor, ...]],
        seed: int = 0,
    ) -> None:
        """Prepare batches.

        Args:
            images: (N, S, S, 3).
            size: faces in a batch; a smaller remainder is left for other epochs.
            change: makes the batch of (size, S, S, 3) faces; its number seeds what it draws.
            seed: of the order, the mirroring and the changes.
        """
        self.images, self.size, self.seed, self.change = (
            images,
            min(size, len(images)),
            seed,
            change,
        )
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Select the order and the changes of that epoch; `fit` does so."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.images) // self.size

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rng = np.random.default_rng([self.seed, self.epoch, 127])
        order = rng.permutation(len(self.images))
        for start in range(0, len(self) * self.size, self.size):
            rows = order[start : start + self.size]
            faces = np.stack([self.images[k][:, :: rng.choice((1, -1))] for k in rows])
            yield self.change(faces, int(rng.integers(1 << 30)))

"""What systems learn from: aligned faces with labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.types import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Aligned faces with their labels."""

    images: Pixels  # (N, S, S, 3)
    label: NDArray[Any]  # (N,) number of a class, or a value
    source: NDArray[np.str_]  # (N,) person or image; near-duplicates stay on one side of a split
    group: NDArray[np.str_] | None = None  # (N,) from mien.train.grouped; "" where unknown

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Faces":
        """Those rows."""
        group = None if self.group is None else self.group[keep]
        return Faces(self.images[keep], self.label[keep], self.source[keep], group)


def tensor(images: Pixels) -> Tensor:
    """(N, S, S, 3) grey values to (N, 3, S, S) in [-1, 1]."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)


def unit_tensor(images: Pixels) -> Tensor:
    """(N, S, S, 3) grey values to (N, 3, S, S) in [0, 1]."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)

"""Networks: a linear layer on the pixels of a flow image, and the F5C block of MOL.

F5C is fully-connected convolution (FCC) and channel correspondence (CCC). Source: Shao et al.,
"MOL: joint estimation of micro-expression, optical flow, and landmark via transformer-graph-style
convolution", IEEE TPAMI 2025. The neighbours of a channel are channels, as the paper says; the
released program searches positions (`over="positions"`).
"""

from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.types import Doubles

Over = Literal["channels", "positions"]
Kind = Literal["F5C", "residual", "none"]


class Linear(nn.Module):
    """(N, 28, 28, 3) in [0, 1] -> (N, K) logits."""

    def __init__(self, weight: Doubles, bias: Doubles) -> None:
        super().__init__()
        self.out = nn.Linear(*weight.shape)
        with torch.no_grad():
            self.out.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight.T)))
            self.out.bias.copy_(torch.from_numpy(bias))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return cast(Tensor, self.out(x.flatten(1)))


class _Line(nn.Module):
    """Circular depthwise convolution along one axis, with a kernel as long as the axis."""

    def __init__(self, width: int, side: int, axis: int, *, place: bool = True) -> None:
        super().__init__()
        self.axis, self.side = axis, side
        self.kernel = nn.Parameter(torch.randn(width, side) / side)
        self.place = nn.Parameter(torch.zeros(width, side), requires_grad=place)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same; axis 2 or 3."""
        x = x.movedim(self.axis, -1) + self.place[None, :, None]
        # A circular convolution along a whole axis is a product with a circulant matrix.
        step = torch.arange(self.side, device=x.device)
        circle = self.kernel[:, (step[:, None] - step[None]) % self.side]  # (C, S, S)
        many, width, other, side = x.shape
        rows = x.transpose(0, 1).reshape(width, many * other, side)
        rows = torch.bmm(rows, circle)
        return rows.reshape(width, many, other, side).transpose(0, 1).movedim(-1, self.axis)


class FullyConnected(nn.Module):
    """FCC: one half of the channels along height, then width; the other half the other way."""

    def __init__(self, width: int, side: int, *, place: bool = True) -> None:
        super().__init__()
        half = width // 2
        self.norms = nn.ModuleList(nn.BatchNorm2d(half) for _ in range(2))
        self.lines = nn.ModuleList(
            nn.Sequential(*(_Line(half, side, axis, place=place) for axis in axes))
            for axes in ((2, 3), (3, 2))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) to the same."""
        halves = x.chunk(2, 1)
        return torch.cat(
            [
                h + line(norm(h))
                for h, norm, line in zip(halves, self.norms, self.lines, strict=True)
            ],
            1,
        )


class Correspondence(nn.Module):
    """CCC: each channel is a node; an edge goes to its most similar channels."""

    def __init__(self, side: int, near: int = 4, over: Over = "channels", width: int = 0) -> None:
        super().__init__()
        self.near, self.over = near, over
        size = side * side if over == "channels" else width
        self.own, self.edge = nn.Linear(size, size), nn.Linear(size, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) to the same."""
        nodes = x.flatten(2)
        if self.over == "positions":
            nodes = nodes.transpose(1, 2)
        unit = F.normalize(nodes, dim=2)
        cosine = unit @ unit.transpose(1, 2)
        cosine = cosine - 3 * torch.eye(cosine.shape[1], device=x.device)  # not its own neighbour
        near = cosine.topk(self.near, 2).indices  # (N, C, k)
        # The edge is linear: W2 (f_j - f_i) = W2 f_j - W2 f_i, so each node is mapped once.
        mapped = self.edge(nodes)
        rows = torch.arange(len(x), device=x.device)[:, None, None]
        found = F.relu(self.own(nodes)[:, :, None] + mapped[rows, near] - mapped[:, :, None])
        found = found.amax(2)
        if self.over == "positions":
            found = found.transpose(1, 2)
        return found.reshape(x.shape)


class F5C(nn.Module):
    """Both, with the correspondence added to the convolution's output."""

    def __init__(self, width: int, side: int, over: Over = "channels") -> None:
        super().__init__()
        self.full = FullyConnected(width, side)
        self.graph = Correspondence(side, over=over, width=width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) to the same."""
        x = self.full(x)
        return x + cast(Tensor, self.graph(x))


class Residual(nn.Module):
    """What F5C must beat: two 3 x 3 convolutions with about as many parameters."""

    def __init__(self, width: int, parameters: int) -> None:
        super().__init__()
        inner = max(1, round(parameters / (18 * width)))
        self.body = nn.Sequential(
            nn.BatchNorm2d(width), nn.Conv2d(width, inner, 3, padding=1), nn.ReLU(),
            nn.Conv2d(inner, width, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) to the same."""
        return x + cast(Tensor, self.body(x))


def parameters(net: nn.Module) -> int:
    """Number of values that learn."""
    return sum(one.numel() for one in net.parameters() if one.requires_grad)


class FlowReader(nn.Module):
    """Classes of a flow image with MOL's block: (N, 28, 28, 3) in [0, 1] -> (N, 3)."""

    def __init__(self, block: Kind, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()
        )  # 14 x 14
        fully = F5C(width, 14)
        self.block: nn.Module = {
            "F5C": lambda: fully, "residual": lambda: Residual(width, parameters(fully)),
            "none": nn.Identity,
        }[block]()  # fmt: skip
        self.out = nn.Sequential(
            nn.Conv2d(width, 16, 2, 2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(16 * 49, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return cast(Tensor, self.out(self.block(self.stem(x.movedim(-1, 1) - 0.5))))

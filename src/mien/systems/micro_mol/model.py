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


class Scan(nn.Module):
    """A selective state-space layer in plain torch: (N, T, D) to the same. Source: Mamba."""

    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        inner, self.rank = 2 * width, -(-width // 16)
        self.wide = nn.Linear(width, 2 * inner)
        self.near = nn.Conv1d(inner, inner, 4, padding=3, groups=inner)
        self.chosen = nn.Linear(inner, self.rank + 2 * state)
        self.pace = nn.Linear(self.rank, inner)
        self.decay = nn.Parameter(torch.log(torch.arange(1.0, state + 1)).repeat(inner, 1))
        self.skip = nn.Parameter(torch.ones(inner))
        self.out = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Causal: a frame sees itself and those before it."""
        x, gate = self.wide(x).chunk(2, -1)
        x = F.silu(self.near(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2))
        state = self.decay.shape[1]
        pace, into, read = self.chosen(x).split([self.rank, state, state], -1)
        step = F.softplus(self.pace(pace))  # (N, T, I)
        keep = torch.exp(-step[..., None] * self.decay.exp())  # (N, T, I, S)
        new = (step * x)[..., None] * into[:, :, None]
        held, kept = torch.zeros_like(new[:, 0]), []
        for share, more in zip(keep.unbind(1), new.unbind(1), strict=True):
            held = share * held + more
            kept.append(held)
        y = (torch.stack(kept, 1) * read[:, :, None]).sum(-1) + self.skip * x
        return cast(Tensor, self.out(y * F.silu(gate)))


class SpotNet(nn.Module):
    """Two paths of state-space blocks over windows of motion. Source: Guo et al., MM 2025.

    (N, C, T) with an even T to the share of an event (N, T) in [0, 1] and logits of
    negative, positive, surprise and neutral (N, T, 4).
    """

    def __init__(self, channels: int, fast: int = 48, state: int = 16) -> None:
        super().__init__()
        slow = 2 * fast
        self.stem = nn.Sequential(_step(channels, fast), _step(fast, fast))
        self.down = _step(fast, slow, 2)
        self.fast = nn.ModuleList(_Block(fast, state) for _ in range(3))
        self.slow = nn.ModuleList(_Block(slow, state) for _ in range(3))
        self.across = nn.ModuleList(_step(fast, slow, 2) for _ in range(2))
        self.spot, self.name = nn.Linear(fast + slow, 1), nn.Linear(fast + slow, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both heads on the shared trunk."""
        if x.shape[2] % 2:
            raise ValueError(f"A window needs an even number of frames, got {x.shape[2]}.")
        quick = self.stem(x)
        calm = self.down(quick)
        for stage, (one, two) in enumerate(zip(self.fast, self.slow, strict=True)):
            quick, calm = one(quick), two(calm)
            if stage < len(self.across):
                calm = calm + self.across[stage](quick)
        both = torch.cat([quick, calm.repeat_interleave(2, 2)], 1).transpose(1, 2)
        return torch.sigmoid(self.spot(both)[..., 0]), self.name(both)


class _Block(nn.Module):
    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.scan = Scan(width, state)

    def forward(self, x: Tensor) -> Tensor:
        """(N, D, T) to the same."""
        return x + cast(
            Tensor, self.after(self.scan(self.before(x.transpose(1, 2)))).transpose(1, 2)
        )


def _step(into: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(into, out, 3, stride, 1), nn.BatchNorm1d(out), nn.ReLU())

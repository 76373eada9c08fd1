"""A trunk that is cut before its end, a detail block, attention over the remaining places.

The trunk is a ConvNeXt, as in the paper, or dlib's face network.

Names of layers are those of facebookresearch/ConvNeXt, so that its weights can be loaded.

Source: arXiv:2504.09077; ConvNeXt, arXiv:2201.03545. We differ where the paper's program mixes
the faces of a batch: here each face attends to its own places only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.train.trunk import Trunk

Part = Literal["whole", "no-detail", "no-attention", "full"]
WIDTH = 32  # of the tokens


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the trunk."""

    side: int  # px of the images
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    cut: int  # blocks of the third stage that are kept
    detail: int  # channels of the detail block
    kernels: tuple[tuple[int, int], ...]  # (kernel, stride) of its two convolutions


TRUNK_SIDE, DEEPEST = 88, 13  # px; blocks of dlib's network that still have places there

SIZES = {
    # dlib's face network, maps of 5 px; `cut` counts its blocks, the last stage begins after it.
    "face": Size(64, (), (), 10, 64, ((2, 1), (2, 2))),
    # For 64 px: maps of 16, 8, 4 px.
    "small": Size(64, (1, 1, 3, 1), (24, 48, 96, 192), 2, 64, ((2, 1), (2, 2))),
    # ConvNeXt-Base for 224 px; the cut is after block 23 of 27, a clean place near the paper's.
    "base": Size(224, (3, 3, 27, 3), (128, 256, 512, 1024), 23, 256, ((4, 4), (2, 2))),
}


class ChannelNorm(nn.Module):
    """Layer norm over channels of (N, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """To the same shape."""
        rows = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
        return rows.permute(0, 3, 1, 2)


class Block(nn.Module):
    """Depthwise 7 x 7, norm, two linear layers, scaled, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        # 1e-6 in the paper of ConvNeXt, for hundreds of epochs; a few epochs need more.
        self.gamma = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """To the same shape."""
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Detail(nn.Module):
    """Two separable convolutions that leave 2 x 2 places."""

    def __init__(self, size: Size, width: int) -> None:
        super().__init__()
        (k1, s1), (k2, s2) = size.kernels
        # "Same": a stride of 1 pads at the end only, 14 -> 4 at stride 4 pads one on each side.
        self.pad = (0, k1 - 1, 0, k1 - 1) if s1 == 1 else (1, 1, 1, 1)
        self.first = _separable(width, size.detail, k1, s1)
        self.second = _separable(size.detail, size.detail, k2, s2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, detail, 2, 2)."""
        y: Tensor = self.second(self.first(F.pad(x, self.pad)))
        return y


def _separable(into: int, out: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, into, kernel, stride, groups=into, bias=False),
        nn.Conv2d(into, out, 1),
        nn.ReLU(),
    )


class Tokens(nn.Module):
    """Attention over the places of each face: softmax(q k' / sqrt(32)) v + v, then the mean."""

    def __init__(self, width: int, *, attend: bool) -> None:
        super().__init__()
        self.attend = attend
        self.query, self.key, self.value = (nn.Linear(width, WIDTH) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 32)."""
        tokens = x.flatten(2).transpose(1, 2)  # (N, places, C)
        value = self.value(tokens)
        if self.attend:
            weight = self.query(tokens) @ self.key(tokens).transpose(1, 2) / WIDTH**0.5
            value = value + weight.softmax(2) @ value
        return value.mean(1)


class Head(nn.Module):
    """Maps of a trunk to logits: the detail block, attention over its places, one layer."""

    def __init__(
        self, size: Size, width: int, classes: int, part: Part = "whole", dropout: float = 0.1
    ) -> None:
        super().__init__()
        full = part == "full"  # the mean over places: the baseline
        detail = not full and part != "no-detail"
        self.detail = Detail(size, width) if detail else nn.Identity()
        width = size.detail if detail else width
        self.norm = ChannelNorm(width)
        self.drop = nn.Dropout2d(dropout)  # whole channels
        self.tokens = None if full else Tokens(width, attend=part != "no-attention")
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(width if full else WIDTH, classes))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes)."""
        x = self.drop(self.norm(self.detail(maps)))
        features = x.mean((2, 3)) if self.tokens is None else self.tokens(x)
        logits: Tensor = self.last(features)
        return logits


class ConvCut(nn.Module):
    """Logits of the classes for images in [-1, 1], with a ConvNeXt as trunk."""

    def __init__(
        self, classes: int, size: str = "small", part: Part = "whole", dropout: float = 0.1
    ) -> None:
        super().__init__()
        plan = SIZES[size]
        depths = plan.depths if part == "full" else (*plan.depths[:2], plan.cut)
        self.downsample_layers, self.stages = nn.ModuleList(), nn.ModuleList()
        for k, depth in enumerate(depths):
            width = plan.widths[k]
            if k == 0:
                step = nn.Sequential(nn.Conv2d(3, width, 4, 4), ChannelNorm(width))
            else:
                before = plan.widths[k - 1]
                step = nn.Sequential(ChannelNorm(before), nn.Conv2d(before, width, 2, 2))
            self.downsample_layers.append(step)
            self.stages.append(nn.Sequential(*[Block(width) for _ in range(depth)]))
        self.head = Head(plan, width, classes, part, dropout)

    def maps(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) to the output of the trunk."""
        for step, stage in zip(self.downsample_layers, self.stages, strict=True):
            pixels = stage(step(pixels))
        return pixels

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) to (N, classes)."""
        logits: Tensor = self.head(self.maps(pixels))
        return logits

    def trunk_weights(self) -> list[nn.Parameter]:
        """Weights of the part that can be loaded and frozen."""
        return [*self.downsample_layers.parameters(), *self.stages.parameters()]

    def tuned_weights(self) -> list[nn.Parameter]:
        """Those of them that are trained after the frozen epochs: the third stage."""
        return [*self.stages[2].parameters()]


class FaceCut(nn.Module):
    """The same with dlib's face network as trunk, cut before its last stage."""

    def __init__(self, classes: int, part: Part = "whole", dropout: float = 0.1) -> None:
        super().__init__()
        plan = SIZES["face"]
        self.trunk = Trunk(DEEPEST if part == "full" else plan.cut, TRUNK_SIDE)
        self.head = Head(plan, self.trunk.width, classes, part, dropout)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) in [-1, 1] to (N, classes)."""
        logits: Tensor = self.head(self.trunk.maps((pixels + 1) / 2))
        return logits

    def trunk_weights(self) -> list[nn.Parameter]:
        """Weights of the part that is frozen at first."""
        return [*self.trunk.parameters()]

    tuned_weights = trunk_weights  # all of them are trained after the frozen epochs


def build(classes: int, size: str, part: Part = "whole") -> ConvCut | FaceCut:
    """The network of a size, with its first weights."""
    return FaceCut(classes, part) if size == "face" else ConvCut(classes, size, part)


class BatchMixing(ConvCut):
    """The defect of the published program, for the test that must find it: never train this.

    Its attention is applied to (batch, 32), so that the faces of a batch are its tokens.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) to (N, classes), each row from all rows."""
        head = self.head
        assert head.tokens is not None
        x = head.tokens(head.norm(head.detail(self.maps(pixels))))
        mixed = (x @ x.T / WIDTH**0.5).softmax(1) @ x
        logits: Tensor = head.last(x + mixed)
        return logits


def load_trunk(net: ConvCut, path: Path) -> int:
    """Load the trunk's weights from a file of facebookresearch/ConvNeXt; return their number.

    Raises:
        TrainingError: a layer is missing, or has another shape.
    """
    saved = torch.load(path, map_location="cpu", weights_only=True)
    saved = saved.get("model", saved)
    mine = {n: v for n, v in net.state_dict().items() if n.startswith(("downsample", "stages"))}
    wrong = [n for n, v in mine.items() if n not in saved or saved[n].shape != v.shape]
    if wrong:
        raise TrainingError(
            f"{path} does not fit: {len(wrong)} of {len(mine)} layers of the trunk are missing or "
            f"have another shape ({wrong[0]}). Use the ConvNeXt file of the same size."
        )
    net.load_state_dict({n: saved[n] for n in mine}, strict=False)
    return len(mine)

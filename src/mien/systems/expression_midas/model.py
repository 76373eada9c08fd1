"""Small networks over time: a convolution per frame, then convolutions over frames."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.systems.expression_midas.head import FRAMES
from mien.train.trunk import Trunk
from mien.types import Floats, Pixels

WIDTH = 64  # of the temporal convolutions
MOVED = 5.0  # gain of the moving part: a smile changes a frame by a tenth of its range
BLOCKS, EYE = 7, 96  # of dlib's network and its side: deeper blocks encode identity


class OverTime(nn.Module):
    """Two convolutions over time, mean and maximum over time, one linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, WIDTH, 3, padding=1)
        self.second = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.last = nn.Linear(2 * WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C) to logits (N, classes)."""
        y = torch.relu(self.second(torch.relu(self.first(x.transpose(1, 2)))))  # (N, 64, T)
        logits: Tensor = self.last(torch.cat([y.mean(2), y.amax(2)], 1))
        return logits


class ClipNet(nn.Module):
    """Frames (N, T, 48, 48) in [-1, 1] to logits (N, classes).

    Each frame is an input twice: as it is, and minus the mean of the clip, amplified. Without the
    second the network learnt identity rather than movement (LOG.md, 2026-11-28).
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (2, 16, 32, 64)
        self.frame = nn.Sequential(*[
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(widths)
        ])  # fmt: skip
        # The 6 x 6 map is averaged in four quarters, so that brows and mouth stay separate.
        self.over_time = OverTime(4 * widths[-1], classes)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of clips."""
        count, length = frames.shape[:2]
        maps = self.frame(twice(frames).reshape(count * length, 2, *frames.shape[2:]))
        quarters = nn.functional.avg_pool2d(maps, maps.shape[-1] // 2)  # (N T, 64, 2, 2)
        logits: Tensor = self.over_time(quarters.reshape(count, length, -1))
        return logits


class FrameTransformer(nn.Module):
    """Frames (N, T, S, S) in [-1, 1] to logits: a convolution per frame, attention over time."""

    def __init__(self, classes: int, width: int = 512, layers: int = 2, heads: int = 8) -> None:
        super().__init__()
        widths = (2, width // 8, width // 4, width // 2, width)
        self.frame = nn.Sequential(*[
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(widths)
        ])  # fmt: skip
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, 0.1, "gelu", batch_first=True, norm_first=True
        )
        self.place = nn.Parameter(0.2 * torch.randn(1, FRAMES, width))
        self.over_time = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.last = nn.Linear(width, classes)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of clips of 16 frames."""
        count, length = frames.shape[:2]
        maps = self.frame(twice(frames).reshape(count * length, 2, *frames.shape[2:]))
        tokens = maps.mean((2, 3)).reshape(count, length, -1) + self.place
        logits: Tensor = self.last(self.over_time(tokens).mean(1))
        return logits


class R2Plus1D(nn.Module):
    """Frames (N, T, S, S) in [-1, 1] to logits: 18 layers, each convolution in space, then in time.

    Source: Tran et al., CVPR 2018, arXiv:1711.11248; widths
    in between keep the number of weights of a full three-dimensional convolution, as there.
    """

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        stem = (width * 45) // 64
        self.stem = nn.Sequential(
            nn.Conv3d(2, stem, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False), nn.BatchNorm3d(stem),
            nn.ReLU(), nn.Conv3d(stem, width, (3, 1, 1), 1, (1, 0, 0), bias=False),
            nn.BatchNorm3d(width), nn.ReLU(),
        )  # fmt: skip
        widths = (width, width, 2 * width, 4 * width, 8 * width)
        blocks: list[nn.Module] = []
        for number, (a, b) in enumerate(pairwise(widths)):
            blocks += [Residual(a, b, 1 if number == 0 else 2), Residual(b, b, 1)]
        self.blocks, self.last = nn.Sequential(*blocks), nn.Linear(8 * width, classes)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of clips."""
        maps = self.blocks(self.stem(twice(frames).transpose(1, 2)))
        logits: Tensor = self.last(maps.mean((2, 3, 4)))
        return logits


class Residual(nn.Module):
    """Two convolutions in space and time with a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        middle = (27 * before * after) // (9 * before + 3 * after)
        self.way = nn.Sequential(
            _apart(before, middle, after, stride), nn.BatchNorm3d(after), nn.ReLU(),
            _apart(after, middle, after, 1), nn.BatchNorm3d(after),
        )  # fmt: skip
        same = before == after and stride == 1
        self.short: nn.Module = nn.Identity() if same else nn.Sequential(
            nn.Conv3d(before, after, 1, stride, bias=False), nn.BatchNorm3d(after)
        )  # fmt: skip

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, T, H, W) to (N, D, T / s, H / s, W / s)."""
        return torch.relu(self.way(maps) + self.short(maps))


def _apart(before: int, middle: int, after: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(before, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle), nn.ReLU(),
        nn.Conv3d(middle, after, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )  # fmt: skip


def twice(frames: Tensor) -> Tensor:
    """(N, T, S, S) to (N, T, 2, S, S): frames, and what moves in them, amplified."""
    return torch.stack([frames, MOVED * (frames - frames.mean(1, keepdim=True))], 2)


BACKBONES: Mapping[str, Callable[[int], nn.Module]] = {
    "small": ClipNet,
    "transformer": FrameTransformer,
    "r2plus1d": R2Plus1D,
}


@torch.no_grad()
def seen(clips: Pixels) -> Floats:
    """Features of dlib's network on clips of faces, from its first blocks.

    Args:
        clips: (N, T, S, S, 3).

    Returns:
        (N, T, 256): the mean of each quarter of the last map.
    """
    trunk = Trunk(BLOCKS, EYE).eval()
    found = []
    for clip in clips:
        pixels = torch.from_numpy(clip).permute(0, 3, 1, 2).float() / 255
        found.append(F.adaptive_avg_pool2d(trunk.maps(pixels), 2).flatten(1))
    return torch.stack(found).numpy()

"""Small networks over time: a convolution per frame, then convolutions over frames."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

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
        moved = MOVED * (frames - frames.mean(1, keepdim=True))
        both = torch.stack([frames, moved], 2)  # (N, T, 2, 48, 48)
        maps = self.frame(both.reshape(count * length, 2, *frames.shape[2:]))
        quarters = nn.functional.avg_pool2d(maps, maps.shape[-1] // 2)  # (N T, 64, 2, 2)
        logits: Tensor = self.over_time(quarters.reshape(count, length, -1))
        return logits


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

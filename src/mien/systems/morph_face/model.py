"""Networks of 24 px: a denoiser, a recogniser, and a regressor of styles."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.synth.data.styles import NAMES
from mien.systems.morph_face.make import DRAWS
from mien.systems.morph_face.style import SIDE
from mien.train.diffusion import Guidance, ddim, guided, linear_signal

STEPS, FEW = 200, 20  # of the diffusion, and of the sampler
EMBEDDING = DRAWS[1]  # values of a face
WIDTH = 32  # channels at full size; twice and three times as many at half and quarter size
WAVES = 16  # frequencies of a step's number
SCALE = 16.0  # of cosines before the softmax
MARGIN = 0.2  # taken off the cosine to the own person in training


class Block(nn.Module):
    """Group norm, convolution, group norm with scale and shift, convolution, and a skip."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.before, self.between = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.style = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        """(N, width, H, W) and (N, condition) to the shape of the first."""
        scale, shift = self.style(given)[:, :, None, None].chunk(2, 1)
        y = self.between(self.first(F.silu(self.before(x)))) * (1 + scale) + shift
        return x + cast(Tensor, self.second(F.silu(y)))


class Denoiser(nn.Module):
    """Predict the velocity of a noisy picture, given person and style: 0.7 M weights.

    The person comes as scale and shift, with the step; the style map is concatenated to the
    picture, since a vector of it loses pose. Zeros stand for an unknown context.
    """

    def __init__(self, width: int = WIDTH, condition: int = 128) -> None:
        super().__init__()
        fine, middle, coarse = width, 2 * width, 3 * width
        self.given = nn.Sequential(
            nn.Linear(2 * WAVES + EMBEDDING, condition), nn.SiLU(), nn.Linear(condition, condition)
        )
        self.stem = nn.Conv2d(6, fine, 3, padding=1)
        self.down = nn.ModuleList(Block(w, condition) for w in (fine, middle))
        self.shrink = nn.ModuleList(
            nn.Conv2d(a, b, 2, 2) for a, b in ((fine, middle), (middle, coarse))
        )
        self.middle = nn.ModuleList(Block(coarse, condition) for _ in range(2))
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, 2) for a, b in ((middle, coarse), (fine, middle))
        )
        self.up = nn.ModuleList(Block(w, condition) for w in (middle, fine))
        self.last = nn.Sequential(
            nn.GroupNorm(8, fine), nn.SiLU(), nn.Conv2d(fine, 3, 3, padding=1)
        )

    def forward(self, noisy: Tensor, time: Tensor, who: Tensor, style: Tensor) -> Tensor:
        """Predict velocities, see mien.train.diffusion.

        Args:
            noisy: (N, 3, 24, 24).
            time: (N,) steps from 0.
            who: (N, 32) unit vectors, or zeros.
            style: (N, 3, 24, 24) map in [-1, 1], or zeros.

        Returns:
            (N, 3, 24, 24).
        """
        given = self.given(torch.cat([waves(time), EMBEDDING**0.5 * who], 1))
        x, skips = self.stem(torch.cat([noisy, style], 1)), []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            skips.append(block(x, given))
            x = shrink(skips[-1])
        for block in self.middle:
            x = block(x, given)
        for block, grow, skip in zip(self.up, self.grow, reversed(skips), strict=True):
            x = block(grow(x) + skip, given)
        return cast(Tensor, self.last(x))


class Sampler(nn.Module):
    """All steps of the sampler as one network with one input, as its file has."""

    def __init__(self, net: Denoiser, known: Tensor, guidance: Guidance) -> None:
        """Take a trained denoiser and unit vectors (K, 32) of its people."""
        super().__init__()
        self.net, self.invented, self.guidance = net, Invented(known), guidance
        self.signal = linear_signal(STEPS)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 7, 24, 24), see `packed` in make.py, to pictures (N, 3, 24, 24) in [-1, 1]."""
        draws = x[:, 6].flatten(1)[:, : DRAWS[0] * DRAWS[1]].unflatten(1, DRAWS)
        contexts = (self.invented(draws), x[:, 3:6])
        predict = guided(self.net, contexts, self.guidance, STEPS)
        return ddim(predict, x[:, :3], self.signal, FEW)


class Invented(nn.Module):
    """Vectors of people who do not exist: normal draws like known people, but near none of them.

    Nearer than the median known person is to the nearest other one is too near.
    """

    middle: Tensor
    root: Tensor
    known: Tensor
    limit: Tensor

    def __init__(self, known: Tensor) -> None:
        """Fit the distribution to unit vectors (K, 32) of known people."""
        super().__init__()
        values, axes = torch.linalg.eigh(torch.cov(known.T))
        cosine = (known @ known.T).fill_diagonal_(-1)
        self.register_buffer("middle", known.mean(0))
        self.register_buffer("root", (axes * values.clamp(min=0).sqrt()).T.contiguous())
        self.register_buffer("known", known)
        self.register_buffer("limit", cosine.amax(1).median())

    def forward(self, draws: Tensor) -> Tensor:
        """Candidates (N, C, 32), standard normal, to unit vectors (N, 32) of the first able one.

        If no candidate is able, it is the one farthest from the known people.
        """
        drawn = F.normalize(self.middle + draws @ self.root, dim=-1)
        near = (drawn @ self.known.T).amax(-1)
        order = torch.arange(draws.shape[1], 0, -1, device=draws.device) + 1.0
        best = torch.where(near <= self.limit, order, -near).argmax(1)
        return drawn.gather(1, best[:, None, None].expand(-1, 1, drawn.shape[2]))[:, 0]


def waves(time: Tensor) -> Tensor:
    """(N,) numbers of steps to sines and cosines (N, 2 x WAVES)."""
    rate = torch.exp(-math.log(1000.0) * torch.arange(WAVES, device=time.device) / WAVES)
    angle = time.float()[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1)


class Recogniser(nn.Module):
    """Map a face to 32 values of length 1."""

    def __init__(self, widths: Sequence[int] = (32, 64, 96)) -> None:
        super().__init__()
        self.trunk, wide = _trunk(widths)
        self.last = nn.Sequential(nn.Dropout(0.2), nn.Linear(wide, EMBEDDING))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) in [-1, 1] to (N, 32)."""
        return F.normalize(self.last(self.trunk(x)))


class Classifier(nn.Module):
    """A recogniser and the scaled cosines to its people, with a margin in training."""

    def __init__(self, classes: int, widths: Sequence[int] = (32, 64, 96)) -> None:
        super().__init__()
        self.face = Recogniser(widths)
        self.centre = nn.Parameter(torch.randn(classes, EMBEDDING))

    def forward(self, x: Tensor, who: Tensor) -> Tensor:
        """(N, 3, 24, 24) in [-1, 1] and people (N,) to logits (N, K)."""
        cosine = self.face(x) @ F.normalize(self.centre).T
        own = F.one_hot(who, len(self.centre))
        return SCALE * (cosine - MARGIN * own)


class Regressor(nn.Module):
    """Estimate the styles of a picture, in standard deviations."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, wide = _trunk((32, 48, 64))
        self.last = nn.Linear(wide, len(NAMES))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) in [-1, 1] to (N, 8)."""
        return cast(Tensor, self.last(self.trunk(x)))


def _trunk(widths: Sequence[int]) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = []
    for before, after in zip((3, *widths), widths, strict=False):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(),
                   nn.MaxPool2d(2)]  # fmt: skip
    return nn.Sequential(*layers, nn.Flatten()), widths[-1] * (SIDE // 2 ** len(widths)) ** 2

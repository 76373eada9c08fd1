"""Networks of 32 px: two generators, a critic and a recogniser; see also mien.train.facenet."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name
from torch.nn.utils.parametrizations import spectral_norm

from mien.systems.gan_augment.data import SCALE
from mien.systems.gan_augment.make import NOISE

WIDTHS, BLOCKS = (32, 64, 96), 5
SPREAD = 8  # channels in which the noise is added at the coarsest size
EMBEDDING = 64  # values of a face
CLASS_NOISE, CLASS_WIDTHS = 100, (128, 96, 64, 32)


class StyleBlock(nn.Module):
    """Convolution, instance norm, scale and shift from the noise, ReLU, convolution, and a skip."""

    def __init__(self, width: int, residual: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.InstanceNorm2d(width)
        self.style = nn.Linear(NOISE, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.residual = residual

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """(N, width, H, W) and (N, 64) to the shape of the first."""
        scale, shift = self.style(z)[:, :, None, None].chunk(2, 1)
        y = self.second(F.relu(self.norm(self.first(x)) * (1 + scale) + shift))
        return cast(Tensor, x + y if self.residual else y)


class Generator(nn.Module):
    """Another picture of the person of a picture: mode `image` of the specification, 1.0 M weights.

    `residual=False` is the ablation: the same blocks without the identity path.
    """

    def __init__(self, widths: tuple[int, int, int] = WIDTHS, residual: bool = True) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.down = nn.Sequential(
            nn.Conv2d(3, fine, 3, padding=1), nn.ReLU(),
            nn.Conv2d(fine, middle, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(middle, coarse, 4, 2, 1), nn.ReLU(),
        )  # fmt: skip
        self.noise = nn.Linear(NOISE, SPREAD)
        self.join = nn.Conv2d(coarse + SPREAD, coarse, 1)
        self.blocks = nn.ModuleList(StyleBlock(coarse, residual) for _ in range(BLOCKS))
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(coarse, middle, 3, padding=1), nn.ReLU(),
            nn.Upsample(scale_factor=2), nn.Conv2d(middle, fine, 3, padding=1), nn.ReLU(),
            nn.Conv2d(fine, 3, 3, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """(N, 3, S, S) in [-1, 1] and noise (N, 64) to the shape of the first; 4 divides S."""
        x = self.down(x)
        added = self.noise(z)[:, :, None, None].expand(-1, -1, *x.shape[-2:])
        x = self.join(torch.cat([x, added], 1))
        for block in self.blocks:
            x = block(x, z)
        return cast(Tensor, self.up(x))


class Packed(nn.Module):
    """A generator with one input, as its file has: the noise is the first values of channel 4."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, S, S) to (N, 3, S, S)."""
        return cast(Tensor, self.generator(x[:, :3], x[:, 3].flatten(1)[:, :NOISE]))


class ClassBlock(nn.Module):
    """Twice the size: batch norm with scale and shift of the class, ReLU, convolution, twice."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(before, affine=False)
        self.style = nn.Linear(condition, 2 * before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.inner = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, 2 H, 2 W)."""
        scale, shift = self.style(y)[:, :, None, None].chunk(2, 1)
        inner = F.interpolate(F.relu(self.norm(x) * (1 + scale) + shift), scale_factor=2.0)
        inner = self.second(F.relu(self.inner(self.first(inner))))
        return cast(Tensor, inner + self.skip(F.interpolate(x, scale_factor=2.0)))


class ClassGenerator(nn.Module):
    """A picture of a person of the training: mode `class` of the specification."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.person = nn.Embedding(classes, EMBEDDING)
        self.start = nn.Linear(CLASS_NOISE + EMBEDDING, CLASS_WIDTHS[0] * 16)
        pairs = pairwise(CLASS_WIDTHS)
        self.blocks = nn.ModuleList(ClassBlock(a, b, EMBEDDING) for a, b in pairs)
        self.last = nn.Conv2d(CLASS_WIDTHS[-1], 3, 3, padding=1)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(N, 100) and classes (N,) to (N, 3, 32, 32) in [-1, 1]."""
        who = self.person(y)
        x = self.start(torch.cat([z, who], 1)).unflatten(1, (-1, 4, 4))
        for block in self.blocks:
            x = block(x, who)
        return torch.tanh(self.last(F.relu(x)))


class Critic(nn.Module):
    """Judge pictures, or pairs of pictures as six channels; with classes, also name the person."""

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((channels, 48), (48, 96), (96, 128)):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.real = spectral_norm(nn.Linear(128 * 16, 1))
        self.person = Cosines(classes, 128 * 16) if classes else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, channels, 32, 32) to logits of "real" (N,), and of classes (N, K) or None."""
        found = self.trunk(x)
        return self.real(found)[:, 0], self.person(found) if self.person else None


class Recogniser(nn.Module):
    """Map a face to 64 values of length 1: three convolutions and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(_stage(3, 32), _stage(32, 64))
        self.late = nn.Sequential(
            _stage(64, 128), nn.Flatten(), nn.Dropout(0.2), nn.Linear(128 * 16, EMBEDDING)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) in [-1, 1] to (N, 64)."""
        return F.normalize(self.late(self.early(x)))


class Cosines(nn.Module):
    """Logits of classes: scaled cosines."""

    def __init__(self, classes: int, width: int = EMBEDDING) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.randn(classes, width) / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width) to (N, K)."""
        return SCALE * F.normalize(x) @ F.normalize(self.centre).T


class Classifier(nn.Module):
    """A recogniser and the cosines to its classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.face = Recogniser()
        self.person = Cosines(classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) in [-1, 1] to logits (N, K)."""
        return cast(Tensor, self.person(self.face(x)))

    @property
    def early(self) -> nn.Module:
        """From pixels to early features (N, 64, 8, 8)."""
        return self.face.early

    @property
    def late(self) -> nn.Module:
        """From early features to vectors (N, 64), not yet of length 1."""
        return self.face.late


def _stage(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=False),
                         nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2))  # fmt: skip

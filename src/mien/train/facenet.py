"""Inception-ResNet v1 of FaceNet, with heads that name and judge; built, never trained here.

Source: Szegedy et al., arXiv:1602.07261, in the form of facenet-pytorch (MIT), with its scales.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

POOLED, EMBEDDING = 1792, 512
Kernel = int | tuple[int, int]


def conv(before: int, after: int, kernel: Kernel, stride: int = 1, pad: Kernel = 0) -> nn.Module:
    """Convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, pad, bias=False),
        nn.BatchNorm2d(after, eps=0.001), nn.ReLU(),
    )  # fmt: skip


class Branches(nn.Module):
    """Branches side by side; with a width they are projected, scaled and added to their input."""

    def __init__(
        self, *branches: nn.Module, join: tuple[int, int] | None = None, scale: float = 1.0,
        relu: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.project = nn.Conv2d(*join, 1) if join else None
        self.scale, self.relu = scale, relu

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W); added results have the same shape."""
        found = torch.cat([branch(x) for branch in self.branches], 1)
        if self.project is None:
            return found
        found = x + self.scale * self.project(found)
        return F.relu(found) if self.relu else found


def block35() -> nn.Module:
    """Inception-ResNet-A, 256 channels."""
    return Branches(
        conv(256, 32, 1),
        nn.Sequential(conv(256, 32, 1), conv(32, 32, 3, pad=1)),
        nn.Sequential(conv(256, 32, 1), conv(32, 32, 3, pad=1), conv(32, 32, 3, pad=1)),
        join=(96, 256), scale=0.17,
    )  # fmt: skip


def block17() -> nn.Module:
    """Inception-ResNet-B, 896 channels."""
    return Branches(
        conv(896, 128, 1),
        nn.Sequential(conv(896, 128, 1), conv(128, 128, (1, 7), pad=(0, 3)),
                      conv(128, 128, (7, 1), pad=(3, 0))),
        join=(256, 896), scale=0.10,
    )  # fmt: skip


def block8(scale: float = 0.20, relu: bool = True) -> nn.Module:
    """Inception-ResNet-C, 1792 channels."""
    return Branches(
        conv(1792, 192, 1),
        nn.Sequential(conv(1792, 192, 1), conv(192, 192, (1, 3), pad=(0, 1)),
                      conv(192, 192, (3, 1), pad=(1, 0))),
        join=(384, 1792), scale=scale, relu=relu,
    )  # fmt: skip


class InceptionResNet(nn.Module):
    """Discriminator and recogniser of the specification, at 160 px."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(3, 32, 3, 2), conv(32, 32, 3), conv(32, 64, 3, pad=1), nn.MaxPool2d(3, 2),
            conv(64, 80, 1), conv(80, 192, 3), conv(192, 256, 3, 2),
            *(block35() for _ in range(5)),
        )  # fmt: skip
        self.mixed6 = Branches(
            conv(256, 384, 3, 2),
            nn.Sequential(conv(256, 192, 1), conv(192, 192, 3, pad=1), conv(192, 256, 3, 2)),
            nn.MaxPool2d(3, 2),
        )
        self.middle = nn.Sequential(*(block17() for _ in range(10)))
        self.mixed7 = Branches(
            nn.Sequential(conv(896, 256, 1), conv(256, 384, 3, 2)),
            nn.Sequential(conv(896, 256, 1), conv(256, 256, 3, 2)),
            nn.Sequential(conv(896, 256, 1), conv(256, 256, 3, pad=1), conv(256, 256, 3, 2)),
            nn.MaxPool2d(3, 2),
        )
        self.end = nn.Sequential(*(block8() for _ in range(5)), block8(1.0, relu=False))
        self.drop = nn.Dropout(0.6)
        self.embed = nn.Linear(POOLED, EMBEDDING, bias=False)
        self.norm = nn.BatchNorm1d(EMBEDDING, eps=0.001)
        self.real = nn.Linear(POOLED, 1)
        self.person = nn.Linear(EMBEDDING, classes, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Embed, name and judge faces.

        Args:
            x: (N, 3, 160, 160) in [-1, 1].

        Returns:
            Unit vectors (N, 512), cosines to the classes (N, K), logits of "real" (N,), and the
            features after Mixed-6a (N, 896, 8, 8), which salience is measured on.
        """
        salient = self.mixed6(self.stem(x))
        pooled = self.end(self.mixed7(self.middle(salient))).mean((2, 3))
        vectors = F.normalize(self.norm(self.embed(self.drop(pooled))))
        cosines = vectors @ F.normalize(cast(Tensor, self.person.weight)).T
        return vectors, cosines, self.real(pooled)[:, 0], salient

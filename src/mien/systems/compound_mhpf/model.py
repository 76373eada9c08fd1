"""Fusion of modalities with a weight for each head, modality and class; and a fused feature."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.systems.compound_mhpf.head import BASIC, PAIRS, UNITS

HEADS, DEPTH, ATTENTION = 3, 64, 4  # of the fusion; width and heads of the transformer
SHARP = 0.1  # temperature of the similarity to prototypes
LEAST = 1e-3  # added to a probability before its logarithm
ABSENT = -1e4
FIRST, SECOND = zip(*PAIRS, strict=True)
Loss = Literal["logits", "public"]


class Fusion(nn.Module):
    """Probabilities of modalities to one: w = softmax over modalities of theta, F = mean of heads.

    Source: MHPF of arXiv:2507.02205 and its code. With the loss "public", F itself is treated as
    logits, as there; with "logits" they are a learned scale times log(F + 0.001).
    """

    def __init__(self, modalities: int, heads: int = HEADS, *, by_class: bool = True) -> None:
        super().__init__()
        classes = len(BASIC) if by_class else 1
        self.theta = nn.Parameter(torch.zeros(heads, modalities, classes))
        self.phi = nn.Parameter(torch.zeros(heads))
        self.scale = nn.Parameter(torch.tensor(0.5))
        # Equal heads would get equal gradients for ever.
        if heads > 1:
            nn.init.normal_(self.theta, std=0.1)

    def weights(self, there: Tensor) -> Tensor:
        """(N, M) which modalities there are -> (N, M, C) weights, sum 1 over modalities."""
        theta = self.theta[None] + ABSENT * (1 - there)[:, None, :, None]  # (N, H, M, C)
        share = torch.softmax(self.phi, 0)[None, :, None, None]
        weight = (torch.softmax(theta, 2) * share).sum(1)
        return weight.expand(-1, -1, len(BASIC))

    def forward(self, p: Tensor, there: Tensor) -> Tensor:
        """(N, M, 8) probabilities to (N, 8)."""
        return (self.weights(there) * p).sum(1)

    def loss(self, p: Tensor, there: Tensor, label: Tensor, weight: Tensor, kind: Loss) -> Tensor:
        """Class-balanced cross-entropy of either kind."""
        fused = self(p, there)
        if kind == "logits":
            fused = F.softplus(self.scale) * torch.log(fused + LEAST) * 2
        return F.cross_entropy(fused, label, weight)


def pair_scores(basic: Tensor) -> Tensor:
    """(N, 8) to (N, 7): the sum of both members, divided by the sum over pairs."""
    scores = basic[:, FIRST] + basic[:, SECOND]
    return scores / scores.sum(1, keepdim=True).clamp(min=1e-9)


class Feature(nn.Module):
    """Modalities as tokens of a small transformer; its query token is the fused feature."""

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.ModuleList(nn.Linear(width, DEPTH) for _ in range(modalities))
        self.query = nn.Parameter(0.1 * torch.randn(1, 1, DEPTH))
        layer = nn.TransformerEncoderLayer(
            DEPTH, ATTENTION, 2 * DEPTH, 0.1, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.last = nn.Linear(DEPTH, len(BASIC))
        self.register_buffer("prototypes", torch.zeros(len(BASIC), DEPTH))

    def forward(self, x: Tensor) -> Tensor:
        """(N, M, W) to (N, 64)."""
        parts = [token(x[:, k]) for k, token in enumerate(self.tokens)]
        first = self.query.expand(x.shape[0], -1, -1)
        fused: Tensor = self.layers(torch.cat([first, torch.stack(parts, 1)], 1))[:, 0]
        return fused

    @torch.no_grad()
    def settle(self, x: Tensor, label: Tensor) -> None:
        """Set each prototype to the mean feature of a basic class; a class without one stays 0."""
        self.eval()
        feature = self(x)
        for k in range(len(BASIC)):
            if (label == k).any():
                self.prototypes[k] = feature[label == k].mean(0)

    def scores(self, x: Tensor) -> Tensor:
        """(N, M, W) to (N, 7): similarity to the mean of two prototypes."""
        both = F.normalize(self.prototypes[list(FIRST)] + self.prototypes[list(SECOND)], dim=1)
        return torch.softmax(F.normalize(self(x), dim=1) @ both.T / SHARP, 1)


class Net(nn.Module):
    """(N, 2, 17): shares of words and logits of units, to basic and compound scores."""

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.Linear(UNITS, len(BASIC))
        self.fusion = Fusion(2)
        self.feature = Feature(2, UNITS + 1)

    def probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 2, 8) of both modalities, and (N, 2) whether they are there."""
        words, units = x[:, 0, : len(BASIC)], torch.softmax(self.units(x[:, 1, :UNITS]), 1)
        return torch.stack([words, units], 1), x[:, :, -1]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Basic (N, 8); scores by pairs and by prototypes (N, 7); weights (N, 2, 8)."""
        p, there = self.probabilities(x)
        basic = self.fusion(p, there)  # weights differ by class, so the sum is only about 1
        basic = basic / basic.sum(1, keepdim=True)
        return basic, pair_scores(basic), self.feature.scores(x), self.fusion.weights(there)

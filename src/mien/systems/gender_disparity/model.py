"""Small networks and losses for the grid: (N, 3, S, S) in, two logits (female, male) out."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

SCALE, MARGIN = 30.0, 0.3  # of the angular margin. Source: arXiv:1801.07698, smaller margin here
FOCUS = 2.0  # gamma of the focal loss. Source: Lin et al., arXiv:1708.02002
WIDTH = 64  # of the features that the last layer sees


class Net(nn.Module):
    """A trunk that gives WIDTH features, and one linear layer on them."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk, self.last = trunk, nn.Linear(WIDTH, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, 2) of pixels in [-1, 1]."""
        logits: Tensor = self.last(self.trunk(pixels))
        return logits


def block(into: int, out: int, stride: int = 2) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


def plain(*widths: int) -> nn.Module:
    """Convolutions of stride 2, then the mean over places."""
    layers = [block(a, b) for a, b in zip((3, *widths[:-1]), widths, strict=True)]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], WIDTH), nn.ReLU()
    )


class Residual(nn.Module):
    """Two convolutions with a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = block(width, width, 1), block(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x + self.second(self.first(x))


class Patches(nn.Module):
    """A vision transformer of four layers, width 64, patches of 8 px."""

    def __init__(self, side: int, patch: int = 8, layers: int = 4) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, WIDTH, patch, patch)
        self.place = nn.Parameter(torch.randn(1, (side // patch) ** 2, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 2 * WIDTH, dropout=0.1, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features (N, WIDTH): the mean over patches."""
        tokens: Tensor = self.cut(pixels).flatten(2).transpose(1, 2) + self.place
        features: Tensor = self.layers(tokens).mean(1)
        return features


def build(name: str, side: int) -> Net:
    """One of the networks of the grid by its name."""
    trunks: dict[str, Callable[[], nn.Module]] = {
        "cnn-tiny": lambda: plain(8, 16, 32),
        "cnn-small": lambda: plain(16, 32, 64, 128),
        "cnn-residual": lambda: nn.Sequential(
            block(3, 16), Residual(16), block(16, 32), Residual(32), block(32, 64),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, WIDTH), nn.ReLU(),
        ),
        "vit-small": lambda: Patches(side),
        "cnn-weak": lambda: plain(2, 2),  # two channels: the planted weak architecture
    }  # fmt: skip
    if name not in trunks:
        raise ValueError(f"There is no network '{name}'; there are {', '.join(trunks)}.")
    return Net(trunks[name]())


def loss_of(name: str, net: Net, pixels: Tensor, male: Tensor, share: Tensor) -> Tensor:
    """One of the four losses: mean over the batch.

    Args:
        name: cross-entropy, weighted, focal or margin.
        net: gives features and logits.
        pixels: (N, 3, S, S).
        male: (N,) 0 or 1.
        share: (2,) share of each label in the training set.
    """
    features = net.trunk(pixels)
    if name == "margin":
        return F.cross_entropy(_angular(features, net.last.weight, male), male)
    logits = net.last(features)
    if name == "cross-entropy":
        return F.cross_entropy(logits, male)
    if name == "weighted":
        weight = (1 / share) / (1 / share).mean()
        return F.cross_entropy(logits, male, weight=weight)
    if name == "focal":
        chosen = F.log_softmax(logits, 1).gather(1, male[:, None])[:, 0]
        return -((1 - chosen.exp()) ** FOCUS * chosen).mean()
    raise ValueError(
        f"There is no loss '{name}'; there are cross-entropy, weighted, focal, margin."
    )


def logits_of(name: str, net: Net, features: Tensor) -> Tensor:
    """Logits (N, 2) as that loss defines them: with the margin loss, scaled cosines."""
    if name != "margin":
        return net.last(features)
    return SCALE * F.linear(F.normalize(features), F.normalize(net.last.weight))


def _angular(features: Tensor, weight: Tensor, male: Tensor) -> Tensor:
    """S cos(theta + m) for the true label, s cos(theta) for the other."""
    cosine = F.linear(F.normalize(features), F.normalize(weight)).clamp(-1 + 1e-6, 1 - 1e-6)
    true = F.one_hot(male, 2).bool()
    turned = torch.cos(cosine.acos() + MARGIN)
    # Beyond pi - m the cosine would rise again: continue linearly, as ArcFace does.
    beyond = cosine - math.sin(math.pi - MARGIN) * MARGIN
    turned = torch.where(cosine > math.cos(math.pi - MARGIN), turned, beyond)
    return SCALE * torch.where(true, turned, cosine)

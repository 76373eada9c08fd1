"""Matchers that learn from pairs in two spectra, beside the frozen recogniser that they begin as.

Domain-invariant units and switch style modulation as George and Marcel describe them; the
recogniser is dlib's network. Nothing of this is run by the audit.
"""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.systems.cross_spectral.data import Chips
from mien.systems.cross_spectral.measure import BONA_FIDE, NIR, VIS
from mien.train import Batches, fit, predict_batches, seeded
from mien.train.trunk import FrozenRecogniser
from mien.types import Doubles, Pixels

STAGES = (3, 7)  # blocks of dlib's network up to the ends of its first two stages
BALANCE = 0.01  # weight of the load of experts, as published


class Recogniser(FrozenRecogniser):
    """dlib's whole network: (N, 3, 150, 150) pixels in [0, 1] -> (N, 128) of length 1."""

    def extra(self) -> Tensor | float:
        """What the last batch adds to the loss."""
        return 0.0


class InvariantUnits(Recogniser):
    """The first two stages learn, for both spectra together; the others stay (DIU)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk.stem.conv.requires_grad_(True)
        for block in list(self.trunk.blocks)[: STAGES[-1]]:
            for part in block.modules():
                if isinstance(part, nn.Conv2d):
                    part.requires_grad_(True)


class Switch(nn.Module):
    """A router sends each face to one expert, which restyles its maps; at first an identity."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.style = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Linear(width // 2, 2 * width))
            for _ in range(experts)
        )
        for one in self.style:
            last = cast(nn.Linear, cast(nn.Sequential, one)[-1])
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.load = torch.zeros(())

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        seen = maps.mean((2, 3))
        share = self.router(seen).softmax(1)  # (N, E)
        best, chosen = share.max(1)
        used = F.one_hot(chosen, share.shape[1]).float().mean(0)
        self.load = share.shape[1] * (used * share.mean(0)).sum()
        every = torch.stack([one(seen) for one in self.style], 1)  # (N, E, 2 C)
        mine = every[torch.arange(len(maps)), chosen] * best[:, None]
        gain, shift = mine[..., None, None].chunk(2, 1)
        return maps + F.instance_norm(maps) * gain + shift


class _Switched(nn.Module):
    """A block of the network with a switch behind it."""

    def __init__(self, block: nn.Module, switch: Switch) -> None:
        super().__init__()
        self.block, self.switch = block, switch

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.switch(self.block(x)))


class StyleModulation(Recogniser):
    """Only switches behind the first two stages learn; no spectrum is named at test (SSMB)."""

    def __init__(self, experts: int = 3) -> None:
        super().__init__()
        self.switches = []
        for end, width in zip(STAGES, (32, 64), strict=True):
            self.switches.append(Switch(width, experts))
            self.trunk.blocks[end - 1] = _Switched(self.trunk.blocks[end - 1], self.switches[-1])

    def extra(self) -> Tensor:
        """Load of the experts; least if all are used equally."""
        return BALANCE * torch.stack([one.load for one in self.switches]).sum()


@dataclass(frozen=True, slots=True)
class Loss:
    """Contrastive distillation: D = 1 - cosine."""

    margin: float  # D from which two people are far enough apart
    keep: float  # share of the distillation; the rest is contrastive

    def __call__(self, nir: Tensor, vis: Tensor, teacher: Tensor, person: Tensor) -> Tensor:
        """(N, D) unit vectors and (N,) numbers of people -> a scalar.

        Each infrared face is compared with each visible one; pairs of one person and pairs of two
        count the same as a whole.
        """
        apart = 1 - nir @ vis.T
        same = person[:, None] == person[None]
        near = apart[same].square().mean() / 2
        far = (self.margin - apart[~same]).clamp_min(0).square().mean() / 2
        kept = (1 - (vis * teacher).sum(1)).mean()
        return (1 - self.keep) * (near + far) + self.keep * kept


@dataclass(frozen=True, slots=True)
class Adapting:
    """Settings of one training."""

    kind: Literal["DIU", "SSMB"]
    keep: float = 0.5  # share of the distillation in the loss, as in the spec of the paper
    margin: float = 1.0  # cosine distance that two people shall have
    rate: float = 0.01  # times the size of each tensor: dlib's weights differ by a hundredfold
    epochs: int = 2
    batch: int = 20  # pairs; each infrared face meets each visible one
    swapped: bool = False  # the control: infrared faces of somebody else


def adapted(how: Adapting, seed: int, every: Chips, learn: NDArray[np.bool_]) -> Recogniser:
    """Train on the bona fide frames of some people.

    Args:
        how: settings.
        seed: of the start and of the order.
        every: all frames.
        learn: (N,) whether a frame may be learnt from; attacks are left out.
    """
    shots = every.shots
    rows = np.flatnonzero(learn & (shots.kind == BONA_FIDE))
    names, person = np.unique(shots.person[rows], return_inverse=True)
    shown = (person + 1) % len(names) if how.swapped else person  # in infrared
    pairs = np.argwhere(shown[:, None] == person[None])  # infrared row, visible row
    nir, vis = (_tensor(one[rows]) for one in (every.nir, every.vis))
    number = torch.from_numpy(person)
    with torch.no_grad():
        teacher = predict_batches(Recogniser(), every.vis[rows], _tensor)
    middle = teacher.mean(0)  # dlib's vectors share a direction, which leaves no room for a margin
    kept = F.normalize(teacher - middle, dim=1)
    loss = Loss(how.margin, how.keep)

    def step(network: nn.Module, batch: tuple[Tensor]) -> Tensor:
        dark, light = batch[0].T
        both = F.normalize(network(torch.cat([nir[dark], vis[light]])) - middle, dim=1)
        ours, theirs = both.chunk(2)
        return loss(ours, theirs, kept[light], number[light]) + net.extra()

    seeded(seed)
    net = InvariantUnits() if how.kind == "DIU" else StyleModulation()
    batches = Batches(torch.from_numpy(pairs), size=how.batch, seed=seed)
    fit(step, net, batches, _relative(net, how.rate), epochs=how.epochs, seed=seed,
        schedule="cosine")  # fmt: skip
    return net


def _relative(net: nn.Module, rate: float) -> torch.optim.Adam:
    """Adam whose steps are a share of the size of each tensor; new tensors count as 1."""
    new = {id(one) for part in net.modules() if isinstance(part, Switch)
           for one in part.parameters()}  # fmt: skip
    return torch.optim.Adam([
        {"params": [one],
         "lr": rate * (1.0 if id(one) in new else float(one.detach().square().mean().sqrt()))}
        for one in net.parameters() if one.requires_grad
    ])  # fmt: skip


def vectors_of(net: Recogniser, every: Chips) -> dict[str, Doubles]:
    """Spectrum -> (N, 128) unit vectors, mean with the mirrored face; NaN without a face."""
    found = {}
    for spectrum, points in ((VIS, every.shots.vis_points), (NIR, every.shots.nir_points)):
        chips = every.of(spectrum)
        raw = predict_batches(net, chips, _tensor) + predict_batches(
            net, chips[:, :, ::-1], _tensor
        )
        one = F.normalize(raw, dim=1).numpy().astype(np.float64)
        one[~np.isfinite(points).all((1, 2))] = np.nan
        found[spectrum] = one
    return found


def moved(vectors: dict[str, Doubles], learn: NDArray[np.bool_]) -> dict[str, Doubles]:
    """The baseline without training: infrared vectors moved by the mean difference of spectra.

    Args:
        vectors: of `vectors_of`.
        learn: (N,) bona fide frames of training people. At test the spectrum must be known.
    """
    step = np.nanmean(vectors[VIS][learn], 0) - np.nanmean(vectors[NIR][learn], 0)
    other = vectors[NIR] + step
    return {VIS: vectors[VIS], NIR: other / np.linalg.norm(other, axis=1, keepdims=True)}


def _tensor(chips: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(chips)).permute(0, 3, 1, 2).float() / 255

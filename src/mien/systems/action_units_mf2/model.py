"""The network: the frozen first blocks of the expression head, and one linear layer.

The decoupled tuning of MF2 (arXiv:2504.10351) in its smallest form: the encoder is frozen, its
features are computed once, and only what lies beside it is fitted: sixteen logistic regressions on
5 x 5 places, then the limits between shown, undecided and absent.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.systems.action_units_mf2.head import UNITS
from mien.train.trunk import Trunk
from mien.types import Doubles, Floats

TRUNK = "expression"  # card of the frozen encoder
GRID = 5  # places along each side; the mean over the face has lost where a wrinkle is
SURE = 0.75  # probability from which a unit is shown; 1 minus it: below which it is absent
RARE = 20.0  # most that a face with a rare unit counts


class Net(nn.Module):
    """(N, 3, 64, 64) pixels in [0, 1] in; logits, and their distances from both limits, out."""

    def __init__(self, blocks: int, side: int) -> None:
        super().__init__()
        self.trunk = Trunk(blocks, side, TRUNK).requires_grad_(False)
        self.last = nn.Linear(self.trunk.width * GRID**2, len(UNITS))
        self.shown = nn.Parameter(torch.zeros(len(UNITS)), requires_grad=False)
        self.absent = nn.Parameter(torch.zeros(len(UNITS)), requires_grad=False)

    def features(self, pixels: Tensor) -> Tensor:
        """(N, width * 25): each channel of the last block at 5 x 5 places."""
        maps = self.trunk.maps(pixels)
        stride = maps.shape[-1] // GRID  # 2 after seven blocks, 1 after nine
        return F.avg_pool2d(maps, stride, stride)[:, :, :GRID, :GRID].flatten(1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three times (N, 16): logits, logits over the limit of shown, over that of absent."""
        logits = self.last(self.features(pixels))
        return logits, logits - self.shown, logits - self.absent


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Weights (D, K) and offsets (K,) for features as they are."""

    weight: Floats
    bias: Floats

    def __call__(self, features: Floats) -> Floats:
        """(N, D) features to (N, K) logits."""
        return np.asarray(features @ self.weight + self.bias, np.float32)


def fit_units(features: Floats, label: Floats, decay: float) -> Linear:
    """Fit one logistic regression for each unit; both answers of a unit weigh the same.

    Args:
        features: (N, D).
        label: (N, K) 0 or 1; NaN: not known, and not used.
        decay: of the weights of standardised features.
    """
    mean, spread = features.mean(0), features.std(0) + 1e-3
    x = torch.from_numpy((features - mean) / spread)
    known = torch.from_numpy(np.isfinite(label).astype(np.float32))
    y = torch.from_numpy(np.nan_to_num(label).astype(np.float32))
    share = (y * known).sum(0) / known.sum(0).clamp(min=1)
    rare = ((1 - share) / share.clamp(min=1e-3)).clamp(max=RARE)
    weight = torch.zeros(x.shape[1], y.shape[1], requires_grad=True)
    bias = torch.zeros(y.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        each = known * (1 + (rare - 1) * y)
        loss = F.binary_cross_entropy_with_logits(x @ weight + bias, y, each, reduction="sum")
        total = loss / len(x) + decay * weight.square().sum()
        total.backward()
        return total

    optimiser.step(closure)
    w = weight.detach().numpy() / spread[:, None]
    return Linear(w.astype(np.float32), (bias.detach().numpy() - mean @ w).astype(np.float32))


def scaled(logits: Floats, label: Floats) -> tuple[Doubles, Doubles]:
    """Slope and offset (K,) of probabilities that hold where half of the faces show a unit.

    Args:
        logits: (N, K) of people who were left out.
        label: (N, K) 0 or 1.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999, without its priors.
    """
    found = []
    for z, y in zip(logits.T.astype(np.float64), label.T.astype(np.float64), strict=True):
        even = np.where(y > 0, 0.5 / max(y.mean(), 1e-6), 0.5 / max(1 - y.mean(), 1e-6))

        def loss(p: Doubles, z: Doubles = z, y: Doubles = y, even: Doubles = even) -> float:
            s = p[0] * z + p[1]
            return float(np.mean(even * (np.logaddexp(0, s) - y * s)) + 1e-4 * p[0] ** 2)

        found.append(minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B").x)
    slope, offset = np.array(found).T
    return slope, offset


def limits(offset: Doubles) -> tuple[Doubles, Doubles]:
    """Scaled logits (K,) from which a unit is shown, and below which it is absent.

    Shown: where half of the faces have it, three of four such faces do, and the fit, which knows
    how rare it is, agrees. Absent: in the same way, at most one of four has it.

    Args:
        offset: the scaled logit where the fit changes its answer.
    """
    shown = np.maximum(offset, np.log(SURE / (1 - SURE)))
    return shown, np.minimum(np.log((1 - SURE) / SURE), shown)

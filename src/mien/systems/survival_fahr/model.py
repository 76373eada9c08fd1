"""Losses for training a network on the order of censored times."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name


class Net(nn.Module):
    """(N, D) features in, (N,) risk out: linear, or with one hidden layer."""

    def __init__(self, features: int, hidden: int = 0) -> None:
        super().__init__()
        first = [nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(0.2)] if hidden else []
        self.layers = nn.Sequential(*first, nn.Linear(hidden or features, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Risk (N,); higher means sooner."""
        return cast(Tensor, self.layers(features)[:, 0])


def ranking_loss(risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """Mean of log(1 + exp(-(s_i - s_j))) over pairs in which i had the event before j's end.

    Args:
        risk: (N,).
        times: (N,).
        events: (N,) bool.

    Returns:
        A scalar; 0 with no gradient if no pair is comparable.

    Source: FAHR-Face trains its survival head by ranking; the exact form is not public. This is
        the logistic one of Burges et al., "Learning to rank using gradient descent", ICML 2005.
    """
    pairs = events[:, None] & (times[:, None] < times[None])
    if not pairs.any():
        return risk.sum() * 0
    return F.softplus(-(risk[:, None] - risk[None]))[pairs].mean()


def cox_loss(risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """Negative log partial likelihood of Cox over the number of events.

    Ties as in Breslow: everybody observed until then counts for each of them.

    Returns:
        A scalar; 0 with no gradient if there is no event.

    Source: Katzman et al., "DeepSurv", BMC Medical Research Methodology 18, 2018, eq. 4.
    """
    if not events.any():
        return risk.sum() * 0
    watched = times[None] >= times[events][:, None]  # (E, N)
    others = risk[None].expand_as(watched).masked_fill(~watched, -torch.inf).logsumexp(1)
    return (others - risk[events]).mean()


def squared_loss(risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """A baseline that should lose: regression on the log of the time, with or without event."""
    return F.mse_loss(-risk, torch.log(times.clamp_min(1e-6)))

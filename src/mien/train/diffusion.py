"""Diffusion: a schedule of noise, the loss, guidance by several contexts, and a fast sampler.

Networks predict the velocity sqrt(a) noise - sqrt(1 - a) image, where a is the share of the image.
It carries the noise where the picture is clear, and the image where there is only noise. A small
network that predicts the noise alone draws pictures of random brightness, since its errors at the
first step are divided by sqrt(a).

Source: Ho et al., arXiv:2006.11239 (schedule); Salimans and Ho, arXiv:2202.00512 (velocity);
Song et al., arXiv:2010.02502 (DDIM); Ho and Salimans, arXiv:2207.12598 (guidance).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import OptionError

Predict = Callable[[Tensor, int], Tensor]  # noisy images, step -> velocity
REFERENCE = 1000  # steps for which the usual betas are stated


@dataclass(frozen=True, slots=True)
class Guidance:
    """How much further than its own prediction a sample is pushed towards each context.

    The weights go linearly from `early` (all noise) to `late` (the image), so that a context can
    rule the coarse forms or the details. Both zero: the plain conditional prediction.
    """

    early: tuple[float, ...]  # one for each context
    late: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the lengths."""
        if len(self.early) != len(self.late):
            raise OptionError("Guidance needs as many early weights as late ones.")

    def at(self, rest: float) -> tuple[float, ...]:
        """Weights when a share `rest` of the steps, 1 to 0, is still to be done."""
        return tuple(rest * a + (1 - rest) * b for a, b in zip(self.early, self.late, strict=True))


def linear_signal(steps: int, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """Share of the image in the variance after each step, for linearly rising variances of noise.

    Args:
        steps: of the diffusion. The variances are stated for 1000 steps, and are larger for
            fewer, so that the last step always is almost only noise.
        first: variance that the first step adds.
        last: variance that the last step adds.

    Returns:
        (steps,) products of 1 - variance, falling from almost 1 to almost 0.

    Raises:
        OptionError: too few steps, or variances outside (0, 1).
    """
    scale = REFERENCE / steps if steps > 0 else 0.0
    if steps < 2 or not 0 < first * scale <= last * scale < 1:
        raise OptionError(
            f"{steps} steps with variances from {first} to {last} are no schedule; with the usual "
            "variances, 25 steps or more are."
        )
    beta = torch.linspace(first * scale, last * scale, steps, dtype=torch.float64)
    return torch.cumprod(1 - beta, 0).float()


def noised(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Mix images (N, C, H, W) with noise; `signal` (N,) is the share of the image."""
    share = signal[:, None, None, None]
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def dropped(contexts: Sequence[Tensor], alone: float, together: float) -> list[Tensor]:
    """Set contexts of some rows to zero, which stands for "unknown" (global random source).

    Args:
        contexts: each (N, ...).
        alone: chance of each context to be dropped by itself.
        together: chance that all are dropped.
    """
    first = contexts[0]
    every = torch.rand(len(first), device=first.device) < together
    found = []
    for one in contexts:
        gone = every | (torch.rand(len(one), device=one.device) < alone)
        found.append(one.masked_fill(gone.view(-1, *[1] * (one.ndim - 1)), 0.0))
    return found


def velocity_loss(
    net: nn.Module,
    clean: Tensor,
    contexts: Sequence[Tensor],
    signal: Tensor,
    *,
    alone: float = 0.1,
    together: float = 0.1,
) -> Tensor:
    """Mean squared error of the velocity, at random steps: a step's loss for `fit`.

    Args:
        net: (noisy (N, C, H, W), steps (N,), *contexts) to velocities (N, C, H, W).
        clean: (N, C, H, W) in [-1, 1].
        contexts: each (N, ...); some rows are dropped, see `dropped`.
        signal: of `linear_signal`.
        alone: see `dropped`.
        together: see `dropped`.
    """
    time = torch.randint(len(signal), (len(clean),), device=clean.device)
    noise = torch.randn_like(clean)
    given = dropped(contexts, alone, together) if contexts else []
    share = signal.to(clean.device)[time]
    wanted = noised(noise, -clean, share)
    return F.mse_loss(net(noised(clean, noise, share), time, *given), wanted)


def guided(net: nn.Module, contexts: Sequence[Tensor], guidance: Guidance, steps: int) -> Predict:
    """The prediction of a network, pushed towards its contexts.

    With all contexts c, the prediction is e(c) + sum over k of w_k (e(only c_k) - e(nothing)).

    Args:
        net: see `velocity_loss`.
        contexts: each (N, ...).
        guidance: weights w_k; the network runs on one batch of all variants with a weight.
        steps: of the schedule.

    Raises:
        OptionError: not one weight for each context.
    """
    if len(guidance.early) != len(contexts):
        raise OptionError(f"{len(guidance.early)} weights for {len(contexts)} contexts.")
    nothing = [0 * one for one in contexts]  # zeros_like would fix the batch of an exported file

    def predict(noisy: Tensor, time: int) -> Tensor:
        weights = guidance.at(time / max(steps - 1, 1))
        used = [number for number, weight in enumerate(weights) if weight]
        only = [[*nothing[:k], contexts[k], *nothing[k + 1 :]] for k in used]
        variants = [list(contexts), nothing, *only] if used else [list(contexts)]
        images = torch.cat([noisy] * len(variants))
        now = torch.full_like(images[:, 0, 0, 0], time, dtype=torch.long)
        given = [torch.cat(one) for one in zip(*variants, strict=True)]
        each = cast(Tensor, net(images, now, *given)).unflatten(0, (len(variants), -1))
        found = each[0]
        for row, number in enumerate(used):
            found = found + weights[number] * (each[2 + row] - each[1])
        return found

    return predict


@torch.no_grad()
def ddim(predict: Predict, noise: Tensor, signal: Tensor, steps: int) -> Tensor:
    """Turn noise into images in few steps, without further noise.

    Args:
        predict: see `guided`.
        noise: (N, C, H, W) standard normal.
        signal: of `linear_signal`.
        steps: evenly spaced, of those of the schedule.

    Returns:
        (N, C, H, W) in [-1, 1].

    Raises:
        OptionError: fewer than one step, or more than the schedule has.
    """
    if not 1 <= steps <= len(signal):
        raise OptionError(f"{steps} steps of {len(signal)}; expected 1 to {len(signal)}.")
    times = torch.linspace(len(signal) - 1, 0, steps).round().long().tolist()
    x = noise
    for time, after in pairwise([*times, -1]):
        share = float(signal[time])
        later = float(signal[after]) if after >= 0 else 1.0
        clean = (share**0.5 * x - (1 - share) ** 0.5 * predict(x, time)).clamp(-1, 1)
        left = (x - share**0.5 * clean) / (1 - share) ** 0.5  # noise that fits the clamped image
        x = later**0.5 * clean + (1 - later) ** 0.5 * left
    return x

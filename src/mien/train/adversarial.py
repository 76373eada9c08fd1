"""An adversarial loop: a generator against a critic, with a moving average and a watch.

It stops where the critic has won or a loss is not a number. The generator ends with its moving
average, which such a step has not touched.
"""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.train.averaging import blend_weights
from mien.train.folder import RunFolder
from mien.types import OnStep

SATURATED, PATIENCE = 0.98, 200  # accuracy of the critic, and steps in a row (specification 25)
SEEKING = 0.25  # at which the pull towards variety ends
CHUNK = 50  # steps between two checkpoints


class Players(Protocol):
    """The losses of one game; a batch is drawn by the number of its step."""

    def critic_loss(self, step: int) -> tuple[Tensor, float]:
        """Loss of the critic, and the share of pictures that it judges right."""
        ...

    def generator_loss(self, step: int) -> Tensor:
        """Loss of the generator on the same batch."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Settings of the loop."""

    steps: int = 800
    generator_rate: float = 2e-4
    critic_rate: float = 4e-4
    average: float = 0.999
    seed: int = 0


@dataclass(slots=True)
class Game:
    """What happened."""

    steps: int = 0
    stopped: str = ""  # why before the last step; "": it was reached
    gradient: list[float] = field(default_factory=list)  # norm of the generator's, per step
    accuracy: list[float] = field(default_factory=list)  # of the critic, per step
    winning: int = 0  # steps in a row with a critic above SATURATED

    @property
    def gradient_ratio(self) -> float:
        """Largest gradient norm over the median one; near 1 is steady."""
        return float(np.max(self.gradient) / np.median(self.gradient)) if self.gradient else 1.0


def play(
    players: Players,
    generator: nn.Module,
    critic: nn.Module,
    pace: Pace,
    *,
    out: Path | None = None,
    config: Any = None,
    on_step: OnStep | None = None,
) -> Game:
    """Train both networks in place; the generator ends with its moving average, in eval mode.

    Args:
        players: the losses.
        generator: created after `seeded`.
        critic: the same.
        pace: settings.
        out: run folder; a checkpoint of the same config is resumed, with the same result.
        config: defines networks and data; compared on resuming.
        on_step: called after each step.

    Returns:
        The game; `stopped` says whether the critic won, or which loss was not a number.

    Source: hinge losses and two rates as in arXiv:1805.08318; Adam with betas 0 and 0.9.
    """
    state = _State(players, generator, critic, pace)
    folder = RunFolder(out, config, asdict(pace), writes=True)
    state.load(folder.resume())
    game = state.game
    generator.train()
    critic.train()
    while game.steps < pace.steps and not game.stopped:
        # Each chunk has its own random numbers, so one that was interrupted is run again.
        torch.manual_seed(pace.seed * 1_000_003 + game.steps)
        for step in range(game.steps, min(game.steps + CHUNK, pace.steps)):
            if game.stopped:
                break
            state.step(step)
            if on_step:
                on_step("adversarial steps", game.steps, pace.steps)
        folder.save(state.save, state.rows())
    generator.load_state_dict(state.average.state_dict())
    generator.eval()
    critic.eval()
    return game


class _State:
    """Networks, optimisers, average and record: the content of a checkpoint."""

    def __init__(
        self, players: Players, generator: nn.Module, critic: nn.Module, pace: Pace
    ) -> None:
        self.players, self.pace, self.game = players, pace, Game()
        self.generator, self.critic = generator, critic
        self.average = copy.deepcopy(generator)
        rates = (pace.generator_rate, pace.critic_rate)
        self.optimisers = [
            torch.optim.Adam(net.parameters(), lr=rate, betas=(0.0, 0.9))
            for net, rate in zip((generator, critic), rates, strict=True)
        ]

    def step(self, number: int) -> None:
        """One step of the critic and one of the generator; none of them on a loss that is lost."""
        game = self.game
        for_generator, for_critic = self.optimisers
        loss, accuracy = self.players.critic_loss(number)
        if not self._finite(loss, "critic", number):
            return
        for_critic.zero_grad()
        loss.backward()
        for_critic.step()
        loss = self.players.generator_loss(number)
        if not self._finite(loss, "generator", number):
            return
        for_generator.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.generator.parameters(), torch.inf)
        if not self._finite(norm, "generator's gradient", number):
            return
        for_generator.step()
        blend_weights(self.average, self.generator, self.pace.average, number)
        game.gradient.append(float(norm))
        game.accuracy.append(accuracy)
        game.winning = game.winning + 1 if accuracy > SATURATED else 0
        game.steps = number + 1
        if game.winning >= PATIENCE:
            game.stopped = (
                f"the critic was right in more than {SATURATED:.0%} of the pictures for {PATIENCE} "
                f"steps, up to step {game.steps}; the moving average of the generator is kept"
            )

    def _finite(self, value: Tensor, whose: str, number: int) -> bool:
        if torch.isfinite(value):
            return True
        self.game.stopped = (
            f"the loss of the {whose} is {float(value.detach())} at step {number + 1}; the moving "
            "average of the generator before it is kept"
        )
        return False

    def rows(self) -> list[dict[str, float]]:
        """Means of the chunks, for the log and its curves."""
        record = zip(self.game.gradient, self.game.accuracy, strict=True)
        chunks = np.array([*record]).reshape(-1, 2)
        return [
            {"epoch": number + 1.0, "gradient": float(part[0]), "critic": float(part[1])}
            for number, part in enumerate(
                chunks[k : k + CHUNK].mean(0) for k in range(0, len(chunks), CHUNK)
            )
        ] or [{"epoch": 0.0, "gradient": 0.0, "critic": 0.0}]

    def save(self) -> dict[str, Any]:
        """The whole state, as content of a file."""
        nets = {"generator": self.generator, "critic": self.critic, "average": self.average}
        return {
            **{name: net.state_dict() for name, net in nets.items()},
            "optimisers": [one.state_dict() for one in self.optimisers],
            "game": asdict(self.game),
        }

    def load(self, saved: Mapping[str, Any] | None) -> None:
        """Restore the state from a file, if there is one."""
        if saved is None:
            return
        self.generator.load_state_dict(saved["generator"])
        self.critic.load_state_dict(saved["critic"])
        self.average.load_state_dict(saved["average"])
        for one, given in zip(self.optimisers, saved["optimisers"], strict=True):
            one.load_state_dict(given)
        self.game = Game(**saved["game"])


def hinge(real: Tensor, fake: Tensor) -> tuple[Tensor, float]:
    """Hinge loss of a critic, and the share of pictures that it judges right.

    Args:
        real: (N,) logits of real pictures.
        fake: (M,) logits of generated ones.
    """
    loss = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
    return loss, float(right)


def mode_seeking(first: Tensor, second: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
    """Mean change of pictures per change of noise, at most 0.25: subtract it from a loss.

    Args:
        first: (N, C, H, W) pictures of the noise z1.
        second: the same, of z2.
        z1: (N, D).
        z2: (N, D).

    Source: Mao et al., "Mode seeking generative adversarial networks", CVPR 2019, with mean
    absolute differences, and a limit so that variety is not bought with noise.
    """
    change = (first - second).abs().mean((1, 2, 3)) / (z1 - z2).abs().mean(1).clamp(min=1e-6)
    return change.clamp(max=SEEKING).mean()

"""Two games for the adversarial loop that learn to vary faces: by pairs, and by class."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.train.adversarial import hinge, mode_seeking
from mien.train.augment import Augment
from mien.train.faces import tensor
from mien.types import Pixels

CHANGES = Augment(flip=0.5, shift=0.08, light=0.12, contrast=0.15)  # seen by a critic


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the generator's losses, besides that of the critic."""

    identity: float = 0.5
    salience: float = 1.0
    variety: float = 0.5


class PairGame:
    """Mode `image`: the critic sees (x, another picture x') or (x, G(x, z)) of one person."""

    def __init__(
        self,
        images: Pixels,
        label: NDArray[np.int64],
        generator: nn.Module,
        critic: nn.Module,
        frozen: nn.Module,
        noise: int,
        *,
        batch: int = 16,
        seed: int = 0,
        weights: Weights | None = None,
    ) -> None:
        """Prepare a game.

        Args:
            images: (N, 32, 32, 3) of people with two images or more.
            label: (N,) classes.
            generator: in training.
            critic: of six channels; its first output is the logit of "real".
            frozen: recogniser of these people, which does not change. It has `early` and `late`,
                from pixels to features (N, C, H, W) and from these to vectors, and `person`.
            noise: values of noise.
            batch: pairs per step.
            seed: of pairs and noise.
            weights: of the losses.
        """
        self.pixels, self.label = tensor(images), torch.from_numpy(label)
        self.by = [np.flatnonzero(label == k) for k in range(int(label.max()) + 1)]
        self.generator, self.critic, self.frozen = generator, critic, frozen.eval()
        self.noise = noise
        self.frozen.requires_grad_(False)
        self.batch, self.seed, self.weights = batch, seed, weights or Weights()
        self.maps = self._mean_maps()

    @torch.no_grad()
    def _mean_maps(self) -> Tensor:
        """(K, C, H, W) mean early features of each person."""
        found = torch.cat([self.frozen.early(part) for part in self.pixels.split(256)])
        return torch.stack([found[torch.from_numpy(rows)].mean(0) for rows in self.by])

    def draw(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x, x', the person, and two noises (2, N, D) of a step."""
        rng = np.random.default_rng([self.seed, step, 311])
        able = [k for k, rows in enumerate(self.by) if len(rows) > 1]
        who = rng.choice(able, self.batch)
        rows = np.stack([rng.choice(self.by[k], 2, replace=False) for k in who])
        x, other = (self.pixels[torch.from_numpy(rows[:, side])] for side in (0, 1))
        mirror = torch.from_numpy(rng.random(self.batch) < 0.5)[:, None, None, None]
        x, other = (torch.where(mirror, one.flip(-1), one) for one in (x, other))
        z = torch.from_numpy(rng.normal(size=(2, self.batch, self.noise)).astype(np.float32))
        return x, other, torch.from_numpy(who), z

    def critic_loss(self, step: int) -> tuple[Tensor, float]:
        """Hinge loss; real and generated pairs are separate batches."""
        x, other, _, z = self.draw(step)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            fake = self.generator(x, z[0]).float()
        real = self.critic(torch.cat([x, other], 1))[0]
        return hinge(real, self.critic(torch.cat([x, fake], 1))[0])

    def generator_loss(self, step: int) -> Tensor:
        """Adversarial loss, identity, salient features and variety."""
        x, other, who, z = self.draw(step)
        with torch.autocast("cpu", torch.bfloat16):
            both = self.generator(torch.cat([x, x]), torch.cat([z[0], z[1]])).float()
        made, second = both.chunk(2)
        early = self.frozen.early(made)
        vector = F.normalize(self.frozen.late(early))
        with torch.no_grad():
            wanted = F.normalize(self.frozen.late(self.frozen.early(other)))
        loss = -self.critic(torch.cat([x, made], 1))[0].mean()
        loss = loss + self.weights.identity * (1 - (vector * wanted).sum(1)).mean()
        if self.weights.salience:
            kept = self._salient(early, who) * (early - self.maps[who])
            loss = loss + self.weights.salience * kept.abs().mean()
        return loss - self.weights.variety * mode_seeking(made, second, z[0], z[1])

    def _salient(self, early: Tensor, who: Tensor) -> Tensor:
        """Absolute gradient of the person's logit by the early features, mean 1, stopped."""
        given = early.detach().requires_grad_()
        logits = self.frozen.person(F.normalize(self.frozen.late(given)))
        [found] = torch.autograd.grad(logits.gather(1, who[:, None]).sum(), given)
        size = found.abs()
        return size / size.mean((1, 2, 3), keepdim=True).clamp(min=1e-9)


class ClassGame:
    """Mode `class`: pictures of the people of the training, from noise and a number."""

    def __init__(
        self,
        images: Pixels,
        label: NDArray[np.int64],
        generator: nn.Module,
        critic: nn.Module,
        noise: int,
        *,
        batch: int = 16,
        seed: int = 0,
    ) -> None:
        """Prepare a game; the critic has three channels, and a class per person."""
        self.pixels, self.label = tensor(images), torch.from_numpy(label)
        self.generator, self.critic, self.noise = generator, critic, noise
        self.batch, self.seed, self.weights = batch, seed, Weights()

    def _draw(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, step, 313])
        rows = torch.from_numpy(rng.choice(len(self.label), self.batch))
        z = torch.from_numpy(rng.normal(size=(2, self.batch, self.noise)).astype(np.float32))
        return self.pixels[rows], self.label[rows], z

    def _changed(self, x: Tensor, step: int) -> Tensor:
        """Differentiable changes of what the critic sees: DiffAugment, arXiv:2006.10738."""
        generator = torch.Generator().manual_seed(self.seed * 10_000_019 + step)
        return 2 * CHANGES((x + 1) / 2, generator) - 1

    def critic_loss(self, step: int) -> tuple[Tensor, float]:
        """Hinge loss, and naming the person of real pictures."""
        x, who, z = self._draw(step)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            fake = self.generator(z[0], who).float()
        real, person = self.critic(self._changed(x, 2 * step))
        loss, accuracy = hinge(real, self.critic(self._changed(fake, 2 * step + 1))[0])
        return loss + 0.5 * F.cross_entropy(person, who), accuracy

    def generator_loss(self, step: int) -> Tensor:
        """Adversarial loss, identity and variety."""
        _, who, z = self._draw(step)
        with torch.autocast("cpu", torch.bfloat16):
            both = self.generator(torch.cat([z[0], z[1]]), torch.cat([who, who])).float()
        made, second = both.chunk(2)
        real, person = self.critic(self._changed(made, 2 * step + 1))
        loss = -real.mean() + self.weights.identity * F.cross_entropy(person, who)
        return loss - self.weights.variety * mode_seeking(made, second, z[0], z[1])

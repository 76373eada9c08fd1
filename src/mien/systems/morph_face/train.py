"""Train the diffusion of virtual people: mien train morph-face --out runs/morph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.systems.morph_face.data import People, people
from mien.systems.morph_face.make import DRAWS, packed
from mien.systems.morph_face.model import (
    FEW,
    STEPS,
    Classifier,
    Denoiser,
    Invented,
    Recogniser,
    Regressor,
    Sampler,
)
from mien.train import Augment, Batches, adamw, export, fit, predict_batches, seeded, tensor
from mien.train.diffusion import Guidance, ddim, guided, linear_signal, velocity_loss
from mien.types import Floats, OnStep, Pixels

SHOTS = 4  # pictures whose mean vector stands for a person
FEWEST = 8  # people
PART = 12  # pictures that are drawn at once; more are slower on a CPU
AVERAGE = 0.998  # decay of the moving average of the weights
CHANGES = Augment(flip=0.0, shift=0.06, light=0.1, contrast=0.1)
WEIGHT = 0.5  # of guidance
# Weights of person and style, at the start (noise) and at the end (picture) of the sampling.
GUIDANCE = {
    "none": Guidance((0.0, 0.0), (0.0, 0.0)),
    "plain": Guidance((WEIGHT, WEIGHT), (WEIGHT, WEIGHT)),
    "blending": Guidance((0.0, 2 * WEIGHT), (2 * WEIGHT, 0.0)),
    "reversed": Guidance((2 * WEIGHT, 0.0), (0.0, 2 * WEIGHT)),
}


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    people: int = 120  # rendered people
    each: int = 12  # pictures of each
    warm: int = 800  # steps of the recogniser
    steps: int = 2200  # of the diffusion
    batch: int = 24  # pictures in a step
    seed: int = 0  # of weights, order and noise


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Learn from rendered people, and write the sampler of people who do not exist.

    Args:
        config: settings.
        data: must be None: no real faces are learnt, since their vectors could be put in.
        out: run folder.
        on_step: progress.

    Returns:
        What was learnt from.

    Raises:
        TrainingError: data, fewer than 8 people, or fewer than 2 pictures of each.
    """
    if data is not None:
        raise TrainingError("morph-face learns from rendered people only; leave --data out.")
    if config.people < FEWEST or config.each < 2:
        raise TrainingError(
            f"{config.people} people with {config.each} pictures are too few; {FEWEST} people with "
            "2 pictures are needed."
        )
    given = people(config.people, config.each, 0, out / "people.npz", on_step)
    face = recogniser(given, config, on_step=on_step)
    net = denoiser(given, face, config, out, on_step)
    known = torch.from_numpy(centres(embedded(face, given.images), given.who))
    rng = np.random.default_rng(401)
    noise = rng.normal(size=(4, 3, *given.maps.shape[1:3])).astype(np.float32)
    some = packed(rng.normal(size=DRAWS).astype(np.float32), given.maps[:4], noise)
    sampler = Sampler(net, known, GUIDANCE["blending"])
    export(sampler, out / "weights.onnx", torch.from_numpy(some), outputs=("y",))
    return {"people": config.people, "images": len(given.who)}


def recogniser(
    given: People, config: Config, widths: Sequence[int] = (32, 64, 96),
    on_step: OnStep | None = None,
) -> Recogniser:  # fmt: skip
    """Train a recogniser of the people of a set."""
    seeded(config.seed)
    net = Classifier(int(given.who.max()) + 1, widths)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(model(2 * batch[0] - 1, batch[1]), batch[1])

    _fit(step, net, (_bytes(given.images), torch.from_numpy(given.who)), config, on_step)
    return net.face


def regressor(given: People, config: Config, on_step: OnStep | None = None) -> Regressor:
    """Train a regressor of styles, in units of their standard deviations in the set."""
    seeded(config.seed)
    net = Regressor()
    wanted = (given.styles - given.styles.mean(0)) / given.styles.std(0)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.mse_loss(model(2 * batch[0] - 1), batch[1])

    columns = (_bytes(given.images), torch.from_numpy(wanted.astype(np.float32)))
    _fit(step, net, columns, config, on_step, still=True)
    return net


def _fit(  # type: ignore[no-untyped-def]
    step, net: nn.Module, columns: tuple[Tensor, ...], config: Config,
    on_step: OnStep | None, still: bool = False,
) -> None:  # fmt: skip
    """`warm` steps of 64 changed pictures; `still`: without shifts and changes of light."""
    change = Augment(flip=0.0) if still else CHANGES
    batches = Batches(*columns, size=64, seed=config.seed, change=change)
    fit(step, net, batches, adamw(net, 3e-3, 0.05), epochs=max(1, config.warm // len(batches)),
        seed=config.seed, on_step=on_step)  # fmt: skip


def denoiser(
    given: People, face: Recogniser, config: Config, out: Path | None = None,
    on_step: OnStep | None = None,
) -> Denoiser:  # fmt: skip
    """Train the diffusion on pictures, their maps and vectors of other pictures.

    A picture is paired with the mean vector of other pictures of the person, so that the vector
    does not contain its style.
    """
    seeded(config.seed)
    net, signal = Denoiser(), linear_signal(STEPS)
    vectors = torch.from_numpy(embedded(face, given.images))
    others = [torch.from_numpy(np.flatnonzero(given.who == one)) for one in given.who]
    pictures, maps = tensor(given.images), tensor(given.maps)

    def step(model: nn.Module, batch: tuple[Tensor]) -> Tensor:
        drawn = torch.stack([_others(others[int(row)], int(row)) for row in batch[0]])
        who = F.normalize(vectors[drawn].mean(1))
        return velocity_loss(model, pictures[batch[0]], (who, maps[batch[0]]), signal)

    rows = Batches(torch.arange(len(pictures)), size=config.batch, seed=config.seed)
    fit(step, net, rows, adamw(net, 2e-3, 0.0), epochs=max(1, config.steps // len(rows)),
        seed=config.seed, average=AVERAGE, clip=1.0, out=out, config=config,
        on_step=on_step)  # fmt: skip
    return net


def _others(own: Tensor, row: int) -> Tensor:
    """SHOTS rows of a person other than `row`, with repetition (global random source)."""
    able = own[own != row]
    return able[torch.randint(len(able), (SHOTS,))]


def embedded(face: Recogniser, images: Pixels) -> Floats:
    """(N, 32) unit vectors of (N, 24, 24, 3)."""
    return np.asarray(predict_batches(face, images, tensor, 256).numpy(), np.float32)


def centres(vectors: Floats, who: NDArray[np.int64]) -> Floats:
    """(K, D) unit mean vectors of people 0 to K - 1."""
    means = np.stack([vectors[who == one].mean(0) for one in range(int(who.max()) + 1)])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def invented(known: Floats, count: int, seed: int) -> Floats:
    """(count, 32) unit vectors of people who are near none of the known ones (K, 32)."""
    draws = torch.randn(count, *DRAWS, generator=torch.Generator().manual_seed(seed))
    return np.asarray(Invented(torch.from_numpy(known))(draws).numpy(), np.float32)


def sampled(
    net: Denoiser, who: Floats, maps: Pixels, guidance: Guidance, seed: int, steps: int = FEW
) -> Pixels:
    """Draw pictures.

    Args:
        net: trained.
        who: (N, 32) unit vectors.
        maps: (N, 24, 24, 3) styles.
        guidance: see GUIDANCE.
        seed: of the noise.
        steps: of the sampler.

    Returns:
        (N, 24, 24, 3).
    """
    signal, noise = linear_signal(STEPS), torch.Generator().manual_seed(seed)
    start = torch.randn(len(who), 3, *maps.shape[1:3], generator=noise)
    parts = []
    for k in range(0, len(who), PART):
        contexts = (torch.from_numpy(who[k : k + PART]), tensor(maps[k : k + PART]))
        predict = guided(net, contexts, guidance, STEPS)
        parts.append(ddim(predict, start[k : k + PART], signal, steps))
    grey = ((torch.cat(parts) + 1) * 127.5).round().permute(0, 2, 3, 1)
    return np.asarray(grey.numpy(), np.uint8)


def _bytes(images: Pixels) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

"""Train a generator and a recogniser: mien train gan-augment --data small_set --out runs/gan."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.contracts import Embedder
from mien.decision import find_calibration
from mien.errors import TrainingError
from mien.systems.gan_augment.data import (
    People,
    Pool,
    few_of_each,
    probabilities,
    read_people,
    rendered_people,
    weighed,
    with_at_least,
)
from mien.systems.gan_augment.gates import matching_people, means_of, vectors
from mien.systems.gan_augment.make import NOISE, SIDE
from mien.systems.gan_augment.model import Classifier, Critic, Generator, Packed, Recogniser
from mien.train import Augment, Batches, adamw, export, fit, predict_batches, seeded, tensor
from mien.train.adversarial import Game, Pace, play
from mien.train.finish import UNSTATED
from mien.train.players import CHANGES, PairGame, Weights
from mien.types import Floats, OnStep, Pixels
from mien.zoo import DETECTOR, EMBEDDER, Card, File, find, load, write_card
from mien.zoo.runs import CARD
from mien.zoo.weights.cache import sha256_of

Augmentation = Literal["none", "classic", "gan", "both"]
SAME = Augment(flip=0.0)
SHARE = 0.5  # of generated images in a batch at the end of the training
RISE = 0.5  # share of the training over which it rises from 0
TOLERANCE = 2e-3  # of pixels in [-1, 1]: instance norms of flat channels amplify rounding
FEWEST = 8  # base people with two images or more


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    augment: Augmentation = "both"  # what the recogniser learns from besides the images
    few: int = 0  # images of each person in the training, the rest tests it; 0: all
    base: str = ""  # folder of other people, from whom the generator learns; "": rendered people
    layout: str = ""  # of --data: a folder per person, "lfw", or a layout such as taiwan
    base_layout: str = ""  # of base
    rendered: int = 120  # rendered people
    each: int = 6  # images of each rendered person
    per_id: int = 40  # generated images of each person
    warm: int = 900  # steps of the recogniser of the base people
    steps: int = 500  # adversarial steps
    learn: int = 300  # steps of the recogniser
    batch: int = 16  # pairs in an adversarial step
    residual: bool = True  # False: blocks without identity path (ablation)
    salience: bool = True  # False: without preservation of salient features (ablation)
    seed: int = 0  # of weights, images and noise


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What was learnt from the base people."""

    people: People
    frozen: Classifier
    generator: Generator = field(default_factory=Generator)
    critic: Critic = field(default_factory=lambda: Critic(6))
    game: Game = field(default_factory=Game)


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Learn from base people how faces vary; then train a recogniser of the people of `data`.

    Args:
        config: settings.
        data: few images of each person; None: rendered people.
        out: run folder of the generator; its folder `recognizer` is that of an embedder.
        on_step: progress.

    Returns:
        What was learnt from, what the watch reported, and accuracies on the images that are left.

    Raises:
        TrainingError: too few people, or a base without pairs of images.
    """
    people = _people(config, data, out, on_step)
    drawn_rows = few_of_each(people.who, config.few or len(people.who), config.seed)
    few, rest = (people.rows(rows) for rows in drawn_rows)
    found = _report(few)
    base = base_of(config, _base(config, few, out, on_step), out, on_step)
    pool = pool_of(base, few, config.per_id, config.seed)
    net = trained(few.small, few.numbers, augment=config.augment, pool=pool, steps=config.learn,
                  seed=config.seed, on_step=on_step)  # fmt: skip
    some = _packed(few.small[:4])
    export(Packed(base.generator), out / "weights.onnx", some, outputs=("y",), tolerance=TOLERANCE)
    write_recogniser(net, out / "recognizer", some[:, :3], data)
    found |= {"base people": len(np.unique(base.people.who)), "watch": base.game.stopped or "none",
              "adversarial steps": base.game.steps, "critic": _last(base.game.accuracy),
              "generated": len(pool.label),
              "accepted by the gate": float((pool.weight > 0).mean())}  # fmt: skip
    if len(rest.who):
        right = named(net, rest.small) == np.searchsorted(np.unique(few.who), rest.who)
        found |= {"accuracy": float(right.mean()), "tested on": len(rest.who),
                  "nearest mean of the default embedder": rival(few, rest)}  # fmt: skip
    return found


def write_recogniser(net: Classifier, out: Path, some: Tensor, data: Path | None) -> None:
    """Write a recogniser as a run folder, which every command takes as an embedder."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "weights.onnx"
    export(net.face, path, some, outputs=("y",))
    sha256, about = sha256_of(path), data.resolve().name if data else "synthetic data"
    card = Card(
        name=f"gan-recognizer-{sha256[:6]}",
        kind="embedder",
        task="embed",
        entry="mien.systems.gan_augment.recognise:SmallRecogniser",
        licence=UNSTATED if data else "Apache-2.0",
        commercial="unknown" if data else True,
        trained_on=f"{about}, by: mien train gan-augment",
        paper=find("gan-augment").paper,
        files=(File(source="beside:weights.onnx", sha256=sha256, size=path.stat().st_size),),
    )
    write_card(card, out / CARD)


def _people(config: Config, data: Path | None, out: Path, on_step: OnStep | None) -> People:
    if data is None:
        return rendered_people(12, 8, config.seed + 1, on_step)
    people = read_people(data, out / "people", config.layout, on_step)
    if len(np.unique(people.who)) < 2:
        raise TrainingError(f"{data} shows one person; a recogniser needs two folders or more.")
    return people


def _base(config: Config, few: People, out: Path, on_step: OnStep | None) -> People:
    """The base people; a name that is in both sets is not one of them."""
    if not config.base:
        return rendered_people(config.rendered, config.each, config.seed, on_step)
    people = read_people(Path(config.base), out / "base", config.base_layout, on_step)
    return with_at_least(people.rows(~np.isin(people.who, few.who)), 2)


def _report(few: People) -> dict[str, Any]:
    """What a user should know about the set: people with one image, and folders of one face."""
    names, counts = np.unique(few.who, return_counts=True)
    embedder: Embedder = load(EMBEDDER)
    calibration = find_calibration(embedder.contract, DETECTOR)
    same = matching_people(vectors(embedder, few.images), few.who, calibration)
    return {"people": len(names), "images": len(few.who),
            "people with one image": int((counts == 1).sum()),
            "perhaps one person": [" and ".join(pair) for pair in same]}  # fmt: skip


def base_of(
    config: Config, people: People, out: Path | None = None, on_step: OnStep | None = None,
    frozen: Classifier | None = None,
) -> Base:  # fmt: skip
    """Train the frozen recogniser and the generator on base people.

    Raises:
        TrainingError: fewer than 8 people have two images.
    """
    _, counts = np.unique(people.who, return_counts=True)
    if (counts >= 2).sum() < FEWEST:
        raise TrainingError(
            f"{int((counts >= 2).sum())} base people have two images or more; the generator needs "
            f"{FEWEST}, as it learns from pairs. Name another folder: --set base=FOLDER."
        )
    images, label = people.small, people.numbers
    if frozen is None:
        frozen = trained(images, label, augment="classic", steps=config.warm, batch=64,
                         seed=config.seed, on_step=on_step)  # fmt: skip
    seeded(config.seed)
    generator, critic = Generator(residual=config.residual), Critic(6)
    generator.to(memory_format=torch.channels_last)
    game = PairGame(
        images, label, generator, critic, frozen, NOISE, batch=config.batch, seed=config.seed,
        weights=Weights(salience=1.0 if config.salience else 0.0),
    )  # fmt: skip
    played = play(
        game, generator, critic, Pace(steps=config.steps, seed=config.seed),
        out=out / "generator" if out else None, config=asdict(config), on_step=on_step,
    )  # fmt: skip
    return Base(people, frozen, generator, critic, played)


def pool_of(base: Base, few: People, per_id: int, seed: int) -> Pool:
    """Generate images of new people, with weights by the critic and the frozen recogniser."""
    return weighed_by(base, few, *drawn_for(base, few, per_id, seed))


def drawn_for(base: Base, few: People, per_id: int, seed: int) -> tuple[Pixels, NDArray[np.int64]]:
    """About `per_id` images of each person, and the rows of their sources."""
    each = max(1, round(per_id * len(np.unique(few.who)) / len(few.who)))
    return drawn(base.generator, few.small, each, seed)


def weighed_by(
    base: Base, few: People, made: Pixels, source: NDArray[np.int64], *, shift: int = 0
) -> Pool:
    """Weights of generated images; `shift` moves their labels to other people (a control)."""
    label = (few.numbers[source] + shift) % (few.numbers.max() + 1)
    means = means_of(embedded(base.frozen.face, few.small), few.who)[1]
    chance = probabilities(embedded(base.frozen.face, made), means)
    judged = judged_pairs(base.critic, few.small[source], made)
    return weighed(made, label, chance[np.arange(len(label)), label], judged)


def rival(few: People, rest: People) -> float:
    """Accuracy of the nearest mean of the default embedder, on the faces of 128 px."""
    embedder = load(EMBEDDER)
    return nearest_mean(vectors(embedder, few.images), few.who,
                        vectors(embedder, rest.images), rest.who)  # fmt: skip


def nearest_mean(
    known: Floats, who: NDArray[np.str_], probes: Floats, truth: NDArray[np.str_]
) -> float:
    """Share of probes whose nearest mean is that of their person."""
    names, means = means_of(known, who)
    return float((names[(probes @ means.T).argmax(1)] == truth).mean())


def _packed(images: Pixels) -> torch.Tensor:
    """(N, 4, 32, 32) real faces with noise, as an example for the export."""
    rng = np.random.default_rng(353)
    packed = rng.normal(size=(len(images), 4, SIDE, SIDE)).astype(np.float32)
    packed[:, :3] = images.transpose(0, 3, 1, 2) / 127.5 - 1
    return torch.from_numpy(packed)


def _last(values: list[float], count: int = 50) -> float:
    return float(np.mean(values[-count:])) if values else 0.0


@torch.no_grad()
def drawn(
    generator: Generator, images: Pixels, count: int, seed: int
) -> tuple[Pixels, NDArray[np.int64]]:
    """Generate `count` images of each picture: (M, 32, 32, 3), and the rows of the sources."""
    source = np.repeat(np.arange(len(images)), count)
    rng = np.random.default_rng([seed, 317])
    z = rng.normal(size=(len(source), NOISE)).astype(np.float32)
    found = [
        generator(tensor(images[source[k : k + 256]]), torch.from_numpy(z[k : k + 256]))
        for k in range(0, len(source), 256)
    ]
    return pixels_of(torch.cat(found)), source


def pixels_of(found: Tensor) -> Pixels:
    """(N, 3, S, S) in [-1, 1] to (N, S, S, 3)."""
    grey = ((found.clamp(-1, 1) + 1) * 127.5).round()
    return np.asarray(grey.permute(0, 2, 3, 1).numpy(), np.uint8)


@torch.no_grad()
def judged_pairs(critic: nn.Module, images: Pixels, made: Pixels) -> Floats:
    """(M,) logits of the critic of pairs; both (M, 32, 32, 3)."""
    both = tensor(np.concatenate([images, made], -1))
    return np.concatenate([critic(part)[0].numpy() for part in both.split(256)])


def trained(
    images: Pixels,
    label: NDArray[np.int64],
    *,
    augment: Augmentation,
    pool: Pool | None = None,
    steps: int = 400,
    batch: int = 48,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Classifier:
    """Train a recogniser from scratch.

    Args:
        images: (N, 32, 32, 3) real faces.
        label: (N,) classes from 0.
        augment: classic changes, generated images, both, or none.
        pool: the generated images.
        steps: of the training.
        batch: images per step, real and generated together.
        seed: of weights, order and changes.
        on_step: progress.
    """
    seeded(seed)
    net = Classifier(int(label.max()) + 1)
    made = Drawn(pool, steps, seed) if pool is not None and augment in ("gan", "both") else None
    change = CHANGES if augment in ("classic", "both") else SAME
    rows = torch.arange(steps * batch) % len(images)
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    order = torch.cat([torch.randperm(len(images), generator=_seed(seed, k))
                       for k in range(-(-len(rows) // len(images)))])[: len(rows)]  # fmt: skip
    count = [0]

    def step(model: nn.Module, given: tuple[Tensor]) -> Tensor:
        real = given[0]
        x, y, weight = pixels[real], torch.from_numpy(label)[real], torch.ones(len(real))
        if made:
            fake = made.rows(count[0], len(real))
            x, y = torch.cat([x[: len(real) - len(fake[0])], fake[0]]), torch.cat(
                [y[: len(real) - len(fake[0])], fake[1]])  # fmt: skip
            weight = torch.cat([weight[: len(real) - len(fake[0])], fake[2]])
        x = 2 * change(x, _seed(seed, 1_000_000 + count[0])) - 1
        count[0] += 1
        loss = F.cross_entropy(model(x), y, reduction="none")
        return (loss * weight).sum() / weight.sum().clamp(min=1.0)

    fit(step, net, Batches(order, size=batch, seed=seed), adamw(net, 3e-3, 0.05), epochs=1,
        seed=seed, precision="bf16", on_step=on_step)  # fmt: skip
    return net


class Drawn:
    """Generated images of each step; their share rises."""

    def __init__(self, pool: Pool, steps: int, seed: int) -> None:
        self.images = torch.from_numpy(pool.images.transpose(0, 3, 1, 2).copy())
        self.label = torch.from_numpy(pool.label)
        self.weight = torch.from_numpy(pool.weight.astype(np.float32))
        self.steps, self.seed = steps, seed

    def rows(self, number: int, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels, classes and weights of step `number`."""
        share = SHARE * min(1.0, number / max(RISE * self.steps, 1))
        able = torch.nonzero(self.weight > 0)[:, 0]
        if not len(able):
            return self.images[:0], self.label[:0], self.weight[:0]
        draw = torch.randint(len(able), (round(share * batch),),
                             generator=_seed(self.seed, 2_000_000 + number))  # fmt: skip
        rows = able[draw]
        return self.images[rows], self.label[rows], self.weight[rows]


def _seed(seed: int, number: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 10_000_019 + number)


def embedded(net: Recogniser, images: Pixels) -> Floats:
    """(N, 64) unit vectors of (N, 32, 32, 3) faces."""
    return np.asarray(predict_batches(net, images, tensor, 256).numpy(), np.float32)


def named(net: Classifier, images: Pixels) -> NDArray[np.int64]:
    """(N,) classes."""
    return np.asarray(predict_batches(net, images, tensor, 256).argmax(1).numpy())

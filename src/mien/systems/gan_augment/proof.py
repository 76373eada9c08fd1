"""Proof: what generated images add to a recogniser of people with two images each.

mien systems prove gan-augment --data DATA --out FOLDER
DATA holds lfw_gray and taiwan, unpacked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from mien.metrics import kernel_distance
from mien.systems.gan_augment.data import (
    People,
    Pool,
    few_of_each,
    grey,
    read_people,
    rendered_people,
    weighed,
    with_at_least,
)
from mien.systems.gan_augment.gates import means_of, vectors
from mien.systems.gan_augment.make import ZOOM
from mien.systems.gan_augment.model import CLASS_NOISE, ClassGenerator, Classifier, Critic
from mien.systems.gan_augment.train import (
    Augmentation,
    Base,
    Config,
    base_of,
    drawn_for,
    embedded,
    named,
    nearest_mean,
    pixels_of,
    trained,
    weighed_by,
)
from mien.train import seeded, tensor
from mien.train.adversarial import Pace, play
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.kept import code_key, digest_of, kept_arrays
from mien.train.players import ClassGame
from mien.train.proofs import Part
from mien.types import Floats, OnStep, Pixels
from mien.zoo import EMBEDDER, load

EACH, SEEDS = 2, 3  # images of a person in the training; repetitions
MANY = 7  # images from which on a person of LFW is one of the new people
LEAST = 2  # images of a base person
PER_ID = 40
FEWER = 2  # repetitions of the parts that take longest
RENDERED = ((60, 5, 0), (25, 6, 1))  # people, images of each and seed: base people, new people
CLASS_STEPS = 400
NONE, CLASSIC, GAN, BOTH = "none", "classic", "GAN", "GAN and classic"
CLASS, CLASS_BOTH = "class mode", "class mode and classic"
SHUFFLED = "classic, labels shuffled (control)"
FROZEN, HOUSE = "nearest mean, recogniser of the base people", "nearest mean, default embedder"
FULL, PLAIN, BARE = "full", "without identity path", "without salience"
Kind = Literal["train", "class", "frozen", "house"]
Make = Callable[[], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Arm:
    """How faces are recognised."""

    augment: Augmentation = "none"
    kind: Kind = "train"
    shuffled: bool = False
    learn: int = 300  # steps of the recogniser
    config: Config = field(default_factory=Config)  # of the generator


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Base people, new people by the house embedder, and where results are kept."""

    base: People
    new: People
    house: Floats  # (N, D) of the new people, by the default embedder, at 128 px
    out: Path | None = None


def recognition(arm: Arm, seed: int, given: Sets) -> dict[str, float]:
    """Closed-set accuracy on the images that are not in the training, percent."""
    few_rows, rest_rows = few_of_each(given.new.who, EACH, seed)
    few, rest = given.new.rows(few_rows), given.new.rows(rest_rows)
    if arm.kind == "house":
        return {"right": 100 * nearest_mean(given.house[few_rows], few.who,
                                            given.house[rest_rows], rest.who)}  # fmt: skip
    if arm.kind == "frozen":
        face = frozen_of(arm.config, given).face
        return {"right": 100 * nearest_mean(embedded(face, few.small), few.who,
                                            embedded(face, rest.small), rest.who)}  # fmt: skip
    pool = None
    if arm.kind == "class":
        kept = _arrays(f"class-{seed}-{arm.config.steps}", (seed, arm.config.steps), given,
                       lambda: asdict(class_pool(arm, few, seed)))  # fmt: skip
        pool = Pool(**kept)
    elif arm.augment in ("gan", "both"):
        pool = pair_pool(arm, few, seed, given)
    label = few.numbers
    if arm.shuffled:
        label = np.random.default_rng([seed, 359]).permutation(label)
    net = trained(few.small, label, augment=arm.augment, pool=pool, steps=arm.learn,
                  seed=seed)  # fmt: skip
    return {"right": 100 * float((named(net, rest.small) == rest.numbers).mean())}


def pair_pool(arm: Arm, few: People, seed: int, given: Sets) -> Pool:
    """The images that a generator of this seed makes of the new people."""
    base = generator_of(arm.config, seed, given)
    return weighed_by(base, few, *drawn_for(base, few, PER_ID, seed))


def class_pool(arm: Arm, few: People, seed: int) -> Pool:
    """The images that a generator of mode `class` makes, judged by its critic."""
    classes = int(few.numbers.max()) + 1
    seeded(seed)
    generator, critic = ClassGenerator(classes), Critic(3, classes)
    game = ClassGame(few.small, few.numbers, generator, critic, CLASS_NOISE, seed=seed)
    play(game, generator, critic, Pace(steps=min(CLASS_STEPS, arm.config.steps), seed=seed))
    made, label = drawn_by_class(generator, classes, PER_ID, seed)
    with torch.no_grad():
        parts = [critic(part) for part in tensor(made).split(256)]
    judged = torch.cat([real for real, _ in parts]).numpy()
    logits = torch.cat([person for _, person in parts if person is not None])
    chance = torch.softmax(logits, 1).numpy()[np.arange(len(label)), label]
    return weighed(made, label, chance, judged)


@torch.no_grad()
def drawn_by_class(
    generator: ClassGenerator, classes: int, count: int, seed: int
) -> tuple[Pixels, NDArray[np.int64]]:
    """Generate `count` images of each class, and their classes."""
    who = np.repeat(np.arange(classes), count)
    rng = np.random.default_rng([seed, 331])
    z = torch.from_numpy(rng.normal(size=(len(who), CLASS_NOISE)).astype(np.float32))
    return pixels_of(generator(z, torch.from_numpy(who))), who


def frozen_of(config: Config, given: Sets) -> Classifier:
    """The recogniser of the base people: one for all seeds, since it is only a tool here."""
    settings = (config.warm,)

    def make() -> dict[str, NDArray[Any]]:
        net = trained(given.base.small, given.base.numbers, augment="classic", steps=config.warm,
                      batch=64)  # fmt: skip
        return {name: value.numpy() for name, value in net.state_dict().items()}

    return _kept(Classifier(int(given.base.numbers.max()) + 1), "frozen", settings, given, make)


def generator_of(config: Config, seed: int, given: Sets) -> Base:
    """The generator of a seed; weights are kept in the run folder."""
    frozen = frozen_of(config, given)
    settings = asdict(replace(config, seed=seed))

    def make() -> dict[str, NDArray[Any]]:
        base = base_of(replace(config, seed=seed), given.base, frozen=frozen)
        return {
            **{f"g.{name}": v.numpy() for name, v in base.generator.state_dict().items()},
            **{f"c.{name}": v.numpy() for name, v in base.critic.state_dict().items()},
            "gradient": np.array(base.game.gradient), "accuracy": np.array(base.game.accuracy),
            "stopped": np.array(base.game.stopped),
        }  # fmt: skip

    key = digest_of(settings)[:8]
    found = _arrays(f"generator-{seed}-{key}", settings, given, make)
    base = Base(given.base, frozen)
    for net, mark in ((base.generator, "g."), (base.critic, "c.")):
        own = {name.removeprefix(mark): torch.from_numpy(value)
               for name, value in found.items() if name.startswith(mark)}  # fmt: skip
        net.load_state_dict(own)
        net.eval()
    base.game.gradient[:] = found["gradient"].tolist()
    base.game.accuracy[:] = found["accuracy"].tolist()
    base.game.steps, base.game.stopped = len(found["gradient"]), str(found["stopped"])
    return base


def _kept(net: Classifier, name: str, settings: object, given: Sets, make: Make) -> Classifier:
    found = _arrays(name, settings, given, make)
    net.load_state_dict({key: torch.from_numpy(value) for key, value in found.items()})
    return net.eval()


def _arrays(name: str, settings: object, given: Sets, make: Make) -> dict[str, NDArray[Any]]:
    if given.out is None:
        return dict(make())
    key = digest_of(code_key("mien.systems.gan_augment"), settings, given.base.who,
                    given.base.images)  # fmt: skip
    return kept_arrays(given.out / f"{name}.npz", key, make)


def images(config: Config, seed: int, given: Sets) -> dict[str, float]:
    """What the generated images of new people are like, without any training on them."""
    few, rest = (given.new.rows(rows) for rows in few_of_each(given.new.who, EACH, seed))
    base = generator_of(config, seed, given)
    made, source = drawn_for(base, few, PER_ID, seed)
    pool = weighed_by(base, few, made, source)
    wrong = weighed_by(base, few, made, source, shift=1)
    embedder = load(EMBEDDER)
    some = np.random.default_rng([seed, 367]).choice(len(made), min(600, len(made)), replace=False)
    known = vectors(embedder, few.small, ZOOM)
    real = vectors(embedder, rest.small[:600], ZOOM)
    new = vectors(embedder, made[some], ZOOM)
    means = means_of(known, few.who)[1]
    nearest = 1 - (new @ known.T).max(1)
    who = few.who
    pairs = np.triu(who[:, None] == who[None], 1)
    apart = float(np.median((1 - known @ known.T)[pairs]))
    own = (new * means[few.numbers[source[some]]]).sum(1)
    return {
        "steps": float(base.game.steps), "ratio": base.game.gradient_ratio,
        "critic": 100 * float(np.mean(base.game.accuracy[-100:])),
        "accepted": 100 * float((pool.weight > 0).mean()),
        "rejected": 100 * float((wrong.weight == 0).mean()),
        "cosine": float(own.mean()), "copied": float(np.median(nearest)) / apart,
        "kid": kernel_distance(new, real),
    }  # fmt: skip


def _actors(data: Path | None, out: Path, on_step: OnStep | None) -> Sets:
    assert data is not None
    new = grey(read_people(data / "taiwan", out / "taiwan", "taiwan", on_step))
    return _sets(_lfw(data, out, on_step)[0], new, out / "lfw")


def _strangers(data: Path | None, out: Path, on_step: OnStep | None) -> Sets:
    base, new = _lfw(data, out, on_step)
    return _sets(base, new, out / "lfw")


def _lfw(data: Path | None, out: Path, on_step: OnStep | None) -> tuple[People, People]:
    """Base people with 2 to 6 images, and new people with 7 or more; nobody is in both."""
    assert data is not None
    every = read_people(data / "lfw_gray" / "images", out / "lfw_gray", "lfw", on_step)
    new = with_at_least(every, MANY)
    base = every.rows(~np.isin(every.who, np.unique(new.who)))
    return with_at_least(base, LEAST), new


def _drawn(data: Path | None, out: Path, on_step: OnStep | None) -> Sets:
    def make() -> dict[str, NDArray[Any]]:
        base, new = (rendered_people(*one, on_step) for one in RENDERED)
        return {"base": base.images, "base who": base.who, "new": new.images, "new who": new.who}

    key = digest_of(code_key("mien.synth"), RENDERED)
    found = kept_arrays(out / "rendered.npz", key, make)
    base = People(found["base"], found["base who"])
    return _sets(base, People(found["new"], found["new who"]), out / "rendered")


def _sets(base: People, new: People, out: Path) -> Sets:
    return Sets(base, new, vectors(load(EMBEDDER), new.images), out)


def _quick(arm: Arm) -> Arm:
    return replace(arm, learn=20, config=_quick_config(arm.config))


def _quick_config(config: Config) -> Config:
    return replace(config, steps=10, warm=30)


ARMS = {
    NONE: Arm(), CLASSIC: Arm("classic"), GAN: Arm("gan"), BOTH: Arm("both"),
    SHUFFLED: Arm("classic", shuffled=True), FROZEN: Arm(kind="frozen"), HOUSE: Arm(kind="house"),
}  # fmt: skip
WITH_CLASS = {**ARMS, CLASS: Arm("gan", "class"), CLASS_BOTH: Arm("both", "class")}
SHORTER = Config(steps=350, warm=500)  # for rendered faces, which are the last part
ON_RENDERED = {name: replace(arm, config=SHORTER) for name, arm in ARMS.items()}
RIGHT = {"right": "Right, %"}


def _criteria(chance: float, seeds: int = SEEDS) -> Sequence[Criterion]:
    return (
        Criterion("GAN and classic: 5 points above classic, each seed",
                  gain(BOTH, "right", CLASSIC), least=5, seeds=seeds, digits=1),
        Criterion("GAN alone: 15 points above none, each seed", gain(GAN, "right", NONE),
                  least=15, seeds=seeds, digits=1),
        Criterion("labels shuffled: at most twice chance", of(SHUFFLED, "right"),
                  most=2 * chance, digits=1),
        Criterion("GAN and classic above the nearest mean of the default embedder",
                  gain(BOTH, "right", HOUSE), least=0, digits=1),
    )  # fmt: skip


def _ratio_lower(found: Found) -> list[float]:
    """By how much the gradient ratio of plain blocks is above that of residual ones."""
    return [plain["ratio"] - full["ratio"]
            for plain, full in zip(found[PLAIN], found[FULL], strict=True)]  # fmt: skip


PARTS = (
    Part(
        name="actors",
        title="25 actors, two images of each in the training, about 990 in the test",
        arms=ARMS, run=recognition, shown=RIGHT, criteria=_criteria(4.0), load=_actors,
        needs="lfw_gray and taiwan", seeds=SEEDS, quick=_quick, digits=1,
    ),
    Part(
        name="lfw",
        title="59 people of LFW, two images of each in the training, 389 in the test",
        arms=WITH_CLASS, run=recognition, shown=RIGHT, criteria=_criteria(1.7), load=_strangers,
        needs="lfw_gray and taiwan", seeds=SEEDS, quick=_quick, digits=1,
    ),
    Part(
        name="images",
        title="Generated images of the 59 people of LFW",
        arms={FULL: Config(), PLAIN: Config(residual=False), BARE: Config(salience=False)},
        run=images,
        shown={"steps": "Steps", "ratio": "Largest gradient over the median",
               "critic": "Critic right, %", "accepted": "Pass the gate, %",
               "rejected": "Wrong labels refused, %", "cosine": "Cosine to the person",
               "copied": "Distance to the nearest image", "kid": "Kernel distance"},
        criteria=(
            Criterion("wrong labels are refused: 90 %", of(FULL, "rejected"), least=90, digits=1),
            Criterion("not copied: half of the real distance", of(FULL, "copied"), least=0.5,
                      digits=2),
            Criterion("plain blocks: a larger gradient ratio", _ratio_lower, least=0, seeds=FEWER,
                      digits=2),
            Criterion("without salience: a lower cosine to the person",
                      gain(FULL, "cosine", BARE), least=0, seeds=FEWER),
        ),
        load=_strangers, needs="lfw_gray and taiwan", seeds=FEWER, quick=_quick_config, digits=3,
    ),
    Part(
        name="rendered",
        title="25 rendered people, two images of each in the training, 100 in the test",
        arms=ON_RENDERED, run=recognition, shown=RIGHT, criteria=_criteria(4.0, FEWER), load=_drawn,
        seeds=FEWER, quick=_quick, digits=1,
    ),
)  # fmt: skip

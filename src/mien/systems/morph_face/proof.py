"""Proof: what guidance by person and style does to pictures of people who were never seen.

mien systems prove morph-face --out FOLDER
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mien.metrics.liveness import roc_area
from mien.synth.data.styles import NAMES
from mien.systems.morph_face.data import People, people
from mien.systems.morph_face.model import Denoiser, Recogniser, Regressor
from mien.systems.morph_face.train import (
    GUIDANCE,
    Config,
    centres,
    denoiser,
    embedded,
    invented,
    recogniser,
    regressor,
    sampled,
)
from mien.train import predict_batches, tensor
from mien.train.criteria import Criterion, gain, of
from mien.train.kept import code_key, digest_of, kept_network
from mien.train.proofs import Part
from mien.types import Floats, OnStep, Pixels

Net = TypeVar("Net", bound=nn.Module)
SEEDS = 2
TESTED, EACH = 40, 12  # unseen people, pictures of each
JUDGES, JUDGED = 100, 10  # people of whom the judges learn, pictures of each
STYLED = 4  # pictures of an unseen person whose styles are drawn; the others are the person
JUDGE_WIDTHS = (24, 48, 96)  # a recogniser that is not the one of the conditions
PERCENTILE = 5.0  # of genuine cosines: a nearest training person below it is another one
INVENTED = "blending, invented people"
REAL, CONTROL = "rendered pictures (ceiling)", "blending, persons exchanged (control)"


@dataclass(frozen=True, slots=True)
class Arm:
    """How pictures are drawn."""

    guidance: str = ""  # of GUIDANCE; "": rendered, not drawn
    who: Literal["own", "exchanged", "invented"] = "own"  # vectors: of the person, of a random
    # other one for each picture, or of people who do not exist
    config: Config = field(default_factory=Config)


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Three groups of rendered people; nobody is in two of them."""

    train: People  # of the diffusion and its recogniser
    judge: People  # of the recogniser and the regressor that measure
    test: People
    out: Path


def measured(arm: Arm, seed: int, given: Sets) -> dict[str, float]:
    """Identity, style and leakage of the pictures of one arm."""
    config = replace(arm.config, seed=seed)
    number = np.arange(len(given.test.who)) % EACH
    styled, shown = given.test.rows(number < STYLED), given.test.rows(number >= STYLED)
    made = styled.images
    if arm.guidance:
        face, net = nets(config, given)
        means = centres(embedded(face, shown.images), shown.who)
        who = styled.who
        if arm.who == "exchanged":
            who = np.random.default_rng([seed, 383]).permutation(who)
        elif arm.who == "invented":
            known = centres(embedded(face, given.train.images), given.train.who)
            means = invented(known, TESTED, seed)
        made = sampled(net, means[who], styled.maps, GUIDANCE[arm.guidance], seed)
    judge, eye = judges(arm.config, given)
    mine, theirs = embedded(judge, made), embedded(judge, shown.images)
    found = identity(mine, theirs, styled.who, shown.who)
    if arm.who == "invented":
        del found["person"]  # there is no rendered picture of them
    found |= leakage(mine, theirs, styled.who, embedded(judge, given.train.images), given.train.who)
    return found | styles(eye, made, styled, given.judge)


def identity(
    mine: Floats, theirs: Floats, who: NDArray[np.int64], whose: NDArray[np.int64]
) -> dict[str, float]:
    """Share of ordered pairs, same person above other: drawn pictures, and drawn with rendered."""
    cosine, same = mine @ mine.T, who[:, None] == who[None]
    upper = np.triu(np.ones_like(same), 1)
    to_real, same_real = mine @ theirs.T, who[:, None] == whose[None]
    return {"pairs": roc_area(cosine[same & upper], cosine[~same & upper]),
            "person": roc_area(to_real[same_real], to_real[~same_real])}  # fmt: skip


def leakage(
    mine: Floats, theirs: Floats, who: NDArray[np.int64], known: Floats, trained: NDArray[np.int64]
) -> dict[str, float]:
    """Whether people, as means of their pictures, are people of the training.

    Args:
        mine: (N, D) of the pictures to judge.
        theirs: (M, D) of rendered pictures of the same people.
        who: (N,) whom the first ones show; M has the same people.
        known: (L, D) of the training.
        trained: (L,) its people.
    """
    rows = np.repeat(np.arange(int(who.max()) + 1), len(theirs) // (int(who.max()) + 1))
    first, second = (centres(theirs[half::2], rows[half::2]) for half in (0, 1))
    threshold = float(np.percentile((first * second).sum(1), PERCENTILE))
    nearest = (centres(mine, who) @ centres(known, trained).T).max(1)
    return {"nearest": float(np.median(nearest)), "threshold": threshold,
            "leaks": 100 * float((nearest > threshold).mean())}  # fmt: skip


def styles(eye: Regressor, made: Pixels, wanted: People, scale: People) -> dict[str, float]:
    """Correlation of estimated and planted styles, one for each style, and their mean."""
    found = predict_batches(eye, made, tensor, 256).numpy()
    each = {name: float(np.corrcoef(found[:, k], wanted.styles[:, k])[0, 1])
            for k, name in enumerate(NAMES)}  # fmt: skip
    return {**each, "style": float(np.mean(list(each.values())))}


def nets(config: Config, given: Sets) -> tuple[Recogniser, Denoiser]:
    """The recogniser and the denoiser of a seed, kept in the run folder."""
    face = _kept("face", config, given, Recogniser(), lambda: recogniser(given.train, config))
    net = _kept("noise", config, given, Denoiser(), lambda: denoiser(given.train, face, config))
    return face, net


def judges(config: Config, given: Sets) -> tuple[Recogniser, Regressor]:
    """The recogniser and the regressor that measure: one of each for all seeds."""
    judge = _kept("judge", config, given, Recogniser(JUDGE_WIDTHS),
                  lambda: recogniser(given.judge, config, JUDGE_WIDTHS))  # fmt: skip
    eye = _kept("eye", config, given, Regressor(), lambda: regressor(given.judge, config))
    return judge, eye


def _kept(name: str, config: Config, given: Sets, net: Net, make: Callable[[], Net]) -> Net:
    key = digest_of(code_key("mien.systems.morph_face"), config, given.train.images,
                    given.judge.images)  # fmt: skip
    return kept_network(net, given.out / f"{name}-{config.seed}-{config.steps}.npz", key, make)


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Sets:
    given = Config()
    return Sets(
        people(given.people, given.each, 0, out / "train.npz", on_step),
        people(JUDGES, JUDGED, 1, out / "judge.npz", on_step),
        people(TESTED, EACH, 2, out / "test.npz", on_step),
        out,
    )


def _quick(arm: Arm) -> Arm:
    return replace(arm, config=Config(warm=40, steps=60))


PARTS = (
    Part(
        name="guidance",
        title=f"{TESTED} unseen rendered people, {STYLED} drawn pictures of each",
        arms={
            **{name: Arm(name) for name in GUIDANCE},
            INVENTED: Arm("blending", "invented"),
            CONTROL: Arm("blending", "exchanged"),
            REAL: Arm(),
        },
        run=measured,
        shown={
            "pairs": "AUC of pairs", "person": "AUC with rendered", "style": "Styles, r",
            "yaw": "Yaw, r", "roll": "Roll, r", "light_turn": "Light, r", "smile": "Smile, r",
            "nearest": "Nearest of the training", "threshold": "Threshold", "leaks": "Above it, %",
        },
        criteria=(
            Criterion("blending: AUC of pairs 0.88", of("blending", "pairs"), least=0.88),
            Criterion("blending: correlation of yaw 0.8", of("blending", "yaw"), least=0.8),
            Criterion("blending: correlation of roll 0.8", of("blending", "roll"), least=0.8),
            Criterion("blending: correlation of light 0.8", of("blending", "light_turn"),
                      least=0.8),
            Criterion("blending: correlation of smile 0.5", of("blending", "smile"), least=0.5),
            Criterion("blending above plain guidance, AUC of pairs, each seed",
                      gain("blending", "pairs", "plain"), least=0, seeds=SEEDS),
            Criterion("plain guidance above reversed, AUC of pairs, each seed",
                      gain("plain", "pairs", "reversed"), least=0, seeds=SEEDS),
            Criterion("blending loses at most 0.05 of the styles of plain guidance",
                      gain("blending", "style", "plain"), least=-0.05),
            Criterion("persons exchanged: AUC with rendered at chance", of(CONTROL, "person"),
                      least=0.45, most=0.55),
            Criterion("invented people: none above the threshold of leakage",
                      of(INVENTED, "leaks"), most=0, digits=1),
        ),
        load=_load, seeds=SEEDS, quick=_quick,
    ),
)  # fmt: skip

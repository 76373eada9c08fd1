"""Proof: which of the five parts of MPA-FER help, with a small frozen pair instead of CLIP?

mien systems prove expression-mpa --data FERPLUS --out FOLDER
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mien.systems.expression_mpa.data import Photos, ferplus
from mien.systems.expression_mpa.model import SmallTowers
from mien.systems.expression_mpa.prompts import read
from mien.systems.expression_mpa.train import (
    Config,
    adapted,
    answers,
    measured,
    pointing,
    pretrained,
    probe,
    texts_of,
)
from mien.train.criteria import Criterion, gain, of
from mien.train.proofs import Part
from mien.types import OnStep

SEEDS = 3
NAMES, FIXED, WORDS, ALL = "names", "descriptions", "learnt words", "all parts"
PROTOTYPES, FREE = "and prototypes", "and learnt tokens"
PROBE, SHUFFLED = "linear layer", "shuffled"
LADDER: Mapping[str, Config] = {
    NAMES: Config(text="names", visual=0, best=0),
    FIXED: Config(text="descriptions", visual=0, best=0),
    WORDS: Config(visual=0, beta=0, best=0),
    FREE: Config(beta=0, gamma=0, best=0),
    PROTOTYPES: Config(beta=0, best=0),
    "and soft-hard alignment": Config(best=0),
    ALL: Config(),
    "all parts, weights 0.1": Config(beta=0.1, gamma=0.1),
    PROBE: Config(),
    SHUFFLED: Config(),
}
FEW = {"112 photographs, " + name: replace(config, images=112) for name, config in
       ((FREE, LADDER[FREE]), (PROTOTYPES, replace(LADDER[PROTOTYPES], gamma=3.0)))}  # fmt: skip
ARMS: Mapping[str, tuple[str, Config]] = {
    name: (name, config) for name, config in {**LADDER, **FEW}.items()
}


@dataclass(frozen=True, eq=False)
class Loaded:
    """Photographs, and the pretrained pair of each seed, made when it is first used."""

    learn: Photos
    choose: Photos
    test: Photos

    @cached_property
    def pairs(self) -> dict[int, SmallTowers]:
        """By seed."""
        return {}

    def towers(self, seed: int) -> SmallTowers:
        """The pair of a seed."""
        if seed not in self.pairs:
            self.pairs[seed] = pretrained(Config(seed=seed), read(), self.learn)
        return self.pairs[seed]


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Loaded:
    assert data is not None
    return Loaded(*ferplus(data, out, on_step))


def _run(setting: tuple[str, Config], seed: int, some: Loaded) -> dict[str, float]:
    name, config = setting
    config, towers, words = replace(config, seed=seed), some.towers(seed), read()
    learn = some.learn.shuffled(seed) if name == SHUFFLED else some.learn
    if name == PROBE:
        learn = learn.rows(np.arange(config.images))
        return measured(probe(towers, learn, some.test, seed), some.test)
    prompts = adapted(config, towers, words, learn, some.choose)
    texts = texts_of(config, towers, words, prompts)
    return measured(answers(config, towers, prompts, texts, some.test), some.test)


def _quick(setting: tuple[str, Config]) -> tuple[str, Config]:
    return setting[0], replace(setting[1], epochs=1, pretraining=1)


WITHOUT, WITH = "captions only", "captions and patches with phrases"


def _point(config: Config, seed: int, some: Loaded) -> dict[str, float]:
    """Pretrain a pair and ask where it sees units; no vote is used."""
    config, words = replace(config, seed=seed), read()
    towers = pretrained(config, words, some.learn)
    prompts = adapted(config, towers, words, some.learn, some.choose)
    texts = texts_of(config, towers, words, prompts)
    return {"pointing": pointing(towers, words, some.test),
            **measured(answers(config, towers, prompts, texts, some.test), some.test)}  # fmt: skip


def _part(**given: Any) -> Part:
    return Part(run=_run, load=_load, needs="FERPlus", seeds=SEEDS, quick=_quick, **given)


PARTS = (
    _part(
        name="ladder",
        title="FERPlus, 1,500 photographs of the validation part; 2,000 to learn from",
        arms=ARMS,
        shown={"accuracy": "accuracy", "recall": "mean recall", "KL": "KL from votes"},
        criteria=(
            Criterion("descriptions: accuracy 0.20 above names", gain(FIXED, "accuracy", NAMES),
                      least=0.2, seeds=3),
            Criterion("112 photographs: prototypes do not cost accuracy",
                      gain("112 photographs, and prototypes", "accuracy",
                           "112 photographs, and learnt tokens"), least=0, seeds=3),
            Criterion("all parts: not 0.01 below learnt words alone",
                      gain(ALL, "accuracy", WORDS), least=-0.01, seeds=3),
            Criterion("all parts: not 0.01 below fixed descriptions",
                      gain(ALL, "accuracy", FIXED), least=-0.01, seeds=3),
            Criterion("all parts: KL below learnt words alone", gain(ALL, "KL", WORDS, low=True),
                      least=0, seeds=3),
            Criterion("votes shuffled: mean recall at chance (0.143)", of(SHUFFLED, "recall"),
                      most=0.2),
        ),
    ),
    Part(
        name="phrases",
        title="FERPlus, fixed descriptions without votes; pretraining of the pair",
        arms={WITHOUT: LADDER[FIXED], WITH: replace(LADDER[FIXED], phrases=1.0)},
        run=_point,
        load=_load,
        needs="FERPlus",
        seeds=SEEDS,
        quick=lambda config: replace(config, pretraining=1),
        shown={"pointing": "pointing rate", "accuracy": "accuracy", "recall": "mean recall",
               "KL": "KL from votes"},
        criteria=(
            Criterion("phrases raise the pointing rate by 0.08", gain(WITH, "pointing", WITHOUT),
                      least=0.08, seeds=SEEDS),
            Criterion("phrases do not cost accuracy", gain(WITH, "accuracy", WITHOUT), least=0,
                      seeds=SEEDS),
        ),
    ),
)  # fmt: skip

"""Proof: do weights for each modality and class help, also on compounds that were never learnt?

mien systems prove compound-mhpf --data DATA --out FOLDER
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.metrics import macro_f1
from mien.systems.compound_mhpf.data import (
    MODALITIES,
    Basics,
    Mixtures,
    Simulated,
    ferplus,
    rendered,
    simulated,
    taiwan,
)
from mien.systems.compound_mhpf.head import BASIC, PAIRS
from mien.systems.compound_mhpf.model import Fusion, pair_scores
from mien.systems.compound_mhpf.train import (
    Config,
    answers,
    basic_scores,
    counted,
    fuse,
    mixture_scores,
    nearest_pair,
    network,
)
from mien.train import seeded
from mien.train.criteria import Criterion, gain, of
from mien.train.proofs import Part
from mien.types import Doubles, Floats, OnStep

MINE, PUBLIC, MEAN, SINGLE = "MHPF", "MHPF, published loss", "mean of modalities", "best modality"
SHUFFLED = "labels shuffled"
SIMULATED: Mapping[str, Config | str] = {
    SINGLE: SINGLE,
    MEAN: MEAN,
    PUBLIC: Config(loss="public"),
    MINE: Config(),
    "one head": Config(heads=1),
    "not by class": Config(by_class=False),
    "no modality hidden": Config(drop=0.0),
    SHUFFLED: SHUFFLED,
}
REAL: Mapping[str, Config | str] = {
    "words": "words",
    "units": "units",
    MEAN: MEAN,
    PUBLIC: Config(loss="public"),
    MINE: Config(),
    SHUFFLED: SHUFFLED,
}


def _simulated(unreliable: bool, setting: Config | str, seed: int, _: Any) -> dict[str, float]:
    made = simulated(seed, unreliable=unreliable)
    if setting == SINGLE:
        singles = [_both(made, lambda p, m=m: p[:, m]) for m in range(MODALITIES)]  # type: ignore[misc]
        return {key: max(one[key] for one in singles) for key in singles[0]}
    if setting == MEAN:
        return _both(made, lambda p: p.mean(1))
    label = made.learn[1]
    if setting == SHUFFLED:
        label = np.random.default_rng(seed).permutation(label)
    config = setting if isinstance(setting, Config) else Config()
    seeded(seed)
    fusion = Fusion(MODALITIES, config.heads, by_class=config.by_class)
    p = torch.from_numpy(made.learn[0])
    fuse(replace(config, seed=seed), fusion, p, torch.ones(p.shape[:2]), torch.from_numpy(label))
    found = _both(made, lambda q: _fused(fusion, q))
    without = [_both(made, lambda q, m=m: _fused(fusion, q, m))["basic"]  # type: ignore[misc]
               for m in range(MODALITIES)]  # fmt: skip
    return found | {"lost": found["basic"] - float(np.mean(without))}


def _both(made: Simulated, answered: Callable[[Doubles], Doubles]) -> dict[str, float]:
    """Macro F1 of basic and of compound faces."""
    basic, compound = answered(made.basic[0]), pairs(answered(made.compound[0]))
    return {
        "basic": macro_f1(counted(made.basic[1], basic.argmax(1), len(BASIC))),
        "compound": macro_f1(counted(made.compound[1], compound.argmax(1), len(PAIRS))),
    }


@torch.no_grad()
def _fused(fusion: Fusion, p: Doubles, hidden: int | None = None) -> Doubles:
    there = torch.ones(p.shape[:2])
    if hidden is not None:
        there[:, hidden] = 0
    return np.asarray(fusion.eval()(torch.from_numpy(p).float(), there).double().numpy())


def pairs(basic: Doubles) -> Doubles:
    """(N, 7) scores of compounds by the sum of their members."""
    return np.asarray(pair_scores(torch.from_numpy(basic)).numpy())


@dataclass(frozen=True, slots=True, eq=False)
class Real:
    """Photographs, rated portraits and rendered compounds."""

    learn: Basics
    test: Basics
    portraits: Mixtures
    drawn: Floats
    drawn_label: NDArray[np.int64]


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Real:
    assert data is not None
    learn, test = ferplus(data / "ferplus", out / "ferplus", on_step)
    return Real(learn, test, taiwan(data / "taiwan", out / "taiwan", on_step), *rendered())


def _real(setting: Config | str, seed: int, some: Real) -> dict[str, float]:
    learn = some.learn
    if setting == SHUFFLED:
        label = np.random.default_rng(seed).permutation(learn.label)
        learn = Basics(learn.x, label)
    config = setting if isinstance(setting, Config) else Config()
    net = network(replace(config, seed=seed), learn)

    def answered(x: Floats) -> dict[str, Doubles]:
        outputs = answers(net, x)
        if isinstance(setting, str) and setting != SHUFFLED:
            with torch.no_grad():
                both = net.probabilities(torch.from_numpy(x))[0].double().numpy()
            one = {"words": both[:, 0], "units": both[:, 1], MEAN: both.mean(1)}[setting]
            outputs |= {"basic": one, "pairs": pairs(one)}
        return outputs

    mixed = mixture_scores(answered(some.portraits.x), some.portraits)
    drawn = answered(some.drawn)
    both = (drawn["pairs"] + drawn["prototypes"]) / 2
    table = partial(counted, some.drawn_label, count=len(PAIRS))
    return {
        "FERPlus": basic_scores(answered(some.test.x)["basic"], some.test.label)["macro F1"],
        **mixed,
        "rendered": macro_f1(table(both.argmax(1))),
        "rendered, argmax pair": macro_f1(table(nearest_pair(drawn["basic"]))),
    }


def _quick(setting: Any) -> Any:
    return replace(setting, epochs=1) if isinstance(setting, Config) else setting


def _variant(name: str, title: str, unreliable: bool) -> Part:
    return Part(
        name=name,
        title=title,
        arms=SIMULATED,
        run=partial(_simulated, unreliable),
        shown={"basic": "macro F1, basic", "compound": "macro F1, compound, never learnt",
               "lost": "lost without one modality, basic"},
        quick=_quick,
        criteria=(
            Criterion("basic: above the mean of modalities", gain(MINE, "basic", MEAN), least=0,
                      seeds=5),
            Criterion("basic: above the best modality", gain(MINE, "basic", SINGLE), least=0,
                      seeds=5),
            Criterion("compound: above the mean of modalities", gain(MINE, "compound", MEAN),
                      least=0, seeds=5),
            Criterion("compound: above the best modality", gain(MINE, "compound", SINGLE),
                      least=0, seeds=5),
            Criterion("above the published loss, basic", gain(MINE, "basic", PUBLIC), least=0,
                      seeds=5),
            Criterion("above weights that do not depend on the class, basic",
                      gain(MINE, "basic", "not by class"), least=0, seeds=5),
            Criterion("without one modality at most 0.10 is lost", of(MINE, "lost"), most=0.1,
                      seeds=5),
            Criterion("and less than if none was hidden in training",
                      gain(MINE, "lost", "no modality hidden", low=True), least=0, seeds=5),
        ),
    )  # fmt: skip


PARTS = (
    Part(
        name="photographs",
        title="Taiwanese portraits, learnt from basic labels of FERPlus",
        arms=REAL,
        run=_real,
        load=_load,
        needs="a folder with ferplus/ and taiwan/",
        seeds=3,
        quick=_quick,
        shown={
            "pairs of fifteen": "two strongest of six words right, mixed portraits",
            "seven, both": "macro F1 of seven compounds",
            "seven, pairs": "by pair sums",
            "seven, prototypes": "by prototypes",
            "seven, argmax pair": "by the two largest words",
            "mixed": "mixed or not, area under the curve",
            "intensities": "correlation with intensities",
            "FERPlus": "FERPlus, macro F1 of basic words",
            "rendered": "rendered compounds, macro F1",
            "rendered, argmax pair": "rendered, by the two largest words",
        },
        criteria=(
            Criterion("two strongest words: above the mean of modalities",
                      gain(MINE, "pairs of fifteen", MEAN), least=0, seeds=3),
            Criterion("and above each modality", gain(MINE, "pairs of fifteen", ("words", "units")),
                      least=0, seeds=3),
            Criterion("seven compounds: above the two largest words",
                      lambda found: [one["seven, both"] - one["seven, argmax pair"]
                                     for one in found[MINE]], least=0, seeds=3),
            Criterion("mixed portraits are found: area at least 0.6", of(MINE, "mixed"), least=0.6,
                      seeds=3),
            Criterion("labels shuffled: two strongest words at chance (0.067)",
                      of(SHUFFLED, "pairs of fifteen"), most=0.2),
            Criterion("rendered: macro F1 at least 0.5", of(MINE, "rendered"), least=0.5, seeds=3),
            Criterion("rendered: not below the two largest words",
                      lambda found: [one["rendered"] - one["rendered, argmax pair"]
                                     for one in found[MINE]], least=0, seeds=3),
        ),
    ),
    _variant("simulated", "Six simulated modalities, one nearly flat", unreliable=False),
    _variant("simulated, unreliable",
             "The same, 40 % of modalities and classes unreliable", unreliable=True),
)  # fmt: skip

"""Proof: planted effects come back, and a network with a shortcut is told from one without.

mien systems prove affect-cues --out FOLDER
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.audit import head_of
from mien.contracts import ChipHead
from mien.synth import Actor, make_person, open_head
from mien.synth.data.samples import any_scene
from mien.systems.affect_cues.audit import Changes, shortcut_index
from mien.systems.affect_cues.cues import CUES, OPEN, SIDE, SMILE, TEETH, TURN, Pair, teeth
from mien.train import Augment, Batches, fit, predict_batches, seeded, tensor
from mien.train.criteria import Criterion, Found, of
from mien.train.kept import rendered
from mien.train.proofs import Part
from mien.types import Crop, Doubles, OnStep, Pixels

PEOPLE, TEST_PEOPLE, SCENES = 48, 16, 3  # rendered for the shortcut
BIAS = 0.95  # share of smiles with teeth in the biased training, and of others without
SIDE_OF_NET, EPOCHS = 48, 25
BIASED, BALANCED = "teeth go with smiles (95 %)", "teeth independent of smiles"
CROP = Crop(size=SIDE_OF_NET)


def _wired(how: str, seed: int, loaded: None) -> dict[str, float]:
    """A head that sums weights of cues, which are drawn as marks: are the weights found?"""
    rng = np.random.default_rng([29, seed])
    weight = dict(zip(CUES, rng.normal(size=len(CUES)), strict=True))
    if how == NULL:
        weight = dict.fromkeys(CUES, 0.0)
    made = [_marked(cue, person, rng, marked=how != NULL) for person in range(12) for cue in CUES]

    def read(chips: Pixels) -> list[dict[str, float]]:
        marks = chips[:, 0, : len(CUES), 0] > 127
        values = marks @ np.array(list(weight.values())) + rng.normal(0, 0.05, len(chips))
        return [{"valence": float(v if how != NULL else 0.0)} for v in values]

    changes = Changes(_model(read), made)
    found = np.array([changes.of(cue)[0].mean() for cue in CUES])
    truth = np.array([weight[cue] for cue in CUES])
    if how == NULL:
        return {"largest": float(np.abs(found).max())}
    from scipy.stats import spearmanr

    large = np.abs(truth) > 0.3
    return {
        "Spearman": float(spearmanr(np.abs(found), np.abs(truth)).statistic),
        "worst": float((np.abs(found - truth)[large] / np.abs(truth)[large]).max()),
        "largest": float(np.abs(found).max()),
    }


def _marked(cue: str, person: int, rng: np.random.Generator, *, marked: bool) -> Pair:
    chip = rng.integers(0, 120, (32, 32, 3), dtype=np.uint8)
    chip[0, : len(CUES), 0] = rng.integers(0, 2, len(CUES)) * 255
    with_, place = chip.copy(), CUES.index(cue)
    chip[0, place, 0] = 0
    with_[0, place, 0] = 255 if marked else 0
    return Pair(cue, person, False, chip, with_)


def _model(read: object) -> ChipHead:
    model: ChipHead = head_of(read, task="x", unit="number", size=SIDE_OF_NET).model  # type: ignore[arg-type, assignment]
    return model


@dataclass(frozen=True, slots=True, eq=False)
class Smiles:
    """The four combinations of smile and teeth, in each scene of each person."""

    chips: Pixels  # (N, 2, 2, S, S, 3): smile, teeth
    person: NDArray[np.int64]  # (N,)

    def rows(self, keep: NDArray[np.bool_]) -> "Smiles":
        """Those scenes."""
        return Smiles(self.chips[keep], self.person[keep])


def _smiles(data: Path | None, out: Path, on_step: OnStep | None) -> Smiles:
    def make() -> dict[str, NDArray[Any]]:
        head = open_head("builtin")
        chips: list[Pixels] = []
        who: list[int] = []
        for person in range(PEOPLE + TEST_PEOPLE):
            actor = Actor(head, make_person(29_500 + person, head))
            for scene in range(SCENES):
                rng = np.random.default_rng([29, 1, person, scene])
                rest = any_scene(rng, SIDE, {}, TURN)
                for weights in (OPEN, {**OPEN, **SMILE}):
                    chips += teeth(actor, replace(rest, weights=dict(weights)), CROP)
                who.append(person)
            if on_step:
                on_step("rendered people", person + 1, PEOPLE + TEST_PEOPLE)
        side = SIDE_OF_NET
        return {"chips": np.stack(chips).reshape(-1, 2, 2, side, side, 3), "person": np.array(who)}

    kept = rendered(make, out / "smiles.npz", Path(__file__).with_name("cues.py"))
    return Smiles(kept["chips"], kept["person"])


def _learnt(kind: str, seed: int, every: Smiles) -> dict[str, float]:
    """Train on smiles with or without the bias; accuracy and shortcut index on other people."""
    train = every.rows(every.person < PEOPLE)
    test = every.rows(every.person >= PEOPLE)
    share = BIAS if kind == BIASED else 0.5
    images, label = _drawn(train, share, np.random.default_rng([29, 2, seed]))
    seeded(seed)
    net = nn.Sequential(*_block(3, 16), *_block(16, 32), *_block(32, 64),
                        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))  # fmt: skip

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(model(batch[0] * 2 - 1), batch[1])

    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    batches = Batches(pixels, torch.from_numpy(label), size=32, seed=seed,
                      change=Augment(flip=0.5, shift=0.05, light=0.1))  # fmt: skip
    fit(step, net, batches, torch.optim.AdamW(net.parameters(), 3e-3), epochs=EPOCHS, seed=seed)

    def happy(chips: Pixels) -> Doubles:
        return predict_batches(net, chips, tensor).softmax(1)[:, 1].double().numpy()

    biased_test = _drawn(test, BIAS, np.random.default_rng([29, 3]))
    accuracy = float(((happy(biased_test[0]) > 0.5) == biased_test[1]).mean())
    changes = Changes(_model(lambda chips: [{"happiness": float(p)} for p in happy(chips)]),
                      _pairs(test))  # fmt: skip
    index = shortcut_index(changes, 200, seed)
    assert index is not None
    return {"index": index.value, "accuracy": accuracy}


def _block(into: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(into, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()


def _drawn(
    smiles: Smiles, share: float, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.int64]]:
    """Both expressions of each scene; teeth with that share of smiles, and of others without."""
    images, label = [], []
    for scene in smiles.chips:
        for smile in (0, 1):
            usual = rng.random() < share
            images.append(scene[smile, smile if usual else 1 - smile])
            label.append(smile)
    return np.stack(images), np.array(label)


def _pairs(smiles: Smiles) -> list[Pair]:
    """Teeth on a neutral open mouth, and a smile without teeth."""
    found = []
    for number, scene in enumerate(smiles.chips):
        found.append(Pair(TEETH, number, False, scene[0, 0], scene[0, 1]))
        found.append(Pair("smile", number, False, scene[0, 0], scene[1, 0]))
    return found


def _difference(found: Found) -> Sequence[float]:
    pairs = zip(found[BIASED], found[BALANCED], strict=True)
    return [abs(one["accuracy"] - other["accuracy"]) for one, other in pairs]


_WIRED, NULL = "planted weights", "identical pairs"
PARTS = (
    Part(
        name="known wiring",
        title="A head that is a weighted sum of cues",
        arms={_WIRED: _WIRED, NULL: NULL},
        run=_wired,
        shown={"Spearman": "Spearman of effects and weights", "worst": "Largest relative error",
               "largest": "Largest effect"},
        criteria=(
            Criterion("Spearman of effects and weights at least 0.95", of(_WIRED, "Spearman"),
                      least=0.95, seeds=5),
            Criterion("each effect within 10 %", of(_WIRED, "worst"), most=0.10, seeds=5),
            Criterion("identical pairs: no effect at all", of(NULL, "largest"), most=0.0, seeds=5),
        ),
    ),
    Part(
        name="learnt shortcut",
        title="Small networks that learn smiles of rendered people; trained with",
        arms={BIASED: BIASED, BALANCED: BALANCED},
        run=_learnt,
        shown={"index": "Shortcut index of teeth", "accuracy": "Accuracy on a test with the bias"},
        criteria=(
            Criterion("biased: index at least 0.5", of(BIASED, "index"), least=0.5, seeds=5),
            Criterion("balanced: index at most 0.15", of(BALANCED, "index"), most=0.15, seeds=5),
            Criterion("accuracy cannot see it: within 2 points", _difference, most=0.02, seeds=5),
        ),
        load=_smiles,
    ),
)  # fmt: skip

"""Train on basic labels only: mien train compound-mhpf --data DATA --out runs/compound."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.metrics import bootstrap_weights, confusion, macro_f1, roc_area
from mien.systems.compound_mhpf.data import Basics, Mixtures, ferplus, taiwan
from mien.systems.compound_mhpf.head import BASIC, PAIRS, WEAKER
from mien.systems.compound_mhpf.model import Feature, Fusion, Loss, Net
from mien.train import Batches, export, fit, seeded
from mien.types import Doubles, Floats, OnStep

OUTPUTS = ("basic", "pairs", "prototypes", "weights")  # of the network


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    loss: Loss = "logits"  # of the fusion; "public" as in the published code
    heads: int = 3  # of the fusion
    by_class: bool = True  # a weight for each class; false: for each modality only
    drop: float = 0.15  # share of modalities that are hidden in training
    epochs: int = 20
    batch: int = 64
    rate: float = 1e-2
    focus: float = 2.0  # power of the focal loss of the fused feature
    smooth: float = 0.1  # of its labels
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on FERPlus, measure on its validation part and on the mixed Taiwanese portraits."""
    if data is None:
        raise TrainingError(
            "Compound expressions are composed of basic ones, which are learnt from photographs; "
            "name a folder with ferplus/ and taiwan/ with --data."
        )
    learn, test = ferplus(data / "ferplus", out / "ferplus", on_step)
    portraits = taiwan(data / "taiwan", out / "taiwan", on_step)
    net = network(config, learn, on_step)
    apart = export(net, out / "weights.onnx", torch.from_numpy(test.x[:16]), outputs=OUTPUTS)
    outputs = answers(net, portraits.x)
    return {
        "learnt from": len(learn.label),
        "graph differs by": apart,
        "FERPlus": basic_scores(answers(net, test.x)["basic"], test.label),
        "Taiwan": mixture_scores(outputs, portraits) | intervals(outputs, portraits),
    }


def network(config: Config, learn: Basics, on_step: OnStep | None = None) -> Net:
    """The classifier of units, then the fusion, then the fused feature with its prototypes."""
    seeded(config.seed)
    net = Net()
    net.fusion = Fusion(2, config.heads, by_class=config.by_class)
    x, label = torch.from_numpy(learn.x), torch.from_numpy(learn.label)
    weight = balance(label)

    def of_units(model: nn.Module, batch: Any) -> Tensor:
        return F.cross_entropy(model(batch[0][:, 1, :-1]), batch[1], weight)

    _fit(of_units, net.units, Batches(x, label, size=config.batch, seed=config.seed), config)
    with torch.no_grad():
        p, there = net.probabilities(x)
    fuse(config, net.fusion, p, there, label, on_step)
    feature(config, net.feature, x, label)
    return net.eval()


def fuse(
    config: Config, fusion: Fusion, p: Tensor, there: Tensor, label: Tensor,
    on_step: OnStep | None = None,
) -> None:  # fmt: skip
    """Fit the weights of modalities; some of them are hidden at random, never all of a face."""
    weight = balance(label)

    def step(model: nn.Module, batch: Any) -> Tensor:
        inner = model if isinstance(model, Fusion) else model.module
        assert isinstance(inner, Fusion)
        probability, seen, truth = batch
        shown = hidden(seen, config.drop)
        return inner.loss(probability, shown, truth, weight, config.loss)

    rows = Batches(p.float(), there.float(), label, size=config.batch, seed=config.seed)
    _fit(step, fusion, rows, config, on_step)


def hidden(there: Tensor, share: float) -> Tensor:
    """(N, M) which modalities are shown; a face of which all would be hidden keeps its own."""
    shown = there * (torch.rand_like(there) >= share)
    return torch.where(shown.sum(1, keepdim=True) > 0, shown, there)


def feature(config: Config, net: Feature, x: Tensor, label: Tensor) -> None:
    """Fit the transformer by a focal loss, and set its prototypes."""
    weight = balance(label)

    def step(model: nn.Module, batch: Any) -> Tensor:
        inner = model if isinstance(model, Feature) else model.module
        assert isinstance(inner, Feature)
        shown = hidden(batch[0][:, :, -1], config.drop)
        logits = inner.last(inner(batch[0] * shown[..., None]))
        each = F.cross_entropy(logits, batch[1], weight, reduction="none",
                               label_smoothing=config.smooth)  # fmt: skip
        sure = torch.softmax(logits, 1).gather(1, batch[1][:, None])[:, 0]
        return ((1 - sure) ** config.focus * each).mean()

    _fit(step, net, Batches(x, label, size=config.batch, seed=config.seed), config, rate=1e-3)
    net.settle(x, label)


def _fit(
    step: Any, net: nn.Module, rows: Batches, config: Config, on_step: OnStep | None = None,
    rate: float = 0.0,
) -> None:  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), rate or config.rate)
    fit(step, net, rows, optimiser, epochs=config.epochs, seed=config.seed, schedule="cosine",
        on_step=on_step)  # fmt: skip


def balance(label: Tensor) -> Tensor:
    """(8,) weights of classes: the inverse of their number; 0 for a class without a face."""
    count = torch.bincount(label, minlength=len(BASIC)).float()
    weight = torch.where(count > 0, 1 / count.clamp(min=1), torch.zeros(()))
    return weight * count.sum() / (count > 0).sum()


@torch.no_grad()
def answers(net: Net, x: Floats) -> dict[str, Doubles]:
    """Outputs of the network by name."""
    found = net.eval()(torch.from_numpy(x))
    return {name: one.double().numpy() for name, one in zip(OUTPUTS, found, strict=True)}


def basic_scores(basic: Doubles, label: NDArray[np.int64]) -> dict[str, float]:
    """Macro F1 and accuracy of the basic classes that occur."""
    table = counted(label, basic.argmax(1), len(BASIC))
    return {"macro F1": macro_f1(table), "accuracy": float(table.trace() / table.sum())}


def counted(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """(C, C) table of class numbers; rows are truths."""
    return confusion(truth, predicted, tuple(str(k) for k in range(count)))


def mixture_scores(outputs: Mapping[str, Doubles], some: Mixtures) -> dict[str, float]:
    """How basic probabilities and compound scores fit the ratings.

    Returns:
        `pairs of fifteen`: share of mixed portraits whose two strongest words are right; `seven`:
        macro F1 of those whose pair is one of the seven compounds, by both scores and their mean;
        `argmax pair`: the same for the compound nearest to the two largest probabilities;
        `mixed`: area under the curve of the weaker member for whether a portrait is mixed;
        `intensities`: mean correlation of probabilities with the intensities of six words.
    """
    six = slice(1, 7)
    top = np.sort(np.argsort(-outputs["basic"][:, six], 1)[:, :2] + 1, axis=1)
    right = (top == some.pair).all(1)
    weaker = -np.sort(-outputs["basic"][:, six], 1)[:, 1]
    chosen = some.compound >= 0
    truth = some.compound[chosen]
    scores = {"pairs": outputs["pairs"], "prototypes": outputs["prototypes"],
              "both": (outputs["pairs"] + outputs["prototypes"]) / 2}  # fmt: skip
    found = {
        f"seven, {name}": macro_f1(counted(truth, one[chosen].argmax(1), len(PAIRS)))
        for name, one in scores.items()
    }
    nearest = nearest_pair(outputs["basic"][chosen])
    rows = np.arange(1, 7)
    each = [np.corrcoef(outputs["basic"][:, k], some.intensity[:, k])[0, 1] for k in rows]
    return {
        "pairs of fifteen": float(right[some.mixed].mean()),
        **found,
        "seven, argmax pair": macro_f1(counted(truth, nearest, len(PAIRS))),
        "mixed": roc_area(weaker[some.mixed], weaker[~some.mixed]),
        "intensities": float(np.mean(each)),
        "called mixed": float((weaker >= WEAKER)[some.mixed].mean()),
        "mixed portraits": float(some.mixed.sum()),
        "of the seven": float(chosen.sum()),
    }


def nearest_pair(basic: Doubles) -> NDArray[np.int64]:
    """(N,) the compound that shares most with the two largest of six probabilities."""
    order = np.argsort(-basic[:, 1:7], 1)[:, :2] + 1
    shared = np.array([[[2.0, 1.5][rank] * (one in pair) for rank, one in enumerate(two)]
                       for two in order for pair in PAIRS])  # fmt: skip
    return np.asarray(shared.sum(1).reshape(len(order), len(PAIRS)).argmax(1))


def intervals(
    outputs: Mapping[str, Doubles], some: Mixtures, resamples: int = 300
) -> dict[str, float]:
    """95 % intervals over actors of the main figures."""
    names, who = np.unique(some.person, return_inverse=True)
    keys = ("pairs of fifteen", "seven, both", "mixed", "intensities")
    drawn: dict[str, list[float]] = {key: [] for key in keys}
    for weight in bootstrap_weights(len(names), resamples, 0)[:, who].astype(int):
        rows = np.repeat(np.arange(len(who)), weight)
        part = Mixtures(some.x[rows], some.intensity[rows], tuple(names[who[rows]]))
        found = mixture_scores({key: one[rows] for key, one in outputs.items()}, part)
        for key in keys:
            drawn[key].append(found[key])
    ends = {"low": 0.025, "high": 0.975}
    return {f"{key} {end}": float(np.nanquantile(values, at))
            for key, values in drawn.items() for end, at in ends.items()}  # fmt: skip

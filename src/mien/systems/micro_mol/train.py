"""Fit the head of the card: mien train micro-mol --data DATA --out runs/micro-mol."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.metrics import balanced_accuracy, fit_llr, fit_temperature, macro_f1, softmax
from mien.systems.micro_mol.data import Flows, read
from mien.systems.micro_mol.head import CLASSES, UNITS
from mien.systems.micro_mol.model import FlowReader, Kind, Linear
from mien.train import (
    Batches,
    adamw,
    export,
    fit,
    folds,
    leave_one_out,
    predict_batches,
    seeded,
)
from mien.types import Doubles, OnStep

CHOICES = (0.1, 0.3, 1.0, 3.0)  # of the penalty, as a share of the mean squared length
SHIFT = 2  # px of 28: faces are framed to about that
INNER = 5  # folds of training subjects that select it


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    penalty: float = 0.0  # of the ridge, one of CHOICES; 0: selected on training subjects
    seed: int = 0  # of the folds that select the penalty


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Measure by leaving one subject out, fit on all, write out/weights.onnx.

    Returns:
        Unweighted F1 and recall of three classes; F1 of each unit; thresholds of the units.
    """
    every = read(data)
    found = score_left_out(every, config, on_step)
    penalty = config.penalty or select(every, config.seed)
    weight, bias = fit_classes(every, penalty)
    heat = 1 / fit_temperature(softmax(found.classes), every.label)
    coded = every.some(np.flatnonzero(every.coded))
    w, b = ridge(coded.x, coded.units.astype(float), np.ones(len(coded.label)), penalty)
    scores = found.units[every.coded]
    lines = [unit_line(scores[:, k], coded.units[:, k]) for k in range(len(UNITS))]
    slope, shift = np.array(lines).T
    net = Linear(np.hstack([weight * heat, w * slope]), np.r_[bias * heat, b * slope + shift])
    example = torch.from_numpy((every.image[:8] / 255.0).astype(np.float32))
    cuts = best_cuts(1 / (1 + np.exp(-(scores * slope + shift))), coded.units)
    return {
        "graph differs by": export(net, out / "weights.onnx", example),
        "penalty": penalty,
        **measured(every, found),
        "thresholds": dict(zip(UNITS, cuts.round(3).tolist(), strict=True)),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """Scores of clips whose subject was left out."""

    classes: Doubles  # (N, 3)
    units: Doubles  # (N, 9)
    shown: NDArray[np.bool_]  # (N, 9) units above thresholds of the training subjects


def score_left_out(every: Flows, config: Config, on_step: OnStep | None = None) -> Tested:
    """Leave one subject out; the penalty and all thresholds come from the other subjects."""
    found = Tested(np.zeros((len(every.label), 3)), np.zeros(every.units.shape),
                   np.zeros(every.units.shape, bool))  # fmt: skip
    turns = leave_one_out(every.person)
    for number, (_, learn, test) in enumerate(turns):
        mine, other = every.some(learn), every.some(test)
        penalty = config.penalty or select(mine, config.seed)
        weight, bias = fit_classes(mine, penalty)
        found.classes[test] = other.x @ weight + bias
        coded = mine.some(np.flatnonzero(mine.coded))
        truth, one = coded.units.astype(float), np.ones(len(coded.label))
        weight, bias = ridge(coded.x, truth, one, penalty)
        found.units[test] = other.x @ weight + bias
        inner = np.zeros(truth.shape)
        for rest, held in folds(coded.person, INNER, config.seed):
            w, b = ridge(coded.x[rest], truth[rest], one[rest], penalty)
            inner[held] = coded.x[held] @ w + b
        found.shown[test] = found.units[test] >= best_cuts(inner, coded.units)
        if on_step:
            on_step("subjects", number + 1, len(turns))
    return found


def measured(every: Flows, found: Tested) -> dict[str, Any]:
    """Scores from counts that are pooled over subjects."""
    table = np.zeros((3, 3), np.int64)
    np.add.at(table, (every.label, found.classes.argmax(1)), 1)
    truth, shown = every.units[every.coded], found.shown[every.coded]
    each = f1(truth, shown)
    return {
        "UF1": macro_f1(table),
        "UAR": balanced_accuracy(table),
        "units F1": float(each.mean()),
        **dict(zip(UNITS, each.tolist(), strict=True)),
        "units F1 if all are always named": float(f1(truth, np.ones_like(truth)).mean()),
    }


def fit_classes(some: Flows, penalty: float) -> tuple[Doubles, Doubles]:
    """Ridge regression to the three classes; each class counts the same."""
    count = np.bincount(some.label, minlength=len(CLASSES))
    return ridge(some.x, np.eye(3)[some.label], 1 / count[some.label], penalty)


def select(some: Flows, seed: int) -> float:
    """Penalty with the best unweighted F1 over folds of subjects; the larger one of equals."""
    scores = []
    parts = folds(some.person, INNER, seed)
    for penalty in CHOICES:
        table = np.zeros((3, 3), np.int64)
        for learn, held in parts:
            weight, bias = fit_classes(some.some(learn), penalty)
            np.add.at(table, (some.label[held], (some.x[held] @ weight + bias).argmax(1)), 1)
        scores.append((macro_f1(table), penalty))
    return max(scores)[1]


def ridge(x: Doubles, target: Doubles, weight: Doubles, penalty: float) -> tuple[Doubles, Doubles]:
    """(D, K) weights and (K,) bias of a weighted ridge regression, by the kernel of the rows."""
    share = weight / weight.sum()
    middle, mean = share @ x, share @ target
    root = np.sqrt(share * len(x))[:, None]
    a = (x - middle) * root
    kernel = a @ a.T
    kernel[np.diag_indices(len(x))] += penalty * np.trace(kernel) / len(x)
    slope = a.T @ np.linalg.solve(kernel, (target - mean) * root)
    return slope, mean - middle @ slope


def unit_line(scores: Doubles, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept that turn a score into the logit of a probability."""
    slope, shift = fit_llr(scores[truth], scores[~truth])
    return slope, shift + math.log(truth.mean() / (1 - truth.mean()))


def best_cuts(scores: Doubles, truth: NDArray[np.bool_]) -> Doubles:
    """(K,) threshold with the best F1 of each column, from 50 quantiles of its upper half."""
    cuts = np.quantile(scores, np.linspace(0.5, 0.99, 50), axis=0)  # (50, K)
    values = np.stack([f1(truth, scores >= cut) for cut in cuts])
    return np.asarray(cuts[values.argmax(0), np.arange(truth.shape[1])])


def f1(truth: NDArray[np.bool_], shown: NDArray[np.bool_]) -> Doubles:
    """(K,) F1 of each column, 0 where nothing is true or shown."""
    return np.asarray(2 * (truth & shown).sum(0) / np.maximum(1, truth.sum(0) + shown.sum(0)))


@dataclass(frozen=True, slots=True)
class Network:
    """Settings of one training; the rate is ten times that of the paper, for few steps."""

    block: Kind = "F5C"
    width: int = 32  # channels; the paper has 128
    epochs: int = 40
    batch: int = 32  # as published
    rate: float = 1e-3
    decay: float = 1e-3  # as published


def fit_network(some: Flows, how: Network, seed: int) -> nn.Module:
    """Train on all rows for a fixed number of epochs; no row is used to choose one."""
    count = np.bincount(some.label, minlength=len(CLASSES))
    weight = torch.from_numpy((len(some.label) / len(CLASSES) / count).astype(np.float32))

    def step(net: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(net(batch[0]), batch[1], weight)

    seeded(seed)
    net = FlowReader(how.block, how.width)
    rows = Batches(_prepared(some.image), torch.from_numpy(some.label), size=how.batch, seed=seed,
                   change=_shifted)  # fmt: skip
    optimiser = adamw(net, how.rate, how.decay)
    fit(step, net, rows, optimiser, epochs=how.epochs, seed=seed, schedule="cosine")
    return net


def shares_of(net: nn.Module, some: Flows) -> Doubles:
    """(N, 3) probabilities."""
    logits = predict_batches(net, some.image, _prepared)
    return np.asarray(logits.softmax(1).numpy(), np.float64)


def _prepared(image: np.ndarray) -> Tensor:
    return torch.from_numpy((image / 255.0).astype(np.float32))


def _shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """Move the whole batch by some pixels; what leaves on one side comes in on the other."""
    move = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator).tolist()
    return torch.roll(x, move, (1, 2))

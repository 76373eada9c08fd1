"""Fit the head of the card: mien train micro-mol --data DATA --out runs/micro-mol."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.metrics import balanced_accuracy, fit_llr, fit_temperature, macro_f1, softmax
from mien.systems.micro_mol.data import FILMS, RATE, SECONDS, Film, Flows, Motions, read
from mien.systems.micro_mol.head import CLASSES, UNITS
from mien.systems.micro_mol.model import FlowReader, Kind, Linear, SpotNet
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
from mien.types import Doubles, Floats, OnStep

CHOICES = (0.1, 0.3, 1.0, 3.0)  # of the penalty, as a share of the mean squared length
SHIFT = 2  # px of 28: faces are framed to about that
WINDOW = 64  # frames: about two seconds
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
        one = score_some(every, learn, test, config.seed, config.penalty)
        for name in Tested.__slots__:
            getattr(found, name)[test] = getattr(one, name)
        if on_step:
            on_step("subjects", number + 1, len(turns))
    return found


def score_some(
    every: Flows, learn: NDArray[np.int64], test: NDArray[np.int64], seed: int, penalty: float = 0
) -> Tested:
    """Scores of some clips after learning from others; penalty 0: selected on those others."""
    mine, other = every.some(learn), every.some(test)
    penalty = penalty or select(mine, seed)
    weight, bias = fit_classes(mine, penalty)
    classes = other.x @ weight + bias
    coded = mine.some(np.flatnonzero(mine.coded))
    truth, one = coded.units.astype(float), np.ones(len(coded.label))
    weight, bias = ridge(coded.x, truth, one, penalty)
    units = other.x @ weight + bias
    inner = np.zeros(truth.shape)
    for rest, held in folds(coded.person, INNER, seed):
        w, b = ridge(coded.x[rest], truth[rest], one[rest], penalty)
        inner[held] = coded.x[held] @ w + b
    return Tested(classes, units, units >= best_cuts(inner, coded.units))


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


@dataclass(frozen=True, slots=True)
class Spotting:
    """Settings of one spotter; sizes are reduced from 128 channels and 64 states."""

    shared: bool = True  # one trunk for spotting and classes; else two networks
    head: bool = True  # subtract the motion of the head
    shuffled: bool = False  # the control: events of other films
    fast: int = 32  # channels
    state: int = 8
    epochs: int = 12
    batch: int = 16  # windows
    rate: float = 3e-3


@dataclass(frozen=True, slots=True, eq=False)
class Spotted:
    """What a spotter says of each frame."""

    event: Doubles  # (F, T) share of an event, in [0, 1]
    classes: Doubles  # (F, T, 3) probabilities, given that there is one


def fit_spotter(how: Spotting, seed: int, every: Motions, learn: NDArray[np.int64]) -> Spotted:
    """Train on some films, and answer for all.

    Source: loss, windows and weights after Guo et al., MM 2025; neutral frames count six times.
    """
    seen = _channels(every, how.head)
    event, named = truth_of(every.planned)
    if how.shuffled:  # of the film of another person
        event, named = np.roll(event[learn], FILMS, 0), np.roll(named[learn], FILMS, 0)
    else:
        event, named = event[learn], named[learn]
    starts = _starts(seen.shape[2])
    cut = [np.concatenate([one[..., s : s + WINDOW] for s in starts])
           for one in (seen[learn], event, named)]  # fmt: skip
    share = np.bincount(cut[2].ravel(), minlength=4) / cut[2].size
    weight = np.array([1, 1, 1, 6]) / np.maximum(share, 1e-3)
    weight = torch.from_numpy((weight / (weight * share).sum()).astype(np.float32))

    def trained(spot: float, name: float) -> nn.Module:
        def step(net: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
            found, logits = net(batch[0])
            wrong = F.cross_entropy(logits.flatten(0, 1), batch[2].flatten(), weight)
            return spot * F.mse_loss(found, batch[1]) + name * wrong

        seeded(seed)
        net = SpotNet(seen.shape[1], how.fast, how.state)
        rows = Batches(*map(torch.from_numpy, cut), size=how.batch, seed=seed, change=_scaled)
        fit(step, net, rows, torch.optim.Adam(net.parameters(), how.rate), epochs=how.epochs,
            seed=seed)  # fmt: skip
        return net

    if how.shared:
        return _spotted(*2 * [trained(0.9, 0.1)], seen)
    return _spotted(trained(1.0, 0.0), trained(0.0, 1.0), seen)


def truth_of(films: Sequence[Film]) -> tuple[Floats, NDArray[np.int64]]:
    """(F, T) 1 within events and (F, T) numbers of classes, 3 for neutral."""
    event = np.zeros((len(films), RATE * SECONDS), np.float32)
    named = np.full(event.shape, len(CLASSES), np.int64)
    for row, film in enumerate(films):
        for one in film.events:
            inside = slice(one.onset + 1, one.offset)
            event[row, inside] = 1
            named[row, inside] = CLASSES.index(one.label)
    return event, named


def _channels(every: Motions, head: bool) -> Floats:
    """(F, C, T) motion of all regions to both sides, about 1 for a clear movement."""
    seen = every.regions[:, :, :, int(head)]
    return np.ascontiguousarray(3 * seen.reshape(*seen.shape[:2], -1).transpose(0, 2, 1))


def _starts(count: int) -> list[int]:
    """Half-overlapping windows; the last one ends with the film."""
    return [*range(0, count - WINDOW, WINDOW // 2), count - WINDOW]


def _scaled(x: Tensor, generator: torch.Generator) -> Tensor:
    return x * (0.9 + 0.2 * torch.rand(len(x), 1, 1, generator=generator))


@torch.no_grad()
def _spotted(spotter: nn.Module, namer: nn.Module, seen: Floats) -> Spotted:
    """Answers of windows joined: each frame from the window in whose middle it is."""
    count = seen.shape[2]
    event, classes = np.zeros((len(seen), count)), np.zeros((len(seen), count, len(CLASSES)))
    spotter.eval()
    namer.eval()
    for start in _starts(count):
        window = torch.from_numpy(seen[..., start : start + WINDOW])
        found, logits = spotter(window)[0], namer(window)[1][..., : len(CLASSES)]
        first = 0 if start == 0 else WINDOW // 4
        event[:, start + first : start + WINDOW] = found[:, first:].numpy()
        classes[:, start + first : start + WINDOW] = logits.softmax(-1)[:, first:].numpy()
    return Spotted(event, classes)

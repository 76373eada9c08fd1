"""Fit the linear layer beside the frozen trunk; figures by folds of people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.align.grey import grey_input
from mien.errors import TrainingError
from mien.metrics.multilabel import f1_each
from mien.systems.action_units_mf2.data import UnitFaces, agreed, coded
from mien.systems.action_units_mf2.head import UNITS, ActionUnits
from mien.systems.action_units_mf2.model import Linear, Net, fit_units, limits, scaled
from mien.train import export, folds, predict_batches, quantised
from mien.types import Doubles, Floats, OnStep, Pixels


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    blocks: int = 7  # of the trunk; nine are no better and twice as large
    side: int = 88  # px to which the trunk enlarges chips, as in its own training
    decay: float = 0.05  # of the weights of standardised features
    folds: int = 5  # of people of CK+
    seed: int = 0  # of the folds


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Features of chips and of their mirror images, with units."""

    features: Floats  # (2, N, D)
    label: Floats  # (N, 16)
    source: Any  # (N,)


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Fit on CK+ and on faces that raters agree on; limits from people that were left out.

    Args:
        config: settings.
        data: folder with ck48/, ck48_aus.csv and ferplus/.
        out: run folder; weights.onnx is the shipped file.
        on_step: progress.

    Returns:
        F1 by folds of people, and what is raised on neutral and on smiling faces.
    """
    if data is None:
        raise TrainingError(
            "Action units are learnt from coded faces; name a folder with ck48/, ck48_aus.csv and "
            "ferplus/ with --data."
        )
    faces, (quiet, test) = coded(data, out, on_step), agreed(data, out, on_step)
    net = Net(config.blocks, config.side).eval()
    some, rest = known(net, faces), known(net, quiet)
    logits = left_out(config, some, [rest])
    linear = fitted(config, some, [rest])
    fill(net, linear, logits, some.label)
    pixels = pixels_of(faces.images)
    # The ends of ranges decide on 8 bits, so both kinds of faces are in them.
    apart = export(net, out / "weights-32.onnx", pixels[:64], outputs=("logits", "over", "under"),
                   tolerance=1e-3)  # fmt: skip
    ranges = [grey_input(f.images[k : k + 64]) for f in (faces, quiet) for k in range(0, 256, 64)]
    quantised(out / "weights-32.onnx", out / "weights.onnx", [r for r in ranges if len(r)])
    each = f1_each(logits > 0, some.label)
    return {
        "learnt from": len(faces.label) + len(quiet.label),
        "people": len(set(faces.source.tolist())),
        "mean F1 by folds of people": float(each.mean()),
        "F1": dict(zip(UNITS, each.round(3).tolist(), strict=True)),
        "largest difference of the graph": apart,
        **{name: raised(ActionUnits(out / f"{name}.onnx", name=name), test)
           for name in ("weights-32", "weights")},
    }  # fmt: skip


def known(net: Net, faces: UnitFaces) -> Known:
    """Features of each chip and of its mirror image, computed once: the trunk is frozen."""
    both = (faces.images, np.ascontiguousarray(faces.images[:, :, ::-1]))
    rows = [predict_batches(_Features(net), images, pixels_of).numpy() for images in both]
    return Known(np.stack(rows), faces.label, faces.source)


class _Features(torch.nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.net.features(pixels)


def fitted(config: Config, some: Known, more: list[Known]) -> Linear:
    """Fit to chips and mirror images."""
    parts = [some, *more]
    features = np.concatenate([p.features.reshape(-1, p.features.shape[-1]) for p in parts])
    label = np.concatenate([np.concatenate([p.label, p.label]) for p in parts])
    return fit_units(features, label, config.decay)


def left_out(config: Config, some: Known, more: list[Known]) -> Floats:
    """(N, 16) logits of each person's faces by a fit without this person."""
    found = np.zeros_like(some.label)
    for learn, test in folds(some.source.tolist(), config.folds, config.seed):
        part = Known(some.features[:, learn], some.label[learn], some.source[learn])
        linear = fitted(config, part, more)
        found[test] = (linear(some.features[0, test]) + linear(some.features[1, test])) / 2
    return found


@torch.no_grad()
def fill(net: Net, linear: Linear, logits: Floats, label: Floats) -> None:
    """Put weights, scale and limits into the network.

    Args:
        net: the network.
        linear: fitted to everything.
        logits: of people who were left out: they decide on scale and limits.
        label: their units.
    """
    slope, offset = scaled(logits, label)
    shown, absent = limits(offset)
    net.last.weight.copy_(torch.from_numpy((linear.weight * slope).T.astype(np.float32)))
    net.last.bias.copy_(torch.from_numpy((linear.bias * slope + offset).astype(np.float32)))
    net.shown.copy_(torch.from_numpy(shown.astype(np.float32)))
    net.absent.copy_(torch.from_numpy(absent.astype(np.float32)))


def raised(head: ActionUnits, faces: UnitFaces) -> dict[str, float]:
    """Wrong units on each neutral and each smiling face, and what share is undecided."""
    _, over, under = head.outputs(faces.images)
    wrong = ((over >= 0) & (faces.label == 0)).sum(1)
    return {
        **{word: float(wrong[faces.source == word].mean()) for word in ("neutral", "happiness")},
        "undecided": float(((over < 0) & (under >= 0)).mean()),
    }


def pixels_of(chips: Pixels) -> torch.Tensor:
    """The input of the network: (N, 3, 64, 64)."""
    return torch.from_numpy(grey_input(chips))


def decided(logits: Floats, label: Floats, people: Sequence[str], config: Config) -> Doubles:
    """(N, 16) 1 shown, 0 absent, NaN undecided; the limits for a person come from other people."""
    found = np.full(label.shape, np.nan)
    for learn, test in folds(people, config.folds, config.seed):
        slope, offset = scaled(logits[learn], label[learn])
        shown, absent = limits(offset)
        z = logits[test] * slope + offset
        found[test] = np.where(z >= shown, 1.0, np.where(z < absent, 0.0, np.nan))
    return found

"""Train the network of the card: mien train liveness-texture --data DATA --out runs/liveness."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.metrics import roc_area
from mien.systems.liveness_texture.data import DOMAINS, Faces, faces
from mien.systems.liveness_texture.head import ZOOM, as_input
from mien.systems.liveness_texture.model import Net
from mien.train import (
    Augment,
    Batches,
    adamw,
    equal_cells,
    export,
    fit,
    held_out,
    predict_batches,
    seeded,
)
from mien.types import Doubles, OnStep


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    without: str = ""  # a domain that is left out: nuaa, rendered or shown
    epochs: int = 12
    batch: int = 64
    rate: float = 2e-3  # peak of AdamW
    decay: float = 0.02
    dropout: float = 0.2
    held: float = 0.15  # share of the training people that selects the epoch
    precision: Literal["32", "bf16"] = "32"
    device: str = "cpu"
    seed: int = 0


CHANGE = Augment(flip=0.5, shift=0.05, turn=8, scale=0.1, light=0.15, contrast=0.3, erase=0.3)
POINTS = {"bpcer1": 0.01, "bpcer5": 0.05, "bpcer10": 0.10}  # shares of live people refused


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train, measure on people of each domain that no training sees, write out/weights.onnx.

    Args:
        config: settings.
        data: folder with `nuaa` and `taiwan`; None: rendered people only.
        out: run folder, with the chips of each domain.
        on_step: progress.

    Returns:
        Area under the curve per domain; the scores of the operating points: those of the live
        test people over all domains of the training; and what passes at one of them, by species.
    """
    every = faces(data, out, on_step)
    net = network(config, every, out, on_step)
    apart = export(net, out / "weights.onnx", torch.from_numpy(as_input(every.chips[:8])))
    test = every.rows(every.test & (every.zoom == np.float32(ZOOM)))
    p = scores(net, test)
    own = test.live & (test.domain != config.without)
    points = {name: float(np.quantile(p[own], share)) for name, share in POINTS.items()}
    return {
        "graph differs by": apart,
        "points": points,
        **measured(p, test),
        "taken for live at bpcer5": taken(p, test, points["bpcer5"]),
    }


def network(
    config: Config, every: Faces, out: Path | None, on_step: OnStep | None = None
) -> nn.Module:
    """Train on the people that are not for the test; each species of a domain counts the same."""
    learn = every.rows(~every.test & (every.domain != config.without))
    inner, chosen = held_out(learn.person.tolist(), config.held, config.seed)
    choose = learn.rows(np.isin(np.arange(len(learn.zoom)), chosen))
    learn = learn.rows(np.isin(np.arange(len(learn.zoom)), inner))
    seeded(config.seed)
    net = Net(config.dropout)
    rows = Batches(
        torch.from_numpy(learn.chips).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(learn.live.astype(np.float32)),
        size=config.batch,
        seed=config.seed,
        change=CHANGE,
        weight=torch.from_numpy(balance(learn)),
    )

    def step(model: nn.Module, batch: Any) -> Tensor:
        x, live = batch
        return F.binary_cross_entropy_with_logits(model(x * 2 - 1)[:, 0].float(), live)

    def validate(model: nn.Module) -> Mapping[str, float]:
        p = np.clip(scores(model, choose), 1e-6, 1 - 1e-6)
        loss = -np.log(np.where(choose.live, p, 1 - p))
        return {"error": float(np.average(loss, weights=balance(choose)))}

    optimiser = adamw(net, config.rate, config.decay)
    fit(step, net, rows, optimiser, epochs=config.epochs, seed=config.seed, schedule="cosine",
        validate=validate, precision=config.precision, device=config.device, out=out,
        config=config, on_step=on_step)  # fmt: skip
    return net


def balance(found: Faces) -> Doubles:
    """(N,) weights: half for live faces, half for attacks, and the same for each domain."""
    return equal_cells(found.domain, found.live)


def scores(model: nn.Module, found: Faces) -> Doubles:
    """(N,) probabilities of a live face."""
    logits = predict_batches(model, found.chips, lambda chips: torch.from_numpy(as_input(chips)))
    return np.asarray(torch.sigmoid(logits[:, 0].double()).numpy())


def measured(p: Doubles, test: Faces) -> dict[str, float]:
    """Area under the curve per domain, 1: all live faces above all attacks."""
    found = {}
    for domain in DOMAINS:
        here = test.domain == domain
        if here.any():
            found[f"auc {domain}"] = roc_area(p[here & test.live], p[here & ~test.live])
    return found


def taken(p: Doubles, test: Faces, threshold: float) -> dict[str, str]:
    """Count the chips of each species and domain that are taken for live."""
    found = {}
    for domain in DOMAINS:
        for species in sorted(set(test.species[test.domain == domain])):
            here = (test.domain == domain) & (test.species == species)
            people = len(set(test.person[here]))
            found[f"{domain} {species}"] = (
                f"{int((p[here] > threshold).sum())} of {int(here.sum())}, {people} people"
            )
    return found

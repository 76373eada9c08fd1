"""Train Conv-cut: mien train expression-convcut --data FER2013, or without --data on renders."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.metrics import balanced_accuracy, calibration_error, confusion, macro_f1
from mien.systems.expression_convcut.data import digests, read, rendered
from mien.systems.expression_convcut.head import CLASSES, ExpressionConvCut
from mien.systems.expression_convcut.model import SIZES, FaceCut, build, load_trunk
from mien.train import (
    Augment,
    Batches,
    Faces,
    export,
    fit,
    held_out,
    predict_batches,
    quantised,
    seeded,
    tensor,
)
from mien.train.grouped import Draws, Grouping
from mien.types import Doubles, OnStep


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    part: Literal["whole", "no-detail", "no-attention", "full"] = "whole"  # ablated part
    size: Literal["face", "small", "base"] = "face"  # dlib's network, or a ConvNeXt (base: 224 px)
    weighted: bool = True  # whether classes are weighted so that all have the same weight
    mitigate: Draws = "none"  # how groups of people are drawn, so that their labels are not learnt
    group: str = ""  # of that: a label of the data set such as race or gender, or tone
    trunk: str = ""  # file of facebookresearch/ConvNeXt; then the trunk is frozen at first
    frozen: int = 12  # epochs with a frozen trunk, if it has learnt weights
    epochs: int = 0  # epochs in which the trunk is trained as well; a trunk from nothing needs 20
    batch: int = 64
    rate: float = 3e-3  # of AdamW, peak of one cycle
    tune: float = 0.3  # rate of the trunk relative to the others, after the frozen epochs
    decay: float = 0.05  # of the weights
    held: float = 0.1  # share of the training groups that selects the epoch; never the test
    patience: int = 0  # epochs without improvement before it stops; 0: never
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


LITTLE = Augment(flip=0.5, shift=0.03, light=0.05, contrast=0.1)
MUCH = Augment(flip=0.5, shift=0.05, turn=10, scale=0.1, light=0.15, contrast=0.35, erase=0.5)


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Train, measure on the test faces once, write out/weights.onnx.

    Args:
        config: all settings.
        data: folder of RAF-DB, FERPlus, FER2013 or class folders; None: rendered people.
        out: run folder.
        on_step: progress.
    """
    side = SIZES[config.size].side
    grouping = Grouping(config.mitigate, config.group)
    if data is None:
        grouping.check([])
        learnt, test = rendered(out / "faces.npz", side, on_step)
        lost = ""
    else:
        learnt, test, lost = read(data, side, out, on_step, grouping)
    net = Calibrated(network(config, learnt, test, out, on_step))
    _, held = held_out(learnt.source.tolist(), config.held, config.seed)
    net.fit(learnt.rows(held))
    p = probabilities(net, test)
    right = p.argmax(1) == test.label
    apart = export(net, out / "weights-32.onnx", tensor(test.images[:16]))
    ranges = [
        tensor(learnt.images[k : k + 64]).numpy() for k in range(0, min(len(learnt.label), 512), 64)
    ]
    quantised(out / "weights-32.onnx", out / "weights.onnx", ranges)
    small = ExpressionConvCut(out / "weights.onnx", name="weights", side=side)
    return {**measured(p, test.label), "calibration error": calibration_error(p.max(1), right),
            "temperature": float(net.temperature), "test pictures": len(test.label),
            "shipped": measured(small.probabilities(test.images).astype(np.float64), test.label),
            "side": side, "lost": lost, **grouping.about(learnt.group),
            "graph differs by": apart}  # fmt: skip


def network(
    config: Config, learnt: Faces, test: Faces, out: Path | None, on_step: OnStep | None = None
) -> nn.Module:
    """Return a trained network; the test faces are only checked for overlap.

    Raises:
        TrainingError: a test image is in the training or selection part.
    """
    both = set(digests(learnt.images)) & set(digests(test.images))
    if both:
        raise TrainingError(
            f"{len(both)} images of the test are in training as well, so the result would not be "
            "valid. Remove them from the training part."
        )
    rows, held = held_out(learnt.source.tolist(), config.held, config.seed)
    chosen, judge = learnt.rows(rows), learnt.rows(held)
    seeded(config.seed)
    net = build(len(CLASSES), config.size, config.part)
    count = np.bincount(chosen.label, minlength=len(CLASSES))
    weight = torch.tensor(count.sum() / (len(CLASSES) * count), dtype=torch.float32)
    grouping = Grouping(config.mitigate, config.group)
    drawn = grouping.weight(chosen.group, np.array(CLASSES)[chosen.label])
    even = config.mitigate == "oversampling"  # then classes are drawn equally often
    weight = weight if config.weighted and not even else torch.ones(len(CLASSES))

    def step(model: nn.Module, batch: Any) -> Tensor:
        pixels, label = batch
        return F.cross_entropy(model(pixels * 2 - 1), label, weight.to(pixels.device))

    def validate(model: nn.Module) -> Mapping[str, float]:
        return measured(probabilities(model, judge), judge.label)

    # With more of it, a network trained from nothing learns nothing in so few epochs.
    change = MUCH if isinstance(net, FaceCut) else LITTLE
    pixels = torch.from_numpy(chosen.images.transpose(0, 3, 1, 2).copy())
    rows_of = Batches(pixels, torch.from_numpy(chosen.label), size=config.batch, seed=config.seed,
                      change=change, weight=drawn)  # fmt: skip
    common: dict[str, Any] = {"seed": config.seed, "validate": validate, "config": config,
                              "precision": config.precision, "device": config.device,
                              "patience": config.patience, "on_step": on_step}  # fmt: skip
    if isinstance(net, FaceCut):
        few = pixels[torch.randperm(len(pixels))].split(128)
        net.trunk.settle(change(batch, torch.Generator().manual_seed(config.seed)) for batch in few)
    elif config.trunk:
        load_trunk(net, Path(config.trunk))
    if isinstance(net, FaceCut) or config.trunk:
        for weights in net.trunk_weights():
            weights.requires_grad_(False)
        head = [p for p in net.parameters() if p.requires_grad]
        first = torch.optim.AdamW(head, config.rate, weight_decay=config.decay)
        place = out / "frozen" if out and config.epochs else out  # a run has one folder per stage
        fit(step, net, rows_of, first, epochs=config.frozen, out=place, **common)
        tuned = net.tuned_weights()
        for weights in tuned:
            weights.requires_grad_(True)
        groups: list[dict[str, Any]] = [
            {"params": head},
            {"params": tuned, "lr": config.rate * config.tune},
        ]
    elif not config.epochs:
        raise TrainingError("A trunk from nothing must be trained: set epochs=20, for example.")
    else:
        groups = [{"params": [*net.parameters()]}]
    if not config.epochs:
        return net
    optimiser = torch.optim.AdamW(groups, config.rate, weight_decay=config.decay)
    fit(step, net, rows_of, optimiser, epochs=config.epochs, out=out, **common)
    return net


class Calibrated(nn.Module):
    """A network whose logits are divided by a temperature, for calibrated probabilities.

    Source: Guo et al., arXiv:1706.04599.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes)."""
        logits: Tensor = self.net(pixels) / self.temperature
        return logits

    def fit(self, faces: Faces) -> None:
        """Fit the temperature on held-out faces."""
        from scipy.optimize import minimize_scalar

        logits = np.log(np.maximum(probabilities(self.net, faces), 1e-12))

        def lost(log_t: float) -> float:
            z = logits / np.exp(log_t)
            z = z - np.logaddexp.reduce(z, 1)[:, None]
            return float(-z[np.arange(len(z)), faces.label].mean())

        best = minimize_scalar(lost, bounds=(-2, 2), method="bounded").x
        self.temperature = torch.tensor(float(np.exp(best)))


def probabilities(model: nn.Module, faces: Faces) -> Doubles:
    """(N, 7) probabilities, not calibrated."""
    return predict_batches(model, faces.images, tensor, 256).softmax(1).double().numpy()


def measured(p: Doubles, label: NDArray[np.int64]) -> dict[str, float]:
    """Macro F1 first, since it selects the epoch."""
    predicted = p.argmax(1)
    table = confusion([CLASSES[k] for k in label], [CLASSES[k] for k in predicted], CLASSES)
    return {"macro F1": macro_f1(table), "accuracy": float((predicted == label).mean()),
            "balanced accuracy": balanced_accuracy(table)}  # fmt: skip

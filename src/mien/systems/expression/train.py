"""Train the network of the card: mien train expression --data fer2013 --out runs/expression."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.metrics import calibration_error, softmax
from mien.systems.expression.data import parts
from mien.systems.expression.head import LABELS, Expression, tensor
from mien.systems.expression.model import Net
from mien.train import (
    Augment,
    Batches,
    Faces,
    adamw,
    export,
    fit,
    predict_batches,
    quantised,
    seeded,
)
from mien.train.splits import group_ids, held_out
from mien.types import Floats, OnStep, Pixels


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    layout: str = "fer2013"  # reader of the data set
    blocks: int = 13  # of dlib's 14 residual blocks
    side: int = 112  # px to which chips are resized, so that faces are as large as dlib's
    dropout: float = 0.2
    epochs: int = 22  # of the first stage, on mixed images
    second: int = 8  # epochs of the second stage, on unmixed images
    batch: int = 64
    rate: float = 7e-4  # peak; 3e-3 was worse than 1e-3 after three epochs of 8,000 images
    second_rate: float = 2e-4  # peak
    decay: float = 0.05  # of weights, not of gains and biases
    smoothing: float = 0.1  # of labels
    mix: float = 0.2  # both parameters of the Beta distribution for mixing; 0: not mixed
    average: float = 0.998  # decay of the moving average of the weights
    held: float = 0.1  # share of the training images that selects the epoch and the temperature
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


CHANGE = Augment(shift=0.05, turn=10, scale=0.1, light=0.15, contrast=0.35, erase=0.5)


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on the training part, select on a tenth of it, evaluate the test part once.

    Args:
        config: settings.
        data: the data set; there is no synthetic one.
        out: run folder; weights.onnx is the shipped file.
        on_step: progress.

    Returns:
        The measurements on the test part.
    """
    if data is None:
        raise TrainingError(
            "Expressions are trained on images of people; name a data set with --data."
        )
    learn, test, left_out = parts(data, config.layout, out, on_step)
    rows, choose = held_out(group_ids([""] * len(learn.label), learn.source.tolist()), config.held)
    chosen, learn = learn.rows(choose), learn.rows(rows)
    net = fitted(config, learn, chosen, out, on_step)
    scale = temperature(mirrored_logits(net, chosen), chosen.label)
    with torch.no_grad():  # so that the outputs of the file are calibrated
        net.last.weight.div_(scale)
        net.last.bias.div_(scale)
    some = pixels_of(learn.images[:64])
    apart = export(net, out / "weights-32.onnx", some, tolerance=1e-3)
    ranges = [tensor(learn.images[k : k + 64]) for k in range(0, min(len(learn.label), 512), 64)]
    quantised(out / "weights-32.onnx", out / "weights.onnx", ranges)
    measured = {
        name: scores(Expression(out / f"{name}.onnx", name=name), test)
        for name in ("weights-32", "weights")
    }
    return {
        "learnt from": len(learn.label),
        "chosen by": len(chosen.label),
        **left_out,
        "temperature": scale,
        "largest difference of the graph": apart,
        **measured,
    }


def fitted(config: Config, learn: Faces, chosen: Faces, out: Path, on_step: OnStep | None) -> Net:
    """A network trained on mixed images, then on unmixed images."""
    seeded(config.seed)
    net = Net(config.blocks, config.side, config.dropout)
    pixels = grey(learn)
    some = pixels[torch.randperm(len(pixels))].split(128)
    net.trunk.settle(CHANGE(batch).expand(-1, 3, -1, -1) for batch in some)
    stage(net, config, learn, chosen, out / "first", on_step)
    if config.second:
        unmixed = replace(config, epochs=config.second, rate=config.second_rate, mix=0.0)
        stage(net, unmixed, learn, chosen, out / "second", on_step)
    return net


def stage(
    net: Net, config: Config, learn: Faces, chosen: Faces, out: Path, on_step: OnStep | None
) -> None:
    """Train for some epochs; the averaged weights that did best on the held-out part are kept."""
    beta = torch.distributions.Beta(config.mix or 1.0, config.mix or 1.0)

    def step(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        seen, truth = batch[0].expand(-1, 3, -1, -1), F.one_hot(batch[1], len(LABELS)).float()
        if config.mix:  # as in Zhang et al., "mixup", arXiv:1710.09412
            share = float(beta.sample())
            seen = share * seen + (1 - share) * seen.flip(0)
            truth = share * truth + (1 - share) * truth.flip(0)
        return F.cross_entropy(network(seen), truth, label_smoothing=config.smoothing)

    def validate(network: nn.Module) -> Mapping[str, float]:
        shares = softened(mirrored_logits(network, chosen), 1.0)
        right = float((shares.argmax(1) == chosen.label).mean())
        # The loss comes first: it selects the epoch, and varies less than the accuracy of few
        # faces.
        return {"validation_loss": negative_log_likelihood(shares, chosen.label), "accuracy": right}

    label = torch.from_numpy(learn.label)
    batches = Batches(grey(learn), label, size=config.batch, seed=config.seed, change=CHANGE)
    fit(
        step, net, batches, adamw(net, config.rate, config.decay), epochs=config.epochs,
        seed=config.seed, average=config.average, clip=3.0, validate=validate,
        precision=config.precision, device=config.device, out=out, config=asdict(config),
        on_step=on_step,
    )  # fmt: skip


def grey(faces: Faces) -> Tensor:
    """(N, 1, 64, 64) uint8."""
    shades = tensor(faces.images)[:, :1] * 255
    return torch.from_numpy(np.rint(shades).astype(np.uint8))


def mirrored_logits(net: nn.Module, faces: Faces) -> Floats:
    """(2, N, 7) logits of each chip and of its mirror."""
    both = (faces.images, faces.images[:, :, ::-1])
    return torch.stack([predict_batches(net, images, pixels_of) for images in both]).numpy()


def pixels_of(chips: Pixels) -> Tensor:
    """The input of the network: (N, 3, 64, 64)."""
    return torch.from_numpy(tensor(chips))


def softened(found: Floats, scale: float) -> Floats:
    """(N, 7) mean probability of chip and mirror image, logits divided by `scale`."""
    return np.asarray(softmax(found / np.float32(scale)).mean(0), np.float32)


def negative_log_likelihood(shares: Floats, label: NDArray[np.int64]) -> float:
    """Mean of -log of the probability of the labelled class."""
    return float(-np.log(np.maximum(shares[np.arange(len(label)), label], 1e-12)).mean())


def temperature(found: Floats, label: NDArray[np.int64]) -> float:
    """Fit the divisor of the logits for which probabilities are calibrated.

    Source: Guo et al., "On calibration of modern neural networks", arXiv:1706.04599.
    """
    grid = np.geomspace(0.3, 3, 200)
    losses = [negative_log_likelihood(softened(found, scale), label) for scale in grid]
    return float(grid[np.argmin(losses)])


def scores(head: Expression, faces: Faces) -> dict[str, float]:
    """Accuracy and calibration error of a head on labelled chips."""
    shares = head.probabilities(faces.images)
    right = shares.argmax(1) == faces.label
    return {
        "accuracy": float(right.mean()),
        "calibration error": float(calibration_error(shares.max(1), right)),
    }

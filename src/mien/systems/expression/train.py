"""Train the network of the card: mien train expression --data ferplus --out runs/expression."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mien.align.grey import grey_input
from mien.errors import TrainingError
from mien.metrics import calibration_error, divergence, softmax
from mien.systems.expression.data import parts
from mien.systems.expression.head import LABELS, Expression
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
from mien.train.grouped import Draws, Grouping
from mien.train.splits import group_ids, held_out
from mien.types import Floats, OnStep, Pixels


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    layout: str = "ferplus"  # reader of the data set
    blocks: int = 9  # of dlib's 14 residual blocks
    side: int = 88  # px to which chips are resized, so that faces are nearly as large as dlib's
    dropout: float = 0.2
    epochs: int = 14
    batch: int = 64
    rate: float = 1e-3  # peak
    decay: float = 0.05  # of weights, not of gains and biases
    mix: float = 0.2  # both parameters of the Beta distribution for mixing; 0: not mixed
    balance: float = 0.3  # power of a label's rarity by which its images are drawn; 0: all equally
    average: float = 0.998  # decay of the moving average of the weights
    mitigate: Draws = "none"  # how groups of people are drawn, so that their labels are not learnt
    group: str = ""  # of that: a label of the data set such as race or gender, or tone
    held: float = 0.1  # share of the training images that selects the epoch and the temperature
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


COST = 0.02  # accuracy on the held-out part that more even labels may cost
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
    grouping = Grouping(config.mitigate, config.group)
    learn, test, left_out = parts(data, config.layout, out, on_step, grouping)
    rows, choose = held_out(group_ids([""] * len(learn.label), learn.source.tolist()), config.held)
    chosen, learn = learn.rows(choose), learn.rows(rows)
    net = fitted(config, learn, chosen, out, on_step)
    scale = temperature(mirrored_logits(net, chosen), chosen.label)
    prior = learn.label.mean(0)
    even = evenness(mirrored_logits(net, chosen) / np.float32(scale), chosen.label, prior)
    with torch.no_grad():  # so that the outputs of the file are calibrated and evened
        net.last.weight.div_(scale)
        net.last.bias.div_(scale).sub_(torch.from_numpy(even * np.log(prior)))
    some = pixels_of(learn.images[:64])
    apart = export(net, out / "weights-32.onnx", some, tolerance=1e-3)
    ranges = [
        grey_input(learn.images[k : k + 64]) for k in range(0, min(len(learn.label), 512), 64)
    ]
    quantised(out / "weights-32.onnx", out / "weights.onnx", ranges)
    measured = {
        name: scores(Expression(out / f"{name}.onnx", name=name), test)
        for name in ("weights-32", "weights")
    }
    return {
        "learnt from": len(learn.label),
        "chosen by": len(chosen.label),
        **left_out,
        **grouping.about(learn.group),
        "temperature": scale,
        "evenness": even,
        "largest difference of the graph": apart,
        **measured,
    }


def fitted(
    config: Config, learn: Faces, chosen: Faces, out: Path | None, on_step: OnStep | None
) -> Net:
    """A network trained on the votes; the averaged weights of its best epoch are kept."""
    seeded(config.seed)
    net = Net(config.blocks, config.side, config.dropout)
    pixels, votes = grey(learn), torch.from_numpy(learn.label)
    some = pixels[torch.randperm(len(pixels))].split(128)
    net.trunk.settle(CHANGE(batch).expand(-1, 3, -1, -1) for batch in some)
    beta = torch.distributions.Beta(config.mix or 1.0, config.mix or 1.0)

    def step(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        seen, truth = batch[0].expand(-1, 3, -1, -1), batch[1]
        if config.mix:  # as in Zhang et al., "mixup", arXiv:1710.09412
            share = float(beta.sample())
            seen = share * seen + (1 - share) * seen.flip(0)
            truth = share * truth + (1 - share) * truth.flip(0)
        return nn.functional.cross_entropy(network(seen), truth)

    def validate(network: nn.Module) -> Mapping[str, float]:
        shares = softened(mirrored_logits(network, chosen), 1.0)
        right = float((shares.argmax(1) == chosen.label.argmax(1)).mean())
        # The loss comes first: it selects the epoch, and varies less than the accuracy of few
        # faces.
        return {"validation_loss": cross_entropy(shares, chosen.label), "accuracy": right}

    grouping = Grouping(config.mitigate, config.group)
    rare = rarity(votes, config.balance).numpy() if config.balance else None
    batches = Batches(
        pixels, votes, size=config.batch, seed=config.seed, change=CHANGE,
        weight=grouping.weight(learn.group, np.array(LABELS)[learn.label.argmax(1)], rare),
    )  # fmt: skip
    fit(
        step, net, batches, adamw(net, config.rate, config.decay), epochs=config.epochs,
        seed=config.seed, average=config.average, clip=3.0, validate=validate,
        precision=config.precision, device=config.device, out=out, config=asdict(config),
        on_step=on_step,
    )  # fmt: skip
    return net


def rarity(votes: Tensor, power: float) -> Tensor:
    """Sampling weights (N,) of images: labels with few votes are drawn more often.

    Args:
        votes: (N, C) shares, sum 1.
        power: 0 draws all images equally often, 1 all labels.
    """
    return votes @ votes.mean(0).clamp(min=1e-6) ** -power


def grey(faces: Faces) -> Tensor:
    """(N, 1, 64, 64) uint8."""
    shades = grey_input(faces.images)[:, :1] * 255
    return torch.from_numpy(np.rint(shades).astype(np.uint8))


def mirrored_logits(net: nn.Module, faces: Faces) -> Floats:
    """(2, N, 7) logits of each chip and of its mirror."""
    both = (faces.images, faces.images[:, :, ::-1])
    return torch.stack([predict_batches(net, images, pixels_of) for images in both]).numpy()


def pixels_of(chips: Pixels) -> Tensor:
    """The input of the network: (N, 3, 64, 64)."""
    return torch.from_numpy(grey_input(chips))


def softened(found: Floats, scale: float) -> Floats:
    """(N, 7) mean probability of chip and mirror image, logits divided by `scale`."""
    return np.asarray(softmax(found / np.float32(scale)).mean(0), np.float32)


def cross_entropy(shares: Floats, votes: Floats) -> float:
    """Mean over images of -sum(votes * log(shares)), both (N, 7) with sum 1."""
    return float(-(votes * np.log(np.maximum(shares, 1e-12))).sum(1).mean())


def temperature(found: Floats, votes: Floats) -> float:
    """Fit the divisor of the logits for which probabilities are calibrated to the votes.

    Source: Guo et al., "On calibration of modern neural networks", arXiv:1706.04599.
    """
    grid = np.geomspace(0.3, 3, 200)
    losses = [cross_entropy(softened(found, scale), votes) for scale in grid]
    return float(grid[np.argmin(losses)])


def evenness(found: Floats, votes: Floats, prior: Floats) -> float:
    """Choose how far the frequencies of the labels are evened, from 0 (not) to 1 (all equal).

    A third of FERPlus is neutral and a hundredth disgust, so a network that answers with shares of
    its raters hardly ever says disgust. Elsewhere labels have other frequencies. Dividing each
    probability by a power of its label's frequency finds more of the rare ones; the largest power
    is chosen that costs little accuracy.

    Args:
        found: (2, N, 7) calibrated logits of chips and their mirror images.
        votes: (N, 7) shares; images without a majority are left out.
        prior: (7,) mean shares in training.

    Source: Menon et al., "Long-tail learning via logit adjustment", arXiv:2007.07314, equation 9.
    """
    clear = votes.max(1) > 0.5
    label = votes[clear].argmax(1)
    if not len(label):
        return 0.0

    def accuracy(power: float) -> float:
        shares = softened(np.asarray(found[:, clear] - power * np.log(prior), np.float32), 1.0)
        return float((shares.argmax(1) == label).mean())

    powers = np.linspace(0, 1, 21)
    right = [accuracy(power) for power in powers]
    return float(max(p for p, one in zip(powers, right, strict=True) if one >= right[0] - COST))


def scores(head: Expression, faces: Faces) -> dict[str, float]:
    """Accuracy, calibration error, and divergence from the votes, of a head on labelled chips."""
    shares = head.probabilities(faces.images)
    right = shares.argmax(1) == faces.label.argmax(1)
    return {
        "accuracy": float(right.mean()),
        "calibration error": float(calibration_error(shares.max(1), right)),
        "KL to the votes": float(divergence(faces.label, shares).mean()),
    }

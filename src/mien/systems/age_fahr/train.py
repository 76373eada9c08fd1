"""Train the network of the card: mien train age-fahr --data utkface --out runs/age."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.systems.age_fahr.data import balance, bands, eras, parts
from mien.systems.age_fahr.head import KNOTS, YEARS, Age, means, tensor
from mien.systems.age_fahr.model import Exported, Net, convolutional, pretrained
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
from mien.types import Doubles, Floats, OnStep, Pixels


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    layout: str = "utkface"  # reader of the data set
    start: str = ""  # run folder of face-mae to start from; "": dlib's blocks
    blocks: int = 13  # of dlib's 14 residual blocks
    dropout: float = 0.2
    epochs: int = 14  # of the first stage, on all faces
    second: int = 5  # epochs of the second stage, on draws balanced by age
    batch: int = 64
    rate: float = 7e-4  # peak
    second_rate: float = 1e-4  # peak
    decay: float = 0.05
    blur: float = 2.5  # years, spread of the ages that a label represents
    average: float = 0.995
    mitigate: Draws = "none"  # how groups of people are drawn, so that their ages are not learnt
    group: str = ""  # of that: a label of the data set such as race or gender, or tone
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


CHANGE = Augment(shift=0.04, turn=8, scale=0.08, light=0.1, contrast=0.25, erase=0.3)
SURE = 0.9  # share of faces whose age lies in the interval
NEAR = 100  # held-out faces with the nearest answers, from which a half-width is taken


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Two stages: all faces, then draws balanced by age; evaluate the test part once.

    Args:
        config: settings.
        data: the data set; there is no synthetic one.
        out: run folder; weights.onnx is the shipped file, test.txt names the test part, and the
            result contains `reach`, the half-widths of the interval for the card.
        on_step: progress.

    Returns:
        Errors in years on the test part after each stage, and those of the shipped file.
    """
    if data is None:
        raise TrainingError("Ages are trained on images of people; name a folder with --data.")
    grouping = Grouping(config.mitigate, config.group)
    learn, choose, test, lost = parts(data, config.layout, out, on_step, grouping)
    names = "".join(f"{name}\n" for name in test.source)
    write_bytes(out / "test.txt", names.encode())  # for mien eval age --names
    seeded(config.seed)
    net = started(config, learn)
    stage(net, learn, choose, config, out / "first", on_step)
    after = {"first stage": errors(shares(net, test), test.label)}
    lower = replace(config, epochs=config.second, rate=config.second_rate)
    stage(net, learn, choose, lower, out / "second", on_step, balanced=True)
    after["second stage"] = errors(shares(net, test), test.label)
    some = pixels_of(learn.images[:64])
    apart = export(
        Exported(net), out / "weights-32.onnx", some, outputs=("logits", "vector"), tolerance=1e-3
    )
    ranges = [tensor(learn.images[k : k + 64]) for k in range(0, min(len(learn.label), 512), 64)]
    quantised(out / "weights-32.onnx", out / "weights.onnx", ranges)
    small = Age(out / "weights.onnx", name="weights", reach=[0.0] * len(KNOTS))
    far = reach(small.shares(choose.images), choose.label)
    after["shipped"] = errors(small.shares(test.images), test.label, far)
    return {"learnt from": len(learn.label), "chosen by": len(choose.label),
            "tested on": len(test.label), "lost": lost, **grouping.about(learn.group),
            "largest difference of the graph": apart, "reach": far, **after}  # fmt: skip


def started(config: Config, learn: Faces) -> Net:
    """The network before the first stage: dlib's blocks, or a pretrained transformer."""
    if config.start:
        return pretrained(Path(config.start), Age.crop.size, config.dropout)
    net = convolutional(config.blocks, Age.crop.size, config.dropout)
    pixels = torch.from_numpy(learn.images).permute(0, 3, 1, 2)
    first = pixels[torch.randperm(len(pixels))[:1024]].split(128)
    net.trunk.settle(CHANGE(batch) for batch in first)
    return net


def stage(
    net: Net, learn: Faces, choose: Faces, config: Config, out: Path | None,
    on_step: OnStep | None, *, balanced: bool = False,
) -> None:  # fmt: skip
    """Run one stage; the epoch with the smallest error on the selection part is kept.

    In the balanced stage that error is the mean over bands of age, else over faces.
    """
    pixels = torch.from_numpy(learn.images).permute(0, 3, 1, 2).contiguous()
    optimiser = adamw(net, config.rate, config.decay)

    def step(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return loss_of(network(batch[0]).float(), batch[1], config.blur)

    def validate(network: nn.Module) -> Mapping[str, float]:
        found = errors(shares(network, choose), choose.label)
        names = ("balanced error", "error") if balanced else ("error", "balanced error")
        return {name.replace(" ", "_"): found[name] for name in names}

    ages = torch.from_numpy(np.minimum(learn.label, YEARS[-1])).float()
    grouping = Grouping(config.mitigate, config.group)
    even = balance(learn.label) if balanced else None
    chances = grouping.weight(learn.group, eras(learn.label), even)
    batches = Batches(
        pixels, ages, size=config.batch, seed=config.seed, change=CHANGE, weight=chances
    )
    fit(
        step, net, batches, optimiser, epochs=config.epochs, seed=config.seed,
        average=config.average, clip=3.0, validate=validate, precision=config.precision,
        device=config.device, out=out, config=asdict(config), on_step=on_step,
    )  # fmt: skip


def loss_of(logits: Tensor, age: Tensor, blur: float) -> Tensor:
    """Divergence from a Gaussian around the label, plus a fifth of the error of the mean.

    Args:
        logits: (N, 101) of the years.
        age: (N,) years.
        blur: years, spread of the Gaussian; the error is in units of it.

    Source: Gao et al., "Age estimation using expectation of label distribution learning",
        IJCAI 2018, where both have the same weight.
    """
    years = torch.from_numpy(YEARS).to(logits)
    bell = torch.softmax(-((years - age[:, None]) ** 2) / (2 * blur**2), 1)
    away = (logits.softmax(1) @ years - age).abs().mean() / blur
    return F.cross_entropy(logits, bell) + 0.2 * away


def shares(net: nn.Module, faces: Faces) -> Floats:
    """(N, 101) probability of each year: mean of each chip and its mirror."""
    both = (faces.images, faces.images[:, :, ::-1])
    first, second = (predict_batches(net, images, pixels_of).softmax(1) for images in both)
    return np.asarray((first + second) / 2)


def pixels_of(chips: Pixels) -> Tensor:
    """The input of the network: (N, 3, 112, 112)."""
    return torch.from_numpy(tensor(chips))


def reach(found: Floats, age: Doubles) -> list[float]:
    """Half of the interval in years at each of KNOTS, so that 90 % of new faces lie inside.

    One half-width for all answers holds on average, but not for those of 40 to 60 years. So each
    is taken from the held-out faces with the nearest answers.

    Raises:
        TrainingError: too few held-out faces.

    Source: split conformal prediction; Lei et al., "Distribution-free predictive inference for
        regression", JASA 113, 2018; localised as in Boström and Johansson, "Mondrian conformal
        regressors", PMLR 128, 2020.
    """
    middle = means(found)
    rank = int(np.ceil((min(len(age), NEAR) + 1) * SURE))
    if rank > min(len(age), NEAR):
        raise TrainingError(f"{len(age)} held-out faces show no interval of {SURE:.0%}; add more.")
    off = np.abs(age - middle)
    near = [np.argsort(np.abs(middle - knot), kind="stable")[:NEAR] for knot in KNOTS]
    return [float(np.sort(off[rows])[rank - 1]) for rows in near]


def errors(found: Floats, age: Doubles, far: Sequence[float] | None = None) -> dict[str, float]:
    """Mean absolute error, its mean over bands of ten years, bias, coverage of the interval."""
    middle = means(found)
    off = middle - age
    band = bands(age, 10)
    each = [float(np.abs(off[band == b]).mean()) for b in np.unique(band)]
    out = {
        "error": float(np.abs(off).mean()),
        "balanced error": float(np.mean(each)),
        "error from 65": float(np.abs(off[age >= 65]).mean()) if (age >= 65).any() else np.nan,
        "bias": float(off.mean()),
    }
    if far is not None:
        out["inside"] = float((np.abs(off) <= np.interp(middle, KNOTS, far)).mean())
    return out

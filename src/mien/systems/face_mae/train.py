"""Pretrain on a folder of faces: mien train face-mae --data photos --out runs/mae."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import TrainingError
from mien.systems.face_mae.data import faces
from mien.systems.face_mae.head import tensor
from mien.systems.face_mae.model import Exported, autoencoder
from mien.train import Augment, Batches, adamw, export, fit, predict_batches, seeded
from mien.train.masked import Sizes, write_encoder
from mien.train.splits import group_ids, held_out
from mien.types import OnStep, Pixels


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one pretraining."""

    patch: int = 16  # px; divides 112
    width: int = 64  # numbers of a token
    depth: int = 4  # layers
    heads: int = 4  # of attention; divide the width
    epochs: int = 25
    batch: int = 128
    rate: float = 2e-3  # peak
    decay: float = 0.05
    held: float = 0.1  # share of the faces that measures, and selects the epoch
    leave_out: str = ""  # file with names of images that are not used, such as those of a test
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


CHANGE = Augment(shift=0.04, turn=8, scale=0.1, light=0.1, contrast=0.2)


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Learn to predict hidden patches; nothing but the images is used.

    Args:
        config: settings.
        data: a folder of images with faces.
        out: run folder; weights.onnx is the model, encoder.pt the start for other trainings.
        on_step: progress.

    Returns:
        Error on hidden patches of held-out faces, before and after, and of shuffled patches.
    """
    if data is None:
        raise TrainingError("Faces are learnt from images; name a folder with --data.")
    sizes = Sizes(patch=config.patch, width=config.width, depth=config.depth, heads=config.heads)
    chips = faces(data, config.leave_out, out, on_step)
    groups = group_ids([""] * len(chips.row), chips.content.tolist())
    learn, choose = held_out(groups, config.held)
    seeded(config.seed)
    try:
        net = autoencoder(sizes)
    except (ValueError, AssertionError) as error:
        raise TrainingError(f"A network of these sizes is not possible: {error}") from error
    shown = Exported(net)
    before = error_of(shown, chips.images[choose])
    pretrain(config, net, chips.images[learn], chips.images[choose], out, on_step)
    after = error_of(shown, chips.images[choose])
    some = pixels_of(chips.images[:8])
    apart = export(
        shown, out / "weights.onnx", some, outputs=("error", "vector"), half=True, tolerance=0.03
    )
    write_encoder(net.encoder, sizes, out)
    return {
        "learnt from": len(learn), "measured on": len(choose), "lost": chips.failures,
        "error before": before, "error": after,
        "error of shuffled patches": error_of(shown, shuffled(chips.images[choose], config.patch)),
        "largest difference of the graph": apart,
    }  # fmt: skip


def pretrain(
    config: Config, net: nn.Module, learn: Pixels, choose: Pixels, out: Path | None,
    on_step: OnStep | None,
) -> None:  # fmt: skip
    """Run the training; the epoch with the smallest error on the held-out faces is kept."""
    shown = Exported(net)

    def step(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        loss: Tensor = network(batch[0])
        return loss

    def validate(network: nn.Module) -> Mapping[str, float]:
        return {"hidden_error": error_of(shown, choose)}

    pixels = torch.from_numpy(learn).permute(0, 3, 1, 2).contiguous()
    fit(
        step, net, Batches(pixels, size=config.batch, seed=config.seed, change=CHANGE),
        adamw(net, config.rate, config.decay), epochs=config.epochs, seed=config.seed, clip=1.0,
        validate=validate, precision=config.precision, device=config.device, out=out,
        config=asdict(config), on_step=on_step,
    )  # fmt: skip


def error_of(shown: Exported, images: Pixels) -> float:
    """Mean error on hidden patches of (N, S, S, 3) images."""
    return float(predict_batches(_Error(shown), images, pixels_of, 64).mean())


class _Error(nn.Module):
    def __init__(self, shown: Exported) -> None:
        super().__init__()
        self.shown = shown

    def forward(self, pixels: Tensor) -> Tensor:
        error: Tensor = self.shown(pixels)[0]
        return error


def shuffled(images: Pixels, patch: int) -> Pixels:
    """The images with their patches in random order: what a face is, is lost."""
    count, side = len(images), images.shape[1] // patch
    cut = images.reshape(count, side, patch, side, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    cut = cut.reshape(count, side * side, patch, patch, 3)
    order = np.random.default_rng(0).permuted(np.tile(np.arange(side * side), (count, 1)), axis=1)
    mixed = np.take_along_axis(cut, order[..., None, None, None], 1)
    mixed = mixed.reshape(count, side, side, patch, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    return np.ascontiguousarray(mixed.reshape(images.shape))


def pixels_of(chips: Pixels) -> Tensor:
    """The input of the network: (N, 3, 112, 112)."""
    return torch.from_numpy(tensor(chips))

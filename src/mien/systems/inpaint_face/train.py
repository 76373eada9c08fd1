"""Train the network of the card: mien train inpaint-face --data utkface --out runs/inpaint."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import TrainingError
from mien.systems.inpaint_face.data import Faces, filled, parts
from mien.systems.inpaint_face.holes import Mask, any_hole
from mien.systems.inpaint_face.model import Inpainter
from mien.train import adamw, export, fit, seeded
from mien.types import OnStep, Pixels

HALF = 3e-3  # largest difference of the 16-bit file, of pixels in [0, 1]
EDGES = 0.5  # weight of the errors of differences between neighbours


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    epochs: int = 20
    batch: int = 16
    rate: float = 1e-3  # peak
    decay: float = 1e-4
    average: float = 0.998
    precision: Literal["32", "bf16"] = "32"
    device: str = "cpu"
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on UTKFace; out/weights.onnx is the shipped file.

    Returns:
        Mean absolute error of hidden pixels of the selection part, before and after.
    """
    if data is None:
        raise TrainingError("inpaint-face learns from photographs; give --data UTKFACE, unpacked.")
    learn, choose, _ = parts(data, out, on_step)
    net, found = fitted(config, learn, choose, out, on_step)
    holes = [any_hole(64, k) for k in range(4)]
    some = tensor(filled(choose.images[:4], holes), holes)
    apart = export(net, out / "weights.onnx", some, outputs=("y",), half=True, tolerance=HALF)
    return {"learnt from": len(learn.images), **found, "graph differs by": apart}


def fitted(
    config: Config, learn: Faces, choose: Faces, out: Path | None, on_step: OnStep | None = None
) -> tuple[nn.Module, dict[str, float]]:
    """Train a network; the epoch with the least error of hidden pixels is kept."""
    seeded(config.seed)
    net = Inpainter()
    holes = [any_hole(choose.images.shape[1], 7919 + k) for k in range(len(choose.images))]
    given, whole = tensor(filled(choose.images, holes), holes), pixels(choose.images)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, true = batch
        return hidden_error(model(x), true, x[:, 3:])

    def validate(model: nn.Module) -> Mapping[str, float]:
        parts = [(model(x), y, x[:, 3:]) for x, y in
                 zip(given.split(64), whole.split(64), strict=True)]  # fmt: skip
        errors = [float(_l1(*part)) * len(part[0]) for part in parts]
        return {"hidden pixel error": float(np.sum(errors) / len(whole))}

    before = float(_l1(given[:, :3], whole, given[:, 3:]))
    rows = fit(
        step, net, HiddenBatches(learn.images, config.batch, config.seed),
        adamw(net, config.rate, config.decay), epochs=config.epochs, seed=config.seed,
        average=config.average, clip=1.0, validate=validate, precision=config.precision,
        device=config.device, out=out, config=asdict(config), on_step=on_step,
    )  # fmt: skip
    after = min(row["hidden pixel error"] for row in rows)
    return net, {"error before": before, "error": after}


def hidden_error(found: Tensor, true: Tensor, hidden: Tensor) -> Tensor:
    """Mean absolute error of hidden pixels and of their differences to neighbours."""
    edges = [_l1(found.diff(dim=k), true.diff(dim=k), hidden.narrow(k, 1, hidden.shape[k] - 1))
             for k in (2, 3)]  # fmt: skip
    return _l1(found, true, hidden) + EDGES * torch.stack(edges).sum()


def _l1(found: Tensor, true: Tensor, hidden: Tensor) -> Tensor:
    """Mean over images of the mean absolute error of their hidden pixels."""
    each = (abs(found - true) * hidden).sum((1, 2, 3)) / (3 * hidden.sum((1, 2, 3))).clamp(min=1)
    return each.mean()


class HiddenBatches:
    """Batches of filled faces with their mask, and whole faces; other holes in each epoch."""

    def __init__(self, images: Pixels, size: int, seed: int = 0) -> None:
        self.images, self.size, self.seed = images, min(size, len(images)), seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Select the order and the holes of that epoch; `fit` does so."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.images) // self.size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([self.seed, self.epoch, 139])
        order = rng.permutation(len(self.images))
        for start in range(0, len(self) * self.size, self.size):
            rows = order[start : start + self.size]
            whole = [np.ascontiguousarray(self.images[k][:, :: rng.choice((1, -1))]) for k in rows]
            first = int(rng.integers(1 << 30))
            holes = [any_hole(one.shape[0], first + k) for k, one in enumerate(whole)]
            yield tensor(filled(np.stack(whole), holes), holes), pixels(np.stack(whole))


def tensor(images: Pixels, holes: list[Mask]) -> Tensor:
    """(N, 4, S, S) input of the network."""
    masks = torch.from_numpy(np.stack(holes)[:, None].astype(np.float32))
    return torch.cat([pixels(images), masks], 1)


def pixels(images: Pixels) -> Tensor:
    """(N, S, S, 3) to (N, 3, S, S) in [0, 1]."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)

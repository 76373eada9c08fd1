"""Train the network of the card: mien train inpaint-face --data utkface --out runs/inpaint."""

from collections.abc import Mapping
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
from mien.train import ChangedBatches, adamw, export, fit, seeded, unit_tensor
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
    some, _ = partly_hidden(choose.images[:4], 0)
    apart = export(net, out / "weights.onnx", some, outputs=("y",), half=True, tolerance=HALF)
    return {"learnt from": len(learn.images), **found, "graph differs by": apart}


def fitted(
    config: Config, learn: Faces, choose: Faces, out: Path | None, on_step: OnStep | None = None
) -> tuple[nn.Module, dict[str, float]]:
    """Train a network; the epoch with the least error of hidden pixels is kept."""
    seeded(config.seed)
    net = Inpainter()
    given, whole = partly_hidden(choose.images, 7919)

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
        step, net, ChangedBatches(learn.images, config.batch, partly_hidden, config.seed),
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


def partly_hidden(whole: Pixels, number: int) -> tuple[Tensor, Tensor]:
    """Filled faces with their mask (N, 4, 64, 64), and whole faces (N, 3, 64, 64)."""
    holes = [any_hole(whole.shape[1], number + k) for k in range(len(whole))]
    return tensor(filled(whole, holes), holes), unit_tensor(whole)


def tensor(images: Pixels, holes: list[Mask]) -> Tensor:
    """(N, 4, S, S) input of the network."""
    masks = torch.from_numpy(np.stack(holes)[:, None].astype(np.float32))
    return torch.cat([unit_tensor(images), masks], 1)

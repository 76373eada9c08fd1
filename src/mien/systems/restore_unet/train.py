"""Train the network of the card: mien train restore-unet --data utkface --out runs/restore."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from mien.media import write_bytes
from mien.metrics import psnr
from mien.systems.restore_unet.data import (
    Faces,
    joined,
    parts,
    rendered,
    spoil_for_training,
)
from mien.systems.restore_unet.model import network
from mien.train import (
    ChangedBatches,
    adamw,
    export,
    fit,
    predict_batches,
    seeded,
    unit_tensor,
)
from mien.train.unet import log_error
from mien.types import OnStep, Pixels

SELECT = 160  # faces of the selection part that are restored after each epoch
HALF = 3e-3  # largest difference of the 16-bit file, of pixels in [0, 1]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    rendered: int = 200  # rendered people in the training part
    epochs: int = 12
    batch: int = 16
    rate: float = 6e-4  # peak
    decay: float = 1e-4
    least: float = 1e-5  # mean squared error that counts as small: 50 dB
    average: float = 0.998
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on photographs and rendered faces, or on rendered faces alone.

    Args:
        config: settings.
        data: UTKFace, unpacked; None: rendered faces only.
        out: run folder; weights.onnx is the shipped file, test.txt names the test part.
        on_step: progress.

    Returns:
        PSNR on the selection part, before and after.
    """
    made = rendered(config.rendered, config.seed, on_step)
    if data is None:
        few = max(2, len(made.images) // 8)
        learn, choose = made.rows(np.arange(few, len(made.images))), made.rows(np.arange(few))
    else:
        learn, choose, test = parts(data, out, on_step)
        write_bytes(out / "test.txt", "".join(f"{name}\n" for name in test.name).encode())
        learn = joined(learn, made)
    net, found = fitted(config, learn, choose, out, on_step)
    some = unit_tensor(choose.images[:4])
    apart = export(net, out / "weights.onnx", some, outputs=("y",), half=True, tolerance=HALF)
    return {"learnt from": len(learn.images), "chosen by": len(choose.images), **found,
            "largest difference of the graph": apart}  # fmt: skip


def fitted(
    config: Config, learn: Faces, choose: Faces, out: Path | None, on_step: OnStep | None = None
) -> tuple[nn.Module, dict[str, float]]:
    """Train a network; the epoch with the best PSNR on the selection part is kept."""
    seeded(config.seed)
    net = network()

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        bad, clean = batch
        return log_error(model(bad).float(), clean, config.least)

    some = choose.rows(np.arange(min(SELECT, len(choose.images))))
    bad = np.stack([spoil_for_training(one, 7919 + k) for k, one in enumerate(some.images)])

    def validate(model: nn.Module) -> Mapping[str, float]:
        return {"psnr": float(psnr(restored(model, bad), some.images).mean())}

    fit(
        step, net, ChangedBatches(learn.images, config.batch, spoiled, config.seed),
        adamw(net, config.rate, config.decay), epochs=config.epochs, seed=config.seed,
        average=config.average, clip=1.0, validate=validate, precision=config.precision,
        device=config.device, out=out, config=asdict(config), on_step=on_step,
    )  # fmt: skip
    found = (psnr(one, some.images) for one in (bad, restored(net, bad)))
    before, after = (float(np.median(one)) for one in found)  # some are left clean: infinite
    return net, {"median psnr before": before, "median psnr": after}


def restored(net: nn.Module, images: Pixels) -> Pixels:
    """(N, 128, 128, 3) the output of the network, rounded."""
    found = predict_batches(net, images, unit_tensor, 32).clamp(0, 1).numpy()
    return np.asarray(np.rint(found.transpose(0, 2, 3, 1) * 255), np.uint8)


def spoiled(clean: Pixels, number: int) -> tuple[Tensor, Tensor]:
    """Degraded and clean faces, both (N, 3, 128, 128)."""
    bad = [spoil_for_training(face, number + k) for k, face in enumerate(clean)]
    return unit_tensor(np.stack(bad)), unit_tensor(clean)

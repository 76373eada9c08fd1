"""Train the network: mien train evoked-a4net --data SET, or on drawn scenes without --data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.metrics import confusion, macro_f1, ranked_precision
from mien.systems.evoked_a4net.data import read_set
from mien.systems.evoked_a4net.drawn import Scenes, draw_scenes
from mien.systems.evoked_a4net.head import BRANCHES, FACES, OUTPUTS, as_input
from mien.systems.evoked_a4net.model import Net
from mien.train import Augment, Batches, adamw, export, fit, seeded
from mien.types import Floats, OnStep


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    side: int = 64  # px; 224 in the source
    widths: tuple[int, ...] = (16, 32, 64, 128)  # 96, 192, 384, 768 in the source
    depths: tuple[int, ...] = (3, 1, 2, 1)  # 3, 3, 9, 3 in the source
    size: int = 32  # of the vector of each branch; 128 in the source
    use: tuple[str, ...] = BRANCHES  # branches
    images: int = 1500  # to learn from; 0: all of the data set
    test: int = 1000  # drawn scenes to measure on
    light: float = 0.0  # of a colour jitter, which falsifies brightness and colourfulness
    epochs: int = 8
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on a labelled set, or on drawn scenes; write out/weights.onnx and measure once."""
    if data is None:
        learn = draw_scenes(config.images, 2 * config.seed, config.side)
        test = draw_scenes(config.test, 2 * config.seed + 1, config.side)
    else:
        learn = read_set(data, "train", config.side, config.images, on_step)
        test = read_set(data, "test", config.side, 0, on_step)
    if test.emotions != learn.emotions:
        raise TrainingError(
            f"The emotions of the training part ({', '.join(learn.emotions)}) are not those of the "
            f"test part ({', '.join(test.emotions)})."
        )
    net = network(config, learn, out, on_step)
    [example] = parts_of(learn.rows(np.arange(min(8, len(learn.emotion)))))
    apart = export(net, out / "weights.onnx", example, outputs=OUTPUTS)
    return {"graph differs by": apart, "learnt from": len(learn.emotion), "side": config.side,
            "scenes": learn.scenes, "emotions": learn.emotions,
            "several": len(learn.several) > 0, **measured(answers(net, test), test)}  # fmt: skip


def network(
    config: Config, learn: Scenes, out: Path | None = None, on_step: OnStep | None = None
) -> Net:
    """A trained network, with the mean of each branch over the pictures that it learnt from."""
    seeded(config.seed)
    net = Net(config.widths, config.depths, len(learn.scenes), config.size, config.use,
              emotions=len(learn.emotions))  # fmt: skip
    emotion = learn.several if len(learn.several) else learn.emotion
    columns = (learn.images.transpose(0, 3, 1, 2), emotion, learn.colourfulness,
               learn.brightness, learn.scene, learn.face)  # fmt: skip
    change = Augment(flip=0.5, light=config.light, contrast=config.light)
    rows = Batches(*map(torch.from_numpy, map(np.ascontiguousarray, columns)), size=config.batch,
                   seed=config.seed, change=change)  # fmt: skip

    def step(model: nn.Module, batch: Any) -> Tensor:
        inner = model if isinstance(model, Net) else model.module
        assert isinstance(inner, Net)
        return loss(inner, *batch)

    fit(step, net, rows, adamw(net, config.rate, 0.05), epochs=config.epochs, seed=config.seed,
        schedule="one-cycle", clip=1.0, out=out, config=config, on_step=on_step)  # fmt: skip
    with torch.no_grad():
        fused = torch.cat([net.found(part).fused for part in parts_of(learn)])
        start = fused.shape[1] - net.means.numel()
        net.means.copy_(fused[:, start:].mean(0).view_as(net.means))
    return net


def loss(
    net: Net, x: Tensor, emotion: Tensor, colour: Tensor, bright: Tensor, scene: Tensor,
    face: Tensor,
) -> Tensor:  # fmt: skip
    """Cross-entropy of the emotion or emotions, and the losses of the branches that are used."""
    found = net.found(x)
    parts = (
        F.mse_loss(found.parts[0][:, 0], colour), F.mse_loss(found.parts[1][:, 0], bright),
        0.5 * labelled(found.parts[2], scene), 0.5 * labelled(found.parts[3], face),
    )  # fmt: skip
    used = [part for part, use in zip(parts, net.use, strict=True) if use]
    several = emotion.ndim == 2
    whole = F.binary_cross_entropy_with_logits if several else F.cross_entropy
    return torch.stack([whole(found.logits, emotion), *used]).sum()


def labelled(logits: Tensor, label: Tensor) -> Tensor:
    """Mean cross-entropy over the rows that have a label (not -1); 0 if none has."""
    total = F.cross_entropy(logits, label, ignore_index=-1, reduction="sum")
    return total / (label >= 0).sum().clamp(min=1)


def parts_of(some: Scenes) -> Sequence[Tensor]:
    """The input of the network, 128 pictures at a time."""
    return torch.from_numpy(as_input(some.images)).split(128)


@torch.no_grad()
def answers(net: Net, some: Scenes) -> dict[str, Floats]:
    """The outputs of the head."""
    net.eval()
    parts = [net(part) for part in parts_of(some)]
    return {name: torch.cat([one[k] for one in parts]).numpy() for k, name in enumerate(OUTPUTS)}


def measured(found: Mapping[str, Floats], some: Scenes) -> dict[str, Any]:
    """Accuracy and macro F1 of the emotion; errors and accuracies of the attributes."""
    result: dict[str, Any] = {
        **(_several(found["logits"], some) if len(some.several) else _one(found["logits"], some)),
        "colourfulness error": _error(found["attributes"][:, 0], some.colourfulness),
        "brightness error": _error(found["attributes"][:, 1], some.brightness),
    }
    known = some.scene >= 0
    if known.any():
        right = found["scene"].argmax(1) == some.scene
        result["scene accuracy"] = float(right[known].mean())
    shown = some.face >= 0
    if shown.any():
        result["face F1"] = _face_f1(found["face"], some, shown)
    large = shown & (some.height >= 20)
    if large.any():
        result["face F1 from 20 px"] = _face_f1(found["face"], some, large)
    if len(some.share):
        result["ceiling"] = float(some.share.max(1).mean())
    return result


def _one(logits: Floats, some: Scenes) -> dict[str, float]:
    """Of one emotion per picture."""
    table = confusion(some.emotion, logits.argmax(1), tuple(map(str, range(len(some.emotions)))))
    recalls = {f"recall {name}": float(row[k] / max(1, row.sum()))
               for k, (name, row) in enumerate(zip(some.emotions, table, strict=True))}  # fmt: skip
    return {"accuracy": float(table.trace() / table.sum()), "macro F1": macro_f1(table), **recalls}


def _several(logits: Floats, some: Scenes) -> dict[str, float]:
    """Of several emotions per picture: mean average precision, and that of a constant answer."""
    there = some.several.any(0)
    each = [ranked_precision(logits[:, k], some.several[:, k]) for k in np.flatnonzero(there)]
    return {"mean average precision": float(np.mean(each)),
            "by a constant answer": float(some.several[:, there].mean())}  # fmt: skip


def _error(predicted: Floats, truth: Floats) -> float:
    return float(np.abs(predicted - truth).mean())


def _face_f1(logits: Floats, some: Scenes, rows: Any) -> float:
    names = tuple(str(k) for k in range(len(FACES)))
    return macro_f1(confusion(some.face[rows], logits.argmax(1)[rows], names))
